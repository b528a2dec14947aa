//! Keys from the digest of another key (PKCS#11 section 6.21), and from its expansion by SHAKE (section 6.32).

use crate::ck::*;
use crate::crypto::blake2::{Blake2b, Size};
use crate::crypto::digest::{Accumulate, Hash, Hasher};
use crate::crypto::sha512_t::Sha512T;
use crate::crypto::shake::Shake;
use crate::error::{Error, Result};
use crate::secret::Secret;

use super::hmac::MAX_KEY;
use super::operation::{Derivation, Derived, End, cut};
use super::params::ParamKind;
use super::row::{Approval, DeriveFn, KeyNeed, Mechanism, Ops};
use super::sha512_t::bits;
use super::{ANY_SECRET, secret_value};

macro_rules! hash {
    ($id:ident, $hash:ident) => {
        row($id, stringify!($id), |input| digest(input, Hasher::new(Hash::$hash)?))
    };
}

macro_rules! blake2 {
    ($id:ident, $size:ident) => {
        row($id, stringify!($id), |input| digest(input, Blake2b::digest(Size::$size)?))
    };
}

macro_rules! shake {
    ($id:ident, $shake:ident) => {
        row($id, stringify!($id), |input| expand(input, Shake::$shake))
    };
}

pub(super) static ROWS: &[Mechanism] = &[
    hash!(CKM_MD5_KEY_DERIVATION, Md5),
    hash!(CKM_SHA1_KEY_DERIVATION, Sha1),
    hash!(CKM_SHA224_KEY_DERIVATION, Sha224),
    hash!(CKM_SHA256_KEY_DERIVATION, Sha256),
    hash!(CKM_SHA384_KEY_DERIVATION, Sha384),
    hash!(CKM_SHA512_KEY_DERIVATION, Sha512),
    hash!(CKM_SHA512_224_KEY_DERIVATION, Sha512_224),
    hash!(CKM_SHA512_256_KEY_DERIVATION, Sha512_256),
    Mechanism {
        params: ParamKind::MacGeneral,
        ..row(CKM_SHA512_T_KEY_DERIVATION, "CKM_SHA512_T_KEY_DERIVATION", |input| {
            digest(input, Sha512T::new(bits(input.params)?)?)
        })
    },
    hash!(CKM_SHA3_224_KEY_DERIVATION, Sha3_224),
    hash!(CKM_SHA3_256_KEY_DERIVATION, Sha3_256),
    hash!(CKM_SHA3_384_KEY_DERIVATION, Sha3_384),
    hash!(CKM_SHA3_512_KEY_DERIVATION, Sha3_512),
    blake2!(CKM_BLAKE2B_160_KEY_DERIVE, Bits160),
    blake2!(CKM_BLAKE2B_256_KEY_DERIVE, Bits256),
    blake2!(CKM_BLAKE2B_384_KEY_DERIVE, Bits384),
    blake2!(CKM_BLAKE2B_512_KEY_DERIVE, Bits512),
    shake!(CKM_SHAKE_128_KEY_DERIVATION, Bits128),
    shake!(CKM_SHAKE_256_KEY_DERIVATION, Bits256),
];

const fn row(id: CK_MECHANISM_TYPE, name: &'static str, derive: DeriveFn) -> Mechanism {
    Mechanism {
        id,
        name,
        params: ParamKind::None,
        key: KeyNeed::secret(ANY_SECRET),
        sizes: (0, 0),
        flags: 0,
        approval: Approval::NotApproved,
        ops: Ops { derive: Some(derive), ..Ops::NONE },
    }
}

/// The leading bytes of the digest, or all of them for a generic secret without a length. Errors:
/// CKR_TEMPLATE_INCOMPLETE for another key type whose length nobody tells, CKR_KEY_SIZE_RANGE for more bytes than the
/// digest has.
fn digest(input: &Derivation, mut hash: impl Accumulate) -> Result<Derived> {
    let generic = matches!(input.template.ulong(CKA_KEY_TYPE), None | Some(CKK_GENERIC_SECRET));
    if input.wanted.is_none() && !generic {
        return Err(Error::TemplateIncomplete);
    }
    hash.update(secret_value(input.base)?)?;
    let digest = Secret::copy_of(hash.finish()?.as_bytes());
    Ok(Derived::key(cut(digest, input.wanted, End::Leading)?))
}

/// Exactly the bytes that are wanted. Errors: CKR_TEMPLATE_INCOMPLETE where nobody tells how many, CKR_KEY_SIZE_RANGE
/// for more than 1 MiB.
fn expand(input: &Derivation, shake: Shake) -> Result<Derived> {
    let wanted = input.wanted.ok_or(Error::TemplateIncomplete)?;
    if wanted as u64 > MAX_KEY {
        return Err(Error::KeySizeRange);
    }
    let mut value = Secret::zeroed(wanted);
    shake.expand(secret_value(input.base)?, value.as_mut_bytes())?;
    Ok(Derived::key(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanism::Params;
    use crate::mechanism::testing::{derive, secret_key};
    use crate::object::{Template, Value};

    /// FIPS 180-4, FIPS 202 and RFC 1321: digests of "abc". The longest and the shortest.
    #[test]
    fn a_key_is_the_front_of_the_digest_of_its_base() {
        let base = secret_key(CKK_GENERIC_SECRET, b"abc");
        for (id, expected) in [
            (CKM_MD5_KEY_DERIVATION, "900150983cd24fb0d6963f7d28e17f72"),
            (CKM_SHA1_KEY_DERIVATION, "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                CKM_SHA3_512_KEY_DERIVATION,
                "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e\
                 10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
            ),
        ] {
            let whole = derive(id, &base, &Params::None, None).unwrap();
            assert_eq!(hex::encode(&whole), expected);
            assert_eq!(derive(id, &base, &Params::None, Some(8)).unwrap(), whole[..8]);
            let longer = derive(id, &base, &Params::None, Some(whole.len() + 1));
            assert_eq!(longer.err(), Some(Error::KeySizeRange));
        }
    }

    /// FIPS 202 in the implementation of OpenSSL: SHAKE of "abc".
    #[test]
    fn shake_gives_as_many_bytes_as_are_wanted() {
        let base = secret_key(CKK_AES, b"abc");
        for (id, expected) in [
            (CKM_SHAKE_128_KEY_DERIVATION, "5881092dd818bf5cf8a3ddb793fbcba7"),
            (CKM_SHAKE_256_KEY_DERIVATION, "483366601360a8771c6863080cc4114d"),
        ] {
            let value = derive(id, &base, &Params::None, Some(16)).unwrap();
            assert_eq!(hex::encode(value), expected);
            assert_eq!(derive(id, &base, &Params::None, Some(500)).unwrap().len(), 500);
            for (wanted, error) in [(None, Error::TemplateIncomplete), (Some(1 << 40), Error::KeySizeRange)] {
                assert_eq!(derive(id, &base, &Params::None, wanted).err(), Some(error));
            }
        }
    }

    #[test]
    fn a_key_type_of_several_lengths_needs_one() {
        let base = secret_key(CKK_GENERIC_SECRET, b"abc");
        let mut template = Template::new();
        template.push_value(CKA_KEY_TYPE, Value::Ulong(CKK_AES)).unwrap();
        let input =
            Derivation { base: &base, keys: &[], params: &Params::None, template: &template, wanted: None };
        let refused = digest(&input, Hasher::new(Hash::Sha256).unwrap());
        assert_eq!(refused.err(), Some(Error::TemplateIncomplete));
    }
}
