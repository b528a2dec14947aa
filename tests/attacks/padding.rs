//! Padding oracles: whoever may ask for a decryption must not learn why one failed, neither from the code nor from the
//! time.

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::Error;
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::object::Value;

use crate::common::template;
use crate::host::*;
use crate::random::Random;
use crate::rsa_blocks::{Blocks, OAEP_FAULTS, PKCS1_FAULTS};
use crate::timing;

/// Wrong inputs for each mechanism.
fn tries() -> usize {
    amount(700, 100_000)
}

fn oaep() -> Params {
    Params::Oaep { hash: CKM_SHA256, mgf: CKG_MGF1_SHA256, label: Vec::new() }
}

/// Bleichenbacher; the answer is the implicit rejection of draft-irtf-cfrg-rsa-guidance.
#[test]
fn a_wrong_v1_5_padding_decrypts_like_a_right_one() {
    let blocks = Blocks::new(RSA_BITS);
    let mut random = Random::new(seed());
    let decrypt = |sealed: &[u8]| blocks.host.decrypt(CKM_RSA_PKCS, &Params::None, blocks.private, sealed);
    let right = blocks.pkcs1(b"message", &mut random);
    assert_eq!(decrypt(&blocks.seal(&right)).unwrap(), b"message");
    let mut lengths = std::collections::BTreeSet::new();
    for index in 0..tries() {
        let block = blocks.wrong_pkcs1(index % PKCS1_FAULTS.len(), &mut random);
        let sealed = blocks.seal(&block);
        let message = decrypt(&sealed).expect("an answer that looks like success");
        assert!(message.len() <= blocks.length - 11, "a length that no message has");
        assert!(message.len() < 8 || !contains(&block, &message), "a part of the block");
        if index < 100 {
            assert_eq!(decrypt(&sealed).unwrap(), message, "the same ciphertext gave another message");
        }
        lengths.insert(message.len());
    }
    assert!(lengths.len() > 100, "messages of {} lengths only", lengths.len());
    println!("{} wrong blocks, all decrypted", tries());
}

/// Bardou and others: what C_Decrypt hides, C_UnwrapKey must not tell.
#[test]
fn a_wrong_v1_5_padding_unwraps_like_a_right_one() {
    let blocks = Blocks::new(RSA_BITS);
    let mut random = Random::new(seed());
    let readable = secret_key(CKK_GENERIC_SECRET, &[no(CKA_SENSITIVE), yes(CKA_EXTRACTABLE)]);
    let session = &blocks.host.session;
    let unwrap = |sealed: &[u8]| {
        let key = session.unwrap_key(CKM_RSA_PKCS, &Params::None, blocks.private, sealed, &readable)?;
        let value = blocks.host.value(key)?;
        session.destroy_object(key)?;
        Ok::<_, Error>(value)
    };
    let right = blocks.pkcs1(b"a wrapped secret", &mut random);
    assert_eq!(unwrap(&blocks.seal(&right)).unwrap(), b"a wrapped secret");
    let empty = unwrap(&blocks.seal(&blocks.pkcs1(b"", &mut random)));
    let mut keys = 0;
    for index in 0..tries() {
        let block = blocks.wrong_pkcs1(index % PKCS1_FAULTS.len(), &mut random);
        let sealed = blocks.seal(&block);
        let answer = unwrap(&sealed);
        match &answer {
            Ok(value) => assert!(value.len() < 8 || !contains(&block, value)),
            // A message of no bytes, right or wrong.
            Err(_) => assert_eq!(answer, empty),
        }
        if index < 100 {
            assert_eq!(unwrap(&sealed), answer, "the same ciphertext gave another key");
        }
        keys += usize::from(answer.is_ok());
    }
    assert!(keys * 20 > tries() * 19, "only {keys} keys");
    println!("{} wrong blocks, {keys} keys and {} of no bytes", tries(), tries() - keys);
}

/// Where the template wants a type with fixed lengths, a key of another length is refused. Right and wrong paddings both
/// come with any length, so that the refusal tells nothing of the padding.
#[test]
fn the_length_of_an_unwrapped_key_tells_nothing_of_its_padding() {
    let blocks = Blocks::new(RSA_BITS);
    let mut random = Random::new(seed());
    let wanted = secret_key(CKK_AES, &[]);
    let answers = |block: &[u8]| {
        let sealed = blocks.seal(block);
        blocks.host.session.unwrap_key(CKM_RSA_PKCS, &Params::None, blocks.private, &sealed, &wanted).err()
    };
    let (mut right, mut wrong) = (Vec::new(), Vec::new());
    for index in 0..amount(700, 20_000) {
        let message = random.bytes(index % (blocks.length - 10));
        right.push(answers(&blocks.pkcs1(&message, &mut random)));
        wrong.push(answers(&blocks.wrong_pkcs1(index % PKCS1_FAULTS.len(), &mut random)));
    }
    for answers in [&right, &wrong] {
        let keys = answers.iter().filter(|answer| answer.is_none()).count();
        assert!(keys > 0, "a right length was never met");
        // 3 of 118 lengths.
        assert!(keys * 10 < answers.len(), "{keys} of {} lengths were right", answers.len());
    }
    println!("{} right and as many wrong blocks with any length, answered alike", right.len());
    let kinds = |answers: &[Option<Error>]| {
        let mut kinds: Vec<_> = answers.iter().map(|answer| format!("{answer:?}")).collect();
        kinds.sort();
        kinds.dedup();
        kinds
    };
    assert_eq!(kinds(&right), kinds(&wrong));
}

#[test]
fn a_wrong_v1_5_padding_takes_as_long_as_a_right_one() {
    let blocks = Blocks::new(RSA_BITS);
    let mut random = Random::new(seed());
    let mut kinds = vec!["right"];
    kinds.extend(PKCS1_FAULTS);
    let inputs: Vec<Vec<Vec<u8>>> = (0..kinds.len())
        .map(|kind| {
            let block = |random: &mut Random| match kind {
                0 => blocks.pkcs1(&random.bytes(16), random),
                wrong => blocks.wrong_pkcs1(wrong - 1, random),
            };
            (0..16).map(|_| blocks.seal(&block(&mut random))).collect()
        })
        .collect();
    let next = std::cell::Cell::new(0);
    let make = |kind: usize| {
        next.set(next.get() + 1);
        inputs[kind][next.get() % 16].clone()
    };
    timing::equal("C_Decrypt with CKM_RSA_PKCS", &kinds, amount(151, 5_000), make, |sealed| {
        blocks.host.decrypt(CKM_RSA_PKCS, &Params::None, blocks.private, &sealed).unwrap();
    });
}

/// Manger: the first byte, the label's hash and the padding are checked in one go.
#[test]
fn whatever_is_wrong_with_oaep_has_one_answer() {
    let blocks = Blocks::new(RSA_BITS);
    let mut random = Random::new(seed());
    let (session, private) = (&blocks.host.session, blocks.private);
    let right = blocks.seal(&blocks.oaep(b"0123456789abcdef", &mut random));
    let decrypt = |sealed: &[u8]| blocks.host.decrypt(CKM_RSA_PKCS_OAEP, &oaep(), private, sealed);
    assert_eq!(decrypt(&right).unwrap(), b"0123456789abcdef");
    let wanted = secret_key(CKK_AES, &[]);
    for index in 0..tries() {
        let sealed = blocks.seal(&blocks.wrong_oaep(index % OAEP_FAULTS.len(), &mut random));
        assert_eq!(decrypt(&sealed).err(), Some(Error::EncryptedDataInvalid));
        if index % 4 == 0 {
            let unwrapped = session.unwrap_key(CKM_RSA_PKCS_OAEP, &oaep(), private, &sealed, &wanted);
            assert_eq!(unwrapped.err(), Some(Error::WrappedKeyInvalid));
        }
    }
    println!("{} wrong blocks, one answer", tries());
}

#[test]
fn whatever_is_wrong_with_oaep_takes_the_same_time() {
    let blocks = Blocks::new(RSA_BITS);
    let mut random = Random::new(seed());
    let mut block = |kind| blocks.seal(&blocks.wrong_oaep(kind, &mut random));
    let inputs: Vec<Vec<Vec<u8>>> =
        (0..OAEP_FAULTS.len()).map(|kind| (0..16).map(|_| block(kind)).collect()).collect();
    let next = std::cell::Cell::new(0);
    let make = |kind: usize| {
        next.set(next.get() + 1);
        inputs[kind][next.get() % 16].clone()
    };
    timing::equal("C_Decrypt with CKM_RSA_PKCS_OAEP", &OAEP_FAULTS, amount(151, 5_000), make, |sealed| {
        blocks.host.decrypt(CKM_RSA_PKCS_OAEP, &oaep(), blocks.private, &sealed).unwrap_err();
    });
}

/// What is wrong with the padding of CBC, in the last block: the length, and where the first wrong byte is.
const CBC_FAULTS: [&str; 5] =
    ["a length of zero", "a length above a block", "a wrong last but one", "a wrong first", "random bytes"];

fn wrong_cbc(kind: usize, random: &mut Random) -> Vec<u8> {
    let mut block = random.bytes(64);
    match CBC_FAULTS[kind] {
        "a length of zero" => block[63] = 0,
        "a length above a block" => block[63] = 17 + random.below(239) as u8,
        "a wrong last but one" => {
            block[48..].fill(16);
            block[62] = 15;
        }
        "a wrong first" => {
            block[48..].fill(16);
            block[48] = 15;
        }
        _ => block[63] = 0x80,
    }
    block
}

/// Vaudenay. That right and wrong differ lies in the mechanism; where it is wrong, nobody learns.
#[test]
fn whatever_is_wrong_with_cbc_padding_has_one_answer() {
    let host = Host::new();
    let key = host.new_aes(&[yes(CKA_ENCRYPT), yes(CKA_DECRYPT), yes(CKA_UNWRAP)]);
    let mut random = Random::new(seed());
    let unpadded = |data: &[u8]| host.encrypt(CKM_AES_CBC, &iv(), key, data).unwrap();
    for index in 0..tries() {
        let sealed = unpadded(&wrong_cbc(index % CBC_FAULTS.len(), &mut random));
        let opened = host.decrypt(CKM_AES_CBC_PAD, &iv(), key, &sealed);
        assert_eq!(opened.err(), Some(Error::EncryptedDataInvalid));
        let unwrapped =
            host.session.unwrap_key(CKM_AES_CBC_PAD, &iv(), key, &sealed, &secret_key(CKK_AES, &[]));
        assert_eq!(unwrapped.err(), Some(Error::WrappedKeyInvalid));
        host.session.decrypt_init(CKM_AES_CBC_PAD, &iv(), key).unwrap();
        filled(|output| host.session.decrypt_update(&sealed, output)).unwrap();
        let finished = filled(|output| host.session.decrypt_final(output));
        assert_eq!(finished.err(), Some(Error::EncryptedDataInvalid));
    }
    println!("{} wrong paddings, one answer in each of three functions", tries());
}

#[test]
fn whatever_is_wrong_with_cbc_padding_takes_the_same_time() {
    let host = Host::new();
    let key = host.new_aes(&[yes(CKA_ENCRYPT), yes(CKA_DECRYPT)]);
    let mut random = Random::new(seed());
    let mut sealed = |kind| host.encrypt(CKM_AES_CBC, &iv(), key, &wrong_cbc(kind, &mut random)).unwrap();
    let inputs: Vec<Vec<u8>> = (0..CBC_FAULTS.len()).map(&mut sealed).collect();
    timing::equal(
        "C_Decrypt with CKM_AES_CBC_PAD",
        &CBC_FAULTS,
        amount(1_001, 50_000),
        |kind| &inputs[kind],
        |sealed| {
            host.decrypt(CKM_AES_CBC_PAD, &iv(), key, sealed).unwrap_err();
        },
    );
}

/// CKM_RSA_AES_KEY_WRAP has two parts: which of them is wrong would be Manger's oracle again.
#[test]
fn whatever_is_wrong_with_a_key_under_rsa_and_aes_has_one_answer() {
    let blocks = Blocks::new(RSA_BITS);
    let mut random = Random::new(seed());
    let params = Params::RsaAesKeyWrap { key_bits: 256, oaep: Box::new(oaep()) };
    let key = blocks.host.aes(&[5; 32], &[yes(CKA_EXTRACTABLE)]);
    let good = blocks.host.wrap(CKM_RSA_AES_KEY_WRAP, &params, blocks.public, key).unwrap();
    let wanted =
        template(&[(CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)), (CKA_KEY_TYPE, Value::Ulong(CKK_AES))]);
    let unwrap = |wrapped: &[u8]| {
        blocks.host.session.unwrap_key(CKM_RSA_AES_KEY_WRAP, &params, blocks.private, wrapped, &wanted).err()
    };
    assert_eq!(unwrap(&good), None);
    let tries = amount(200, 100_000);
    for index in 0..tries {
        let mut wrapped = good.clone();
        let sealed = match index % 3 {
            // The second part.
            0 => good[..blocks.length].to_vec(),
            // A right transport key of a wrong length.
            1 => blocks.seal(&blocks.oaep(&random.bytes(16), &mut random)),
            _ => blocks.seal(&blocks.wrong_oaep(index % OAEP_FAULTS.len(), &mut random)),
        };
        wrapped[..blocks.length].copy_from_slice(&sealed);
        if index % 3 == 0 {
            wrapped[blocks.length + random.below(40)] ^= 1;
        }
        assert_eq!(unwrap(&wrapped), Some(Error::WrappedKeyInvalid));
    }
    println!("{tries} wrong keys under RSA and AES, one answer");
}
