//! DSA (PKCS#11 sections 6.2.11 and 6.2.12, FIPS 186-4 section 4), over a digest made elsewhere or over the message.

use crate::ck::*;
use crate::crypto::digest::Hash;
use crate::error::{Error, Result};
use crate::policy::UsableKey;

use super::ffc_keys::{self, DSA_SIZES};
use super::operation::{Sign, Verify};
use super::params::ParamKind;
use super::row::{Approval, KeyNeed, Mechanism, Ops};
use super::signing::{self, Message, Scheme, signatures};

/// More of a digest than this never counts: it is longer than any subprime.
const MAX_DIGEST: usize = 64;

/// DSA over the message.
macro_rules! dsa {
    ($hash:ident, $id:ident) => {
        row($id, stringify!($id), signatures!(|key, _| key, Message::hashed(Hash::$hash)?))
    };
}

pub(super) static ROWS: &[Mechanism] = &[
    row(CKM_DSA, "CKM_DSA", signatures!(|key, _| key, Message::prefix(MAX_DIGEST))),
    dsa!(Sha1, CKM_DSA_SHA1),
    dsa!(Sha224, CKM_DSA_SHA224),
    dsa!(Sha256, CKM_DSA_SHA256),
    dsa!(Sha384, CKM_DSA_SHA384),
    dsa!(Sha512, CKM_DSA_SHA512),
    dsa!(Sha3_224, CKM_DSA_SHA3_224),
    dsa!(Sha3_256, CKM_DSA_SHA3_256),
    dsa!(Sha3_384, CKM_DSA_SHA3_384),
    dsa!(Sha3_512, CKM_DSA_SHA3_512),
];

/// FIPS 186-5 has withdrawn DSA: its signatures may only be verified.
const fn row(id: CK_MECHANISM_TYPE, name: &'static str, ops: Ops) -> Mechanism {
    Mechanism {
        id,
        name,
        params: ParamKind::None,
        key: KeyNeed::pair(&[CKK_DSA]),
        sizes: DSA_SIZES,
        flags: 0,
        approval: Approval::Legacy,
        ops,
    }
}

fn sign(key: UsableKey, message: Message) -> Result<Box<dyn Sign>> {
    ffc_keys::dsa_private(&key)?;
    signing::sign(message, Dsa(key))
}

fn verify(key: UsableKey, message: Message) -> Result<Box<dyn Verify>> {
    ffc_keys::dsa_public(&key)?;
    signing::verify(message, Dsa(key))
}

struct Dsa(UsableKey);

impl Scheme for Dsa {
    fn signature_len(&self) -> Result<usize> {
        Ok(ffc_keys::dsa_private(&self.0)?.signature_len())
    }

    /// An empty digest would stand for zero, as with ECDSA: CKR_DATA_LEN_RANGE.
    fn sign(&self, message: &[u8], signature: &mut [u8]) -> Result<usize> {
        if message.is_empty() {
            return Err(Error::DataLenRange);
        }
        Ok(ffc_keys::dsa_private(&self.0)?.sign(message, signature)?)
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<()> {
        if message.is_empty() {
            return Err(Error::DataLenRange);
        }
        signing::checked(ffc_keys::dsa_public(&self.0)?.verify(message, signature))
    }
}
