//! ECDSA (PKCS#11 section 6.3.12 and 6.3.13, FIPS 186-5 section 6), over a digest made elsewhere or over the message.

use crate::ck::*;
use crate::crypto::digest::Hash;
use crate::error::{Error, Result};
use crate::policy::UsableKey;

use super::ec_keys::{self, FLAGS, SIZES};
use super::operation::{Sign, Verify};
use super::params::ParamKind;
use super::row::{Approval, KeyNeed, Mechanism, Ops};
use super::signing::{self, Message, Scheme, signatures};

/// More of a digest than this never counts: it is longer than any order.
const MAX_DIGEST: usize = 128;

/// ECDSA over the message: `ecdsa!(hash, mechanism, approval)`.
macro_rules! ecdsa {
    ($hash:ident, $id:ident, $approval:ident) => {
        row(
            $id,
            stringify!($id),
            Approval::$approval,
            signatures!(|key, _| key, Message::hashed(Hash::$hash)?),
        )
    };
}

pub(super) static ROWS: &[Mechanism] = &[
    row(CKM_ECDSA, "CKM_ECDSA", Approval::Approved, signatures!(|key, _| key, Message::prefix(MAX_DIGEST))),
    ecdsa!(Sha1, CKM_ECDSA_SHA1, Legacy),
    ecdsa!(Sha224, CKM_ECDSA_SHA224, Approved),
    ecdsa!(Sha256, CKM_ECDSA_SHA256, Approved),
    ecdsa!(Sha384, CKM_ECDSA_SHA384, Approved),
    ecdsa!(Sha512, CKM_ECDSA_SHA512, Approved),
    ecdsa!(Sha3_224, CKM_ECDSA_SHA3_224, Approved),
    ecdsa!(Sha3_256, CKM_ECDSA_SHA3_256, Approved),
    ecdsa!(Sha3_384, CKM_ECDSA_SHA3_384, Approved),
    ecdsa!(Sha3_512, CKM_ECDSA_SHA3_512, Approved),
];

const fn row(id: CK_MECHANISM_TYPE, name: &'static str, approval: Approval, ops: Ops) -> Mechanism {
    Mechanism {
        id,
        name,
        params: ParamKind::None,
        key: KeyNeed::pair(&[CKK_EC]),
        sizes: SIZES,
        flags: FLAGS,
        approval,
        ops,
    }
}

fn sign(key: UsableKey, message: Message) -> Result<Box<dyn Sign>> {
    ec_keys::private(&key)?;
    signing::sign(message, Ecdsa(key))
}

fn verify(key: UsableKey, message: Message) -> Result<Box<dyn Verify>> {
    ec_keys::public(&key)?;
    signing::verify(message, Ecdsa(key))
}

struct Ecdsa(UsableKey);

impl Scheme for Ecdsa {
    fn signature_len(&self) -> Result<usize> {
        Ok(2 * ec_keys::private(&self.0)?.curve().order_len())
    }

    /// An empty digest would stand for zero, and with it a signature for whatever else hashes to zero:
    /// CKR_DATA_LEN_RANGE.
    fn sign(&self, message: &[u8], signature: &mut [u8]) -> Result<usize> {
        if message.is_empty() {
            return Err(Error::DataLenRange);
        }
        Ok(ec_keys::private(&self.0)?.sign(message, signature)?)
    }

    /// "The signature may have a shorter length" (section 6.3.1): both halves are then padded on the left.
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<()> {
        if message.is_empty() {
            return Err(Error::DataLenRange);
        }
        signing::checked(ec_keys::public(&self.0)?.verify(message, signature))
    }
}
