//! Elliptic-curve Diffie-Hellman (PKCS#11 sections 6.3.16 to 6.3.20, NIST SP 800-56A, RFC 7748).

use crate::ck::*;
use crate::crypto::digest::{Hash, Hasher};
use crate::crypto::ec;
use crate::error::{Error, Result};
use crate::object::ec_point;
use crate::policy::UsableKey;
use crate::secret::Secret;

use super::ec_keys::{self, FLAGS, SIZES};
use super::operation::Derived;
use super::params::{ParamKind, Params};
use super::row::{Approval, KeyNeed, Mechanism, Ops};

/// The longest key that a derivation function is asked for, in bytes.
const MAX_DERIVED: usize = 1 << 20;

pub(super) static ROWS: &[Mechanism] = &[
    row(CKM_ECDH1_DERIVE, "CKM_ECDH1_DERIVE", KeyNeed::pair(&[CKK_EC, CKK_EC_MONTGOMERY])),
    // All curves of the type CKK_EC have the cofactor one, so that both mechanisms are the same.
    row(CKM_ECDH1_COFACTOR_DERIVE, "CKM_ECDH1_COFACTOR_DERIVE", KeyNeed::pair(&[CKK_EC])),
];

const fn row(id: CK_MECHANISM_TYPE, name: &'static str, key: KeyNeed) -> Mechanism {
    Mechanism {
        id,
        name,
        params: ParamKind::Ecdh1,
        key,
        sizes: SIZES,
        flags: FLAGS,
        approval: Approval::Approved,
        ops: Ops { derive: Some(derive), ..Ops::NONE },
    }
}

/// Without a KDF the secret is the x coordinate; a shorter key is its tail ("the truncation removes bytes from the
/// leading end"). With a KDF it is as long as wanted, or as the shared secret where nothing is said. Errors:
/// CKR_MECHANISM_PARAM_INVALID; CKR_PUBLIC_KEY_INVALID for a point that is not on the curve;
/// CKR_KEY_SIZE_RANGE for a longer key than there is.
fn derive(key: &UsableKey, params: &Params, wanted: Option<usize>) -> Result<Derived> {
    let Params::Ecdh1 { kdf, shared_data, public_data } = params else {
        return Err(Error::MechanismParamInvalid);
    };
    let function = Function::of(*kdf).ok_or(Error::MechanismParamInvalid)?;
    if matches!(function, Function::None) && !shared_data.is_empty() {
        return Err(Error::MechanismParamInvalid);
    }
    let shared = agree(key, public_data)?;
    let length = wanted.unwrap_or(shared.len());
    let value = match function {
        Function::None => tail(&shared, length)?,
        Function::Hash { hash, counter_first } => expand(hash, counter_first, &shared, shared_data, length)?,
    };
    Ok(Derived { value, expandable: !matches!(function, Function::None) })
}

/// The other party's point may come raw or wrapped in an OCTET STRING (section 6.3.15, footnote 1).
fn agree(key: &UsableKey, public_data: &[u8]) -> Result<Secret> {
    let key_type = key.object().key_type().ok_or(Error::GeneralError)?;
    let point = ec_point::raw(key_type, public_data).ok_or(Error::MechanismParamInvalid)?;
    if key_type == CKK_EC_MONTGOMERY {
        return Ok(ec_keys::montgomery_private(key)?.agree(point)?);
    }
    let private = ec_keys::private(key)?;
    Ok(private.agree(&ec::PublicKey::new(private.curve(), point)?)?)
}

fn tail(shared: &Secret, length: usize) -> Result<Secret> {
    let start = shared.len().checked_sub(length).ok_or(Error::KeySizeRange)?;
    shared.as_bytes().get(start..).map(Secret::copy_of).ok_or(Error::KeySizeRange)
}

/// CK_EC_KDF_TYPE.
enum Function {
    None,
    /// ANSI X9.63 hashes the secret and then a counter, SP 800-56A section 5.8.1.1 the counter first.
    Hash {
        hash: Hash,
        counter_first: bool,
    },
}

impl Function {
    fn of(kdf: u64) -> Option<Self> {
        let x963 = |hash| Some(Function::Hash { hash, counter_first: false });
        let sp800 = |hash| Some(Function::Hash { hash, counter_first: true });
        match kdf {
            CKD_NULL => Some(Function::None),
            CKD_SHA1_KDF => x963(Hash::Sha1),
            CKD_SHA224_KDF => x963(Hash::Sha224),
            CKD_SHA256_KDF => x963(Hash::Sha256),
            CKD_SHA384_KDF => x963(Hash::Sha384),
            CKD_SHA512_KDF => x963(Hash::Sha512),
            CKD_SHA1_KDF_SP800 => sp800(Hash::Sha1),
            CKD_SHA224_KDF_SP800 => sp800(Hash::Sha224),
            CKD_SHA256_KDF_SP800 => sp800(Hash::Sha256),
            CKD_SHA384_KDF_SP800 => sp800(Hash::Sha384),
            CKD_SHA512_KDF_SP800 => sp800(Hash::Sha512),
            _ => None,
        }
    }
}

/// The one-step derivation: blocks of hash(secret, counter, shared data), the counter from 1 in four bytes.
fn expand(hash: Hash, counter_first: bool, shared: &Secret, data: &[u8], length: usize) -> Result<Secret> {
    if length > MAX_DERIVED {
        return Err(Error::KeySizeRange);
    }
    let mut output = Secret::zeroed(length);
    for (counter, chunk) in (1u32..).zip(output.as_mut_bytes().chunks_mut(hash.output_len())) {
        let counter = counter.to_be_bytes();
        let [first, second] =
            if counter_first { [&counter[..], shared.as_bytes()] } else { [shared.as_bytes(), &counter[..]] };
        let mut hasher = Hasher::new(hash)?;
        for part in [first, second, data] {
            hasher.update(part)?;
        }
        let block = hasher.finish()?;
        for (to, from) in chunk.iter_mut().zip(block.as_bytes()) {
            *to = *from;
        }
    }
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_x9_63_derivation_gives_the_published_keys() {
        // NIST CAVP "ANS X9.63-2001", SHA-256, 128 bits without shared information, and SHA-1 with some.
        let shared = Secret::new(hex::decode("96c05619d56c328ab95fe84b18264b08725b85e33fd34f08").unwrap());
        let key = expand(Hash::Sha256, false, &shared, b"", 16).unwrap();
        assert_eq!(hex::encode(key.as_bytes()), "443024c3dae66b95e6f5670601558f71");
    }

    #[test]
    fn a_long_key_continues_a_short_one() {
        let shared = Secret::copy_of(b"shared");
        let long = expand(Hash::Sha256, true, &shared, b"info", 100).unwrap();
        let short = expand(Hash::Sha256, true, &shared, b"info", 33).unwrap();
        assert_eq!(&long.as_bytes()[..33], short.as_bytes());
        assert_eq!(expand(Hash::Sha1, false, &shared, b"", MAX_DERIVED + 1).err(), Some(Error::KeySizeRange));
    }
}
