//! Diffie-Hellman key derivation (PKCS#11 sections 6.4.10 and 6.4.14): PKCS #3, and ANSI X9.42 with one key pair for
//! each party.

use crate::ck::*;
use crate::error::{Error, Result};
use crate::secret::Secret;

use super::agreement::Kdf;
use super::ffc_keys::{self, DH_SIZES};
use super::operation::{Derivation, Derived};
use super::params::{ParamKind, Params};
use super::row::{Approval, DeriveFn, KeyNeed, Mechanism, Ops};

pub(super) static ROWS: &[Mechanism] = &[
    row(CKM_DH_PKCS_DERIVE, "CKM_DH_PKCS_DERIVE", ParamKind::AnyBytes, KeyNeed::pair(&[CKK_DH]), |input| {
        match input.params {
            Params::Bytes(public) => derive(input, Kdf::None, &[], public),
            _ => Err(Error::MechanismParamInvalid),
        }
    }),
    row(
        CKM_X9_42_DH_DERIVE,
        "CKM_X9_42_DH_DERIVE",
        ParamKind::X942Dh1,
        KeyNeed::pair(&[CKK_X9_42_DH]),
        |input| match input.params {
            Params::X942Dh1 { kdf, other_info, public_data } => {
                derive(input, Kdf::of_x9_42(*kdf, other_info)?, other_info, public_data)
            }
            _ => Err(Error::MechanismParamInvalid),
        },
    ),
];

const fn row(
    id: CK_MECHANISM_TYPE,
    name: &'static str,
    params: ParamKind,
    key: KeyNeed,
    derive: DeriveFn,
) -> Mechanism {
    Mechanism {
        id,
        name,
        params,
        key,
        sizes: DH_SIZES,
        flags: 0,
        approval: Approval::Approved,
        ops: Ops { derive: Some(derive), ..Ops::NONE },
    }
}

/// The secret is as long as the prime, with its leading zeros (PKCS #3 section 7.3); a shorter key is its tail. Errors:
/// CKR_PUBLIC_KEY_INVALID for a value outside 2 to p - 2 or outside the subgroup, where its order is known.
fn derive(input: &Derivation, kdf: Kdf, info: &[u8], public: &[u8]) -> Result<Derived> {
    if public.is_empty() {
        return Err(Error::MechanismParamInvalid);
    }
    let domain = ffc_keys::dh_domain(input.base)?;
    let value = input.base.object().material(CKA_VALUE)?.ok_or(Error::GeneralError)?;
    let shared: Secret = domain.agree(value, public)?;
    Ok(Derived::key(kdf.key(shared, info, input.wanted)?))
}
