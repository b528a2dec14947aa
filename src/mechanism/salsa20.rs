//! Salsa20 (PKCS#11 section 6.59) and its keys; a nonce of 192 bits makes it XSalsa20.

use crate::ck::*;
use crate::crypto::cipher::Direction;
use crate::crypto::salsa20::{KEY, Salsa20};
use crate::error::{Error, Result};
use crate::policy::UsableKey;

use super::block_modes::unpadded;
use super::generate;
use super::operation::Cipher;
use super::params::{ParamKind, Params};
use super::row::{Approval, KeyNeed, Mechanism, Ops};
use super::wrapping::cipher_ops;

pub(super) static ROWS: &[Mechanism] = &[
    row(
        CKM_SALSA20_KEY_GEN,
        "CKM_SALSA20_KEY_GEN",
        ParamKind::None,
        Ops {
            generate_key: Some(|_, template| generate::of_one_length(CKK_SALSA20, template, KEY as u64)),
            ..Ops::NONE
        },
    ),
    row(
        CKM_SALSA20,
        "CKM_SALSA20",
        ParamKind::Salsa20,
        cipher_ops!(
            |key: &UsableKey, params: &Params| stream(key, params, Direction::Encrypt),
            |key: &UsableKey, params: &Params| stream(key, params, Direction::Decrypt)
        ),
    ),
];

const fn row(id: CK_MECHANISM_TYPE, name: &'static str, params: ParamKind, ops: Ops) -> Mechanism {
    let key = KeyNeed::secret(&[CKK_SALSA20]);
    let sizes = (KEY as u64, KEY as u64);
    Mechanism { id, name, params, key, sizes, flags: 0, approval: Approval::NotApproved, ops }
}

fn stream(key: &UsableKey, params: &Params, direction: Direction) -> Result<Box<dyn Cipher>> {
    let Params::Salsa20 { counter, nonce } = params else {
        return Err(Error::MechanismParamInvalid);
    };
    let value = key.object().material(CKA_VALUE)?.ok_or(Error::GeneralError)?;
    Ok(unpadded(Salsa20::new(value, nonce, *counter)?, direction))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanism::lookup;
    use crate::mechanism::testing::*;
    use crate::object::{Attributes, Value};

    fn params(nonce: &[u8], counter: u64) -> Params {
        Params::Salsa20 { counter, nonce: nonce.to_vec() }
    }

    /// Both directions, in one part and in every split.
    fn check(key: &UsableKey, params: &Params, plaintext: &[u8], ciphertext: &[u8]) {
        let start = || encrypting(CKM_SALSA20, key, params).unwrap();
        assert_eq!(once(start(), plaintext), Ok(ciphertext.to_vec()));
        every_split_agrees(start, plaintext, &Ok(ciphertext.to_vec()));
        let start = || decrypting(CKM_SALSA20, key, params).unwrap();
        assert_eq!(once(start(), ciphertext), Ok(plaintext.to_vec()));
    }

    /// The verified vectors of eSTREAM for 256 bits, set 1, number 0: the first 64 bytes.
    #[test]
    fn salsa20_gives_the_key_stream_of_estream() {
        let key_stream = "e3be8fdd8beca2e3ea8ef9475b29a6e7003951e1097a5c38d23b7a5fad9f6844\
                          b22c97559e2723c7cbbd3fe4fc8d9a0744652a83e72a9c461876af4d7ef1a117";
        let mut value = [0; 32];
        value[0] = 0x80;
        let key = secret_key(CKK_SALSA20, &value);
        check(&key, &params(&[0; 8], 0), &[0; 64], &unhex(key_stream));
        let whole = once(encrypting(CKM_SALSA20, &key, &params(&[0; 8], 0)).unwrap(), &[0; 192]).unwrap();
        check(&key, &params(&[0; 8], 1), &[0; 128], &whole[64..]);
    }

    /// The first 32 bytes of key stream in the paper "Cryptography in NaCl", section 10.
    #[test]
    fn xsalsa20_gives_the_key_stream_of_nacl() {
        let key = "1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389";
        let nonce = "69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37";
        let key_stream = "eea6a7251c1e72916d11c2cb214d3c252539121d8e234e652d651fa4c8cff880";
        let key = secret_key(CKK_SALSA20, &unhex(key));
        check(&key, &params(&unhex(nonce), 0), &[0; 32], &unhex(key_stream));
    }

    #[test]
    fn wrong_nonces_and_keys_and_data_past_the_last_block_are_refused() {
        let key = secret_key(CKK_SALSA20, &[7; 32]);
        for length in [0, 7, 12, 16, 23] {
            let started = encrypting(CKM_SALSA20, &key, &params(&vec![0; length], 0));
            assert_eq!(started.err(), Some(Error::MechanismParamInvalid), "{length}");
        }
        let short = secret_key(CKK_SALSA20, &[7; 16]);
        assert_eq!(encrypting(CKM_SALSA20, &short, &params(&[0; 8], 0)).err(), Some(Error::KeySizeRange));
        let last = || encrypting(CKM_SALSA20, &key, &params(&[0; 8], u64::MAX - 1)).unwrap();
        assert_eq!(once(last(), &[0; 64]).map(|bytes| bytes.len()), Ok(64));
        assert_eq!(once(last(), &[0; 200]), refused(Error::DataLenRange));
    }

    #[test]
    fn keys_are_wrapped_as_data_is_encrypted_and_generated_with_32_bytes() {
        let key = secret_key(CKK_SALSA20, &[7; 32]);
        let wrapped = wrap(CKM_SALSA20, &key, &params(&[1; 24], 0), b"a key").unwrap();
        assert_eq!(unwrap(CKM_SALSA20, &key, &params(&[1; 24], 0), &wrapped), Ok(b"a key".to_vec()));
        let generate = lookup(CKM_SALSA20_KEY_GEN).unwrap().ops.generate_key.unwrap();
        let made = generate(&Params::None, &Attributes::new()).unwrap();
        assert_eq!(made.bytes(CKA_VALUE).unwrap().len(), 32);
        let odd = Attributes::from_iter([(CKA_VALUE_LEN, Value::Ulong(16))]);
        assert_eq!(generate(&Params::None, &odd).err(), Some(Error::AttributeValueInvalid));
    }
}
