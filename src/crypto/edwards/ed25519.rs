//! Ed25519, Ed25519ctx and Ed25519ph (RFC 8032 section 5.1).

use super::super::number::{Number, Scratch};
use super::super::{Error, Result, succeed};
use zeroize::Zeroize;

use super::Scheme;
use crate::secret::Secret;

pub const POINT_LEN: usize = 32;
const SEED_LEN: usize = 32;
const SIGNATURE_LEN: usize = 64;

/// A private key.
pub struct PrivateKey {
    /// The seed and the public point behind it, as the engine wants them.
    pair: Secret,
    /// The same once more. Two signatures of a message with different public points give the private value away, as its nonce
    /// is the same: a bit that was flipped in memory must be seen.
    kept: Secret,
}

/// A point of the curve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; POINT_LEN]);

impl PrivateKey {
    /// From the seed of 32 bytes. `Key`: another length.
    pub fn new(seed: &[u8]) -> Result<Self> {
        if seed.len() != SEED_LEN {
            return Err(Error::Key);
        }
        let mut public = [0; POINT_LEN];
        let mut pair = Secret::zeroed(SEED_LEN + POINT_LEN);
        // SAFETY: the engine reads 32 bytes and writes 32 and 64: the lengths of the three buffers.
        unsafe {
            aws_lc_sys::ED25519_keypair_from_seed(
                public.as_mut_ptr(),
                pair.as_mut_bytes().as_mut_ptr(),
                seed.as_ptr(),
            );
        }
        let kept = pair.clone();
        Ok(Self { pair, kept })
    }

    /// The seed of 32 bytes.
    pub fn seed(&self) -> Secret {
        let mut seed = self.pair.clone();
        seed.truncate(SEED_LEN);
        seed
    }

    /// The public point, 32 bytes.
    pub fn public_point(&self) -> &[u8] {
        self.pair.as_bytes().get(SEED_LEN..).unwrap_or(&[])
    }

    /// Writes 64 bytes. `Buffer`: the signature has fewer; `Argument`: the context of Ed25519ctx is empty.
    pub fn sign(&self, scheme: Scheme, message: &[u8], signature: &mut [u8]) -> Result<usize> {
        let Some(signature) = signature.first_chunk_mut::<SIGNATURE_LEN>() else {
            return Err(Error::Buffer);
        };
        let (out, key) = (signature.as_mut_ptr(), self.pair.as_bytes().as_ptr());
        // SAFETY: pointers and lengths of message and context are those of live slices; key, signature and prehash
        // have 64 bytes.
        let code = unsafe {
            match scheme {
                Scheme::Pure => aws_lc_sys::ED25519_sign(out, message.as_ptr(), message.len(), key),
                Scheme::Context(context) => aws_lc_sys::ED25519ctx_sign(
                    out,
                    message.as_ptr(),
                    message.len(),
                    key,
                    context.as_ptr(),
                    context.len(),
                ),
                Scheme::Prehashed(context) => aws_lc_sys::ED25519ph_sign_digest(
                    out,
                    prehash(message)?.as_ptr(),
                    key,
                    context.as_ptr(),
                    context.len(),
                ),
            }
        };
        succeed(code, if scheme == Scheme::Context(&[]) { Error::Argument } else { Error::Engine })?;
        // After the signature: a bit that was flipped before or during it is seen.
        if self.pair != self.kept {
            signature.zeroize();
            return Err(Error::Engine);
        }
        Ok(SIGNATURE_LEN)
    }
}

impl PublicKey {
    /// `PublicKey`: not 32 bytes, or not the one encoding of a point of the curve (RFC 8032 section 5.1.3).
    pub fn new(point: &[u8]) -> Result<Self> {
        let point: [u8; POINT_LEN] = point.try_into().map_err(|_| Error::PublicKey)?;
        if on_curve(&point)? { Ok(Self(point)) } else { Err(Error::PublicKey) }
    }

    /// Errors: `Length` for a signature of another length than 64 bytes, otherwise `Signature`.
    pub fn verify(&self, scheme: Scheme, message: &[u8], signature: &[u8]) -> Result<()> {
        let signature: &[u8; SIGNATURE_LEN] = signature.try_into().map_err(|_| Error::Length)?;
        let (signature, key) = (signature.as_ptr(), self.0.as_ptr());
        // SAFETY: pointers and lengths of message and context are those of live slices; signature and prehash have
        // 64 bytes, the key 32.
        let code = unsafe {
            match scheme {
                Scheme::Pure => aws_lc_sys::ED25519_verify(message.as_ptr(), message.len(), signature, key),
                Scheme::Context(context) => aws_lc_sys::ED25519ctx_verify(
                    message.as_ptr(),
                    message.len(),
                    signature,
                    key,
                    context.as_ptr(),
                    context.len(),
                ),
                Scheme::Prehashed(context) => aws_lc_sys::ED25519ph_verify_digest(
                    prehash(message)?.as_ptr(),
                    signature,
                    key,
                    context.as_ptr(),
                    context.len(),
                ),
            }
        };
        succeed(code, Error::Signature)
    }
}

/// SHA-512 of the message. `Length`: it has not 64 bytes.
fn prehash(message: &[u8]) -> Result<&[u8; 64]> {
    message.try_into().map_err(|_| Error::Length)
}

/// The field's prime, 2^255 - 19, big-endian.
const PRIME: [u8; 32] = {
    let mut prime = [0xff; 32];
    prime[0] = 0x7f;
    prime[31] = 0xed;
    prime
};

/// The constant d of the curve -x² + y² = 1 + d·x²·y², big-endian (RFC 8032 section 5.1).
const D: [u8; 32] = [
    0x52, 0x03, 0x6c, 0xee, 0x2b, 0x6f, 0xfe, 0x73, 0x8c, 0xc7, 0x40, 0x79, 0x77, 0x79, 0xe8, 0x98, 0x00,
    0x70, 0x0a, 0x4d, 0x41, 0x41, 0xd8, 0xab, 0x75, 0xeb, 0x4d, 0xca, 0x13, 0x59, 0x78, 0xa3,
];

/// Whether an x belongs to the y: whether (y² - 1) / (d·y² + 1) is a square (RFC 8032 section 5.1.3).
fn on_curve(point: &[u8; POINT_LEN]) -> Result<bool> {
    let scratch = &mut Scratch::new()?;
    let mut bytes = *point;
    bytes.reverse();
    let x_is_odd = bytes[0] & 0x80 != 0;
    bytes[0] &= 0x7f;
    let (prime, one) = (Number::from_bytes(&PRIME)?, Number::one()?);
    let y = Number::from_bytes(&bytes)?;
    if y.compare(&prime).is_ge() {
        return Ok(false);
    }
    let square = y.squared(&prime, scratch)?;
    if square.is_one() {
        // x is zero, which has no odd form.
        return Ok(!x_is_odd);
    }
    // (y² - 1) + p·(y = 0), so that nothing is negative.
    let numerator = if square.is_zero() { prime.minus(&one)? } else { square.minus(&one)? };
    // d·y² + 1 = d·y² - (p - 1) modulo p.
    let product = Number::from_bytes(&D)?.times(&square, scratch)?.divided_by(&prime, scratch)?.1;
    let below = prime.minus(&one)?;
    let denominator = if product.compare(&below).is_eq() {
        return Ok(false);
    } else {
        // p - (p - 1 - d·y²)
        prime.minus(&below.minus(&product)?)?
    };
    // A quotient is a square where the product is one; Euler's criterion.
    let candidate = numerator.times(&denominator, scratch)?.divided_by(&prime, scratch)?.1;
    let (half, _) = below.divided_by(&Number::from_bytes(&[2])?, scratch)?;
    Ok(candidate.power(&half, &prime, scratch)?.is_one())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032 section 7.1, tests 1 to 3: seed, public point, message, signature.
    const VECTORS: &[(&str, &str, &str, &str)] = &[
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b\
             d25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c\
             387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659\
             4a7c15e9716ed28dc027beceea1ec40a",
        ),
    ];

    #[test]
    fn the_examples_of_rfc_8032_are_made_and_verified() {
        for (seed, point, message, signature) in VECTORS {
            let [seed, point, message, expected] =
                [seed, point, message, signature].map(|text| hex::decode(text).unwrap());
            let key = PrivateKey::new(&seed).unwrap();
            assert_eq!(key.public_point(), point);
            assert_eq!(key.seed().as_bytes(), seed);
            let mut signature = [0; 64];
            key.sign(Scheme::Pure, &message, &mut signature).unwrap();
            assert_eq!(signature.as_slice(), expected);
            let public = PublicKey::new(&point).unwrap();
            public.verify(Scheme::Pure, &message, &signature).unwrap();
            signature[63] ^= 1;
            assert_eq!(public.verify(Scheme::Pure, &message, &signature), Err(Error::Signature));
        }
    }

    #[test]
    fn every_generated_point_is_on_the_curve_and_half_of_all_bytes_are_not() {
        let mut points = 0;
        for number in 0..200u8 {
            assert!(PublicKey::new(PrivateKey::new(&[number; 32]).unwrap().public_point()).is_ok());
            let mut bytes = [number; 32];
            bytes[31] = 0x11;
            points += usize::from(PublicKey::new(&bytes).is_ok());
        }
        assert!((60..140).contains(&points), "{points} of 200");
    }

    #[test]
    fn points_are_taken_in_their_one_encoding_only() {
        let encoding = |first: u8, middle: u8, last: u8| {
            let mut bytes = [middle; 32];
            (bytes[0], bytes[31]) = (first, last);
            PublicKey::new(&bytes).is_ok()
        };
        // The neutral element (0, 1) and (0, -1); x = 0 is even. y = 0 belongs to a point of order four.
        assert!(encoding(1, 0, 0) && encoding(0xec, 0xff, 0x7f) && encoding(0, 0, 0) && encoding(0, 0, 0x80));
        assert!(!encoding(1, 0, 0x80) && !encoding(0xec, 0xff, 0xff));
        // The same y, not reduced.
        assert!(!encoding(0xee, 0xff, 0x7f) && !encoding(0xed, 0xff, 0x7f) && !encoding(0xff, 0xff, 0x7f));
        // y = 2 belongs to no point.
        assert!(!encoding(2, 0, 0));
    }

    #[test]
    fn wrong_lengths_are_errors() {
        assert_eq!(PrivateKey::new(&[1; 31]).err(), Some(Error::Key));
        assert_eq!(PublicKey::new(&[1; 33]).err(), Some(Error::PublicKey));
        let key = PrivateKey::new(&[1; 32]).unwrap();
        assert_eq!(key.sign(Scheme::Pure, b"", &mut [0; 63]), Err(Error::Buffer));
        let public = PublicKey::new(key.public_point()).unwrap();
        assert_eq!(public.verify(Scheme::Pure, b"", &[0; 63]), Err(Error::Length));
    }

    /// A nonce made of the seed and the message serves two different challenges when the public point is another one (Ed25519
    /// with a fault): no such signature leaves.
    #[test]
    fn no_signature_leaves_that_was_made_with_a_flipped_bit() {
        let mut refused = 0;
        for scheme in [Scheme::Pure, Scheme::Context(b"context")] {
            for bit in 0..8 * (SEED_LEN + POINT_LEN) {
                let mut key = PrivateKey::new(&[7; SEED_LEN]).unwrap();
                key.pair.as_mut_bytes()[bit / 8] ^= 1 << (bit % 8);
                let mut signature = [1; SIGNATURE_LEN];
                assert_eq!(key.sign(scheme, b"message", &mut signature), Err(Error::Engine), "bit {bit}");
                assert_eq!(signature, [0; SIGNATURE_LEN], "bit {bit}");
                refused += 1;
            }
        }
        println!("{refused} faulty signatures stopped, 0 left");
    }
}
