//! Elliptic-curve Diffie-Hellman (PKCS#11 sections 6.3.16 to 6.3.20, NIST SP 800-56A, RFC 7748).

use crate::ck::*;
use crate::crypto::ec;
use crate::error::{Error, Result};
use crate::object::ec_point;
use crate::policy::UsableKey;
use crate::secret::Secret;

use super::agreement::Kdf;
use super::ec_keys::{self, FLAGS, SIZES};
use super::operation::{Derivation, Derived};
use super::params::{ParamKind, Params};
use super::row::{Approval, KeyNeed, Mechanism, Ops};

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
fn derive(input: &Derivation) -> Result<Derived> {
    let Params::Ecdh1 { kdf, shared_data, public_data } = input.params else {
        return Err(Error::MechanismParamInvalid);
    };
    let function = Kdf::of_ec(*kdf, shared_data)?;
    let shared = agree(input.base, public_data)?;
    Ok(Derived::key(function.key(shared, shared_data, input.wanted)?))
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
