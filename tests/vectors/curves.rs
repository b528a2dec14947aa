//! The names of hash functions and curves in the vectors, as PKCS#11 writes them.

use coffer_pkcs11::ck::*;

/// A hash function as a mechanism and in the mechanisms that hash first.
pub struct Hash {
    pub digest: CK_MECHANISM_TYPE,
    pub mask: Option<CK_ULONG>,
    pub ecdsa: Option<CK_MECHANISM_TYPE>,
    pub dsa: Option<CK_MECHANISM_TYPE>,
    pub pkcs1: Option<CK_MECHANISM_TYPE>,
    pub pss: Option<CK_MECHANISM_TYPE>,
}

macro_rules! hash {
    ($digest:ident, $mask:ident, $ecdsa:ident, $dsa:ident, $pkcs1:ident, $pss:ident) => {
        Hash {
            digest: $digest,
            mask: Some($mask),
            ecdsa: Some($ecdsa),
            dsa: Some($dsa),
            pkcs1: Some($pkcs1),
            pss: Some($pss),
        }
    };
    // SHA-512/t: PKCS#11 has no mask generation and no signatures with them.
    ($digest:ident) => {
        Hash { digest: $digest, mask: None, ecdsa: None, dsa: None, pkcs1: None, pss: None }
    };
}

/// By the name in the vectors. `None`: not in PKCS#11 as a hash function (SHAKE).
#[rustfmt::skip]
pub fn hash(name: &str) -> Option<Hash> {
    Some(match name {
        "SHA-1" => hash!(CKM_SHA_1, CKG_MGF1_SHA1, CKM_ECDSA_SHA1, CKM_DSA_SHA1, CKM_SHA1_RSA_PKCS, CKM_SHA1_RSA_PKCS_PSS),
        "SHA-224" => hash!(CKM_SHA224, CKG_MGF1_SHA224, CKM_ECDSA_SHA224, CKM_DSA_SHA224, CKM_SHA224_RSA_PKCS, CKM_SHA224_RSA_PKCS_PSS),
        "SHA-256" => hash!(CKM_SHA256, CKG_MGF1_SHA256, CKM_ECDSA_SHA256, CKM_DSA_SHA256, CKM_SHA256_RSA_PKCS, CKM_SHA256_RSA_PKCS_PSS),
        "SHA-384" => hash!(CKM_SHA384, CKG_MGF1_SHA384, CKM_ECDSA_SHA384, CKM_DSA_SHA384, CKM_SHA384_RSA_PKCS, CKM_SHA384_RSA_PKCS_PSS),
        "SHA-512" => hash!(CKM_SHA512, CKG_MGF1_SHA512, CKM_ECDSA_SHA512, CKM_DSA_SHA512, CKM_SHA512_RSA_PKCS, CKM_SHA512_RSA_PKCS_PSS),
        "SHA-512/224" => hash!(CKM_SHA512_224),
        "SHA-512/256" => hash!(CKM_SHA512_256),
        "SHA3-224" => hash!(CKM_SHA3_224, CKG_MGF1_SHA3_224, CKM_ECDSA_SHA3_224, CKM_DSA_SHA3_224, CKM_SHA3_224_RSA_PKCS, CKM_SHA3_224_RSA_PKCS_PSS),
        "SHA3-256" => hash!(CKM_SHA3_256, CKG_MGF1_SHA3_256, CKM_ECDSA_SHA3_256, CKM_DSA_SHA3_256, CKM_SHA3_256_RSA_PKCS, CKM_SHA3_256_RSA_PKCS_PSS),
        "SHA3-384" => hash!(CKM_SHA3_384, CKG_MGF1_SHA3_384, CKM_ECDSA_SHA3_384, CKM_DSA_SHA3_384, CKM_SHA3_384_RSA_PKCS, CKM_SHA3_384_RSA_PKCS_PSS),
        "SHA3-512" => hash!(CKM_SHA3_512, CKG_MGF1_SHA3_512, CKM_ECDSA_SHA3_512, CKM_DSA_SHA3_512, CKM_SHA3_512_RSA_PKCS, CKM_SHA3_512_RSA_PKCS_PSS),
        _ => return None,
    })
}

/// CKA_EC_PARAMS of a curve: its object identifier in DER. And the bytes of a coordinate.
pub fn curve(name: &str) -> Option<(Vec<u8>, usize)> {
    let (oid, len) = match name.to_lowercase().as_str() {
        "secp224r1" => ("06052b81040021", 28),
        "secp256r1" => ("06082a8648ce3d030107", 32),
        "secp384r1" => ("06052b81040022", 48),
        "secp521r1" => ("06052b81040023", 66),
        "secp256k1" => ("06052b8104000a", 32),
        "secp224k1" => ("06052b81040020", 29),
        "secp192r1" => ("06082a8648ce3d030101", 24),
        "secp192k1" => ("06052b8104001f", 24),
        "secp160r1" => ("06052b81040008", 21),
        "secp160r2" => ("06052b8104001e", 21),
        "secp160k1" => ("06052b81040009", 21),
        "brainpoolp224r1" => ("06092b2403030208010105", 28),
        "brainpoolp256r1" => ("06092b2403030208010107", 32),
        "brainpoolp320r1" => ("06092b2403030208010109", 40),
        "brainpoolp384r1" => ("06092b240303020801010b", 48),
        "brainpoolp512r1" => ("06092b240303020801010d", 64),
        "edwards25519" => ("06032b6570", 32),
        "edwards448" => ("06032b6571", 57),
        "curve25519" => ("06032b656e", 32),
        "curve448" => ("06032b656f", 56),
        _ => return None,
    };
    Some((hex::decode(oid).ok()?, len))
}

/// One element of DER with this tag: its content, and what follows. `None` where it is not DER.
pub fn der(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = bytes.strip_prefix(&[tag])?;
    let (first, rest) = rest.split_first()?;
    let (len, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81 => (usize::from(*rest.first()?), &rest[1..]),
        0x82 => (usize::from(u16::from_be_bytes(rest.first_chunk::<2>().copied()?)), &rest[2..]),
        _ => return None,
    };
    // The shortest form of the length, and no other.
    let shortest = match first {
        0x81 => len >= 0x80,
        0x82 => len >= 0x100,
        _ => true,
    };
    if shortest { rest.split_at_checked(len) } else { None }
}

/// A signature of two numbers from DER to the two halves that PKCS#11 passes. `None` where it is not DER, or where a
/// number is longer than its half: the application takes the encoding apart.
pub fn two_numbers(signature: &[u8], len: usize) -> Option<Vec<u8>> {
    let (numbers, rest) = der(0x30, signature)?;
    let (r, numbers) = der(2, numbers)?;
    let (s, behind) = der(2, numbers)?;
    if !rest.is_empty() || !behind.is_empty() {
        return None;
    }
    Some([padded(r, len)?, padded(s, len)?].concat())
}

fn padded(number: &[u8], len: usize) -> Option<Vec<u8>> {
    let magnitude = match number {
        [0, next, ..] if *next >= 0x80 => &number[1..],
        [0] => &[],
        [first, ..] if *first != 0 && *first < 0x80 => number,
        _ => return None,
    };
    let zeros = vec![0; len.checked_sub(magnitude.len())?];
    Some([&zeros, magnitude].concat())
}
