//! The named groups of safe primes with the base 2: RFC 3526 (IKE) and RFC 7919 (TLS). Their subgroup of order
//! (p - 1) / 2 is the only choice that SP 800-56A approves of.

use std::ffi::{CStr, c_int};

use aws_lc_sys::BIGNUM;

use super::super::number::Number;
use super::super::{Error, Owned, Result};

type Prime = unsafe extern "C" fn(*mut BIGNUM) -> *mut BIGNUM;

const RFC_3526: &[(usize, Prime)] = &[
    (1536, aws_lc_sys::BN_get_rfc3526_prime_1536),
    (2048, aws_lc_sys::BN_get_rfc3526_prime_2048),
    (3072, aws_lc_sys::BN_get_rfc3526_prime_3072),
    (4096, aws_lc_sys::BN_get_rfc3526_prime_4096),
    (6144, aws_lc_sys::BN_get_rfc3526_prime_6144),
    (8192, aws_lc_sys::BN_get_rfc3526_prime_8192),
];

/// The groups of RFC 7919 that the engine has: ffdhe2048, 3072, 4096 and 8192.
const RFC_7919: &[c_int] = &[
    aws_lc_sys::NID_ffdhe2048,
    aws_lc_sys::NID_ffdhe3072,
    aws_lc_sys::NID_ffdhe4096,
    aws_lc_sys::NID_ffdhe8192,
];

/// ffdhe6144 (RFC 7919 appendix A.4).
const FFDHE6144: &CStr =
    c"ffffffffffffffffadf85458a2bb4a9aafdc5620273d3cf1d8b9c583ce2d3695a9e13641146433fbcc939dce249b3ef9\
      7d2fe363630c75d8f681b202aec4617ad3df1ed5d5fd65612433f51f5f066ed0856365553ded1af3b557135e7f57c935\
      984f0c70e0e68b77e2a689daf3efe8721df158a136ade73530acca4f483a797abc0ab182b324fb61d108a94bb2c8e3fb\
      b96adab760d7f4681d4f42a3de394df4ae56ede76372bb190b07a7c8ee0a6d709e02fce1cdf7e2ecc03404cd28342f61\
      9172fe9ce98583ff8e4f1232eef28183c3fe3b1b4c6fad733bb5fcbc2ec22005c58ef1837d1683b2c6f34a26c1b2effa\
      886b4238611fcfdcde355b3b6519035bbc34f4def99c023861b46fc9d6e6c9077ad91d2691f7f7ee598cb0fac186d91c\
      aefe130985139270b4130c93bc437944f4fd4452e2d74dd364f2e21e71f54bff5cae82ab9c9df69ee86d2bc522363a0d\
      abc521979b0deada1dbf9a42d5c4484e0abcd06bfa53ddef3c1b20ee3fd59d7c25e41d2b669e1ef16e6f52c3164df4fb\
      7930e9e4e58857b6ac7d5f42d69f6d187763cf1d5503400487f55ba57e31cc7a7135c886efb4318aed6a1e012d9e6832\
      a907600a918130c46dc778f971ad0038092999a333cb8b7a1a1db93d7140003c2a4ecea9f98d0acc0a8291cdcec97dcf\
      8ec9b55a7f88a46b4db5a851f44182e1c68a007e5e0dd9020bfd64b645036c7a4e677d2c38532a3a23ba4442caf53ea6\
      3bb454329b7624c8917bdd64b1c0fd4cb38e8c334c701c3acdad0657fccfec719b1f5c3e4e46041f388147fb4cfdb477\
      a52471f7a9a96910b855322edb6340d8a00ef092350511e30abec1fff9e3a26e7fb29f8c183023c3587e38da0077d9b4\
      763e4e4b94b2bbc194c6651e77caf992eeaac0232a281bf6b3a739c1226116820ae8db5847a67cbef9c9091b462d538c\
      d72b03746ae77f5e62292c311562a846505dc82db854338ae49f5235c95b91178ccf2dd5cacef403ec9d1810c6272b04\
      5b3b71f9dc6b80d63fdd4a8e9adb1e6962a69526d43161c1a41d570d7938dad4a40e329cd0e40e65ffffffffffffffff";

/// Prime and base of the group of RFC 3526 with a prime of so many bits; `None` where there is none.
pub fn group(bits: usize) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
    match RFC_3526.iter().find(|(known, _)| *known == bits) {
        Some((_, prime)) => Ok(Some((prime_of(*prime)?.to_public()?, vec![2]))),
        None => Ok(None),
    }
}

fn prime_of(prime: Prime) -> Result<Number> {
    let mut number = Number::zero()?;
    // SAFETY: a live number, which the engine's function fills.
    let filled = unsafe { prime(number.as_mut_ptr()) };
    if filled.is_null() { Err(Error::Memory) } else { Ok(number) }
}

/// True for a prime of RFC 3526 or RFC 7919.
pub(super) fn is_named(prime: &Number) -> Result<bool> {
    let bits = prime.bits();
    for (known, function) in RFC_3526 {
        if *known == bits && prime_of(*function)?.compare(prime).is_eq() {
            return Ok(true);
        }
    }
    for nid in RFC_7919 {
        // SAFETY: a new group, released by its own function; its prime lives as long as it.
        let known = unsafe {
            let group = Owned::new(aws_lc_sys::DH_new_by_nid(*nid), aws_lc_sys::DH_free)?;
            Number::copy_of(aws_lc_sys::DH_get0_p(group.as_ptr()))?
        };
        if known.compare(prime).is_eq() {
            return Ok(true);
        }
    }
    Ok(Number::from_hex(FFDHE6144)?.compare(prime).is_eq())
}

/// Bits of a private value in a group with a prime of so many bits: twice the security strength (SP 800-56A appendix
/// D, RFC 7919 appendix A).
pub(super) fn private_bits(bits: usize) -> usize {
    match bits {
        0..=1536 => 192,
        1537..=2048 => 224,
        2049..=3072 => 256,
        3073..=4096 => 304,
        4097..=6144 => 352,
        _ => 400,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_prime_is_a_safe_one_that_is_known() {
        for (bits, _) in RFC_3526 {
            let (prime, base) = group(*bits).unwrap().unwrap();
            let prime = Number::from_bytes(&prime).unwrap();
            assert_eq!((prime.bits(), base), (*bits, vec![2]));
            assert!(is_named(&prime).unwrap());
        }
        assert!(group(1024).unwrap().is_none());
        let ffdhe6144 = Number::from_hex(FFDHE6144).unwrap();
        assert!(ffdhe6144.bits() == 6144 && is_named(&ffdhe6144).unwrap());
        // Its digits are those of e, as in the group before it, and 2 has the order (p - 1) / 2.
        // SAFETY: a new group, released by its own function; its prime lives as long as it.
        let ffdhe4096 = unsafe {
            let group = Owned::new(aws_lc_sys::DH_get_rfc7919_4096(), aws_lc_sys::DH_free).unwrap();
            Number::copy_of(aws_lc_sys::DH_get0_p(group.as_ptr())).unwrap().to_public().unwrap()
        };
        assert_eq!(ffdhe6144.to_public().unwrap()[..500], ffdhe4096[..500]);
        let (half, _) = ffdhe6144.minus(&Number::one().unwrap()).unwrap().odd_part().unwrap();
        let two = Number::from_bytes(&[2]).unwrap();
        let scratch = &mut crate::crypto::number::Scratch::new().unwrap();
        assert!(two.power(&half, &ffdhe6144, scratch).unwrap().is_one());
        assert!(!is_named(&half).unwrap());
    }
}
