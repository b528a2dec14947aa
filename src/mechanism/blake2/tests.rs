use super::*;
use crate::error::Error;
use crate::mechanism::testing::{check_mac, digest, mac, secret_key};

/// The four lengths in bytes, with the mechanisms for digest and MAC.
const LENGTHS: [(usize, CK_MECHANISM_TYPE, CK_MECHANISM_TYPE); 4] = [
    (20, CKM_BLAKE2B_160, CKM_BLAKE2B_160_HMAC),
    (32, CKM_BLAKE2B_256, CKM_BLAKE2B_256_HMAC),
    (48, CKM_BLAKE2B_384, CKM_BLAKE2B_384_HMAC),
    (64, CKM_BLAKE2B_512, CKM_BLAKE2B_512_HMAC),
];

/// The deterministic bytes of the self-test, a Fibonacci generator.
fn sequence(length: usize, seed: usize) -> Vec<u8> {
    let (mut a, mut b) = (0xdead_4badu32.wrapping_mul(seed as u32), 1u32);
    (0..length)
        .map(|_| {
            let next = a.wrapping_add(b);
            (a, b) = (b, next);
            (next >> 24) as u8
        })
        .collect()
}

/// RFC 7693 appendix E: one digest over 24 digests and 24 keyed ones of all four lengths.
#[test]
fn the_self_test_of_rfc_7693_comes_out() {
    let mut all = Vec::new();
    for (length, plain, keyed) in LENGTHS {
        let key = secret_key(CKK_GENERIC_SECRET, &sequence(length, length));
        for input in [0, 3, 128, 129, 255, 1024] {
            let data = sequence(input, input);
            all.extend(digest(plain, &Params::None, &[&data]).unwrap());
            all.extend(mac(keyed, &key, &Params::None, &[&data]).unwrap());
        }
    }
    assert_eq!(
        hex::encode(digest(CKM_BLAKE2B_256, &Params::None, &[&all]).unwrap()),
        "c23a7800d98123bd10f506c61e29da5603d763b8bbad2e737f5e765a7bccd475"
    );
}

/// The first entry of the keyed test vectors that come with the reference implementation of BLAKE2b.
#[test]
fn the_known_answer_of_the_reference_implementation_comes_out() {
    let key = secret_key(CKK_BLAKE2B_512_HMAC, &(0..64).collect::<Vec<u8>>());
    let expected = "10ebb67700b1868efb4417987acf4690ae9d972fb7a590c2f02871799aaa4786\
                    b5e996e8f0f4eb981fc214b005f42d2ff4233499391653df7aefcbc13fc51568";
    let whole = mac(CKM_BLAKE2B_512_HMAC, &key, &Params::None, &[b""]).unwrap();
    assert_eq!(hex::encode(&whole), expected);
    let front = mac(CKM_BLAKE2B_512_HMAC_GENERAL, &key, &Params::MacGeneral(9), &[b""]).unwrap();
    assert_eq!(front, whole[..9]);
    assert_eq!(check_mac(CKM_BLAKE2B_512_HMAC_GENERAL, &key, &Params::MacGeneral(9), b"", &front), Ok(()));
}

#[test]
fn a_key_of_no_bytes_or_of_more_than_64_is_refused() {
    for (_, _, keyed) in LENGTHS {
        for length in [0, 65] {
            let refused = mac(keyed, &secret_key(CKK_GENERIC_SECRET, &vec![1; length]), &Params::None, &[]);
            assert_eq!(refused.err(), Some(Error::KeySizeRange));
        }
    }
}
