//! SHA-512/t (PKCS#11 sections 6.20 and 6.22, FIPS 180-4 section 5.3.6): the parameter, a CK_MAC_GENERAL_PARAMS, is t,
//! the length of the digest in bits.

use crate::ck::*;
use crate::crypto::sha512_t::{HmacSha512T, Sha512T};
use crate::error::{Error, Result};
use crate::policy::UsableKey;

use super::digest::{row, running};
use super::hmac::MAX_KEY;
use super::mac::{Leading, mac};
use super::params::{ParamKind, Params};
use super::row::{Approval, Mechanism};

pub(super) static ROWS: &[Mechanism] = &[
    Mechanism {
        params: ParamKind::MacGeneral,
        approval: Approval::NotApproved,
        ..row(CKM_SHA512_T, "CKM_SHA512_T", |params| Ok(running(Sha512T::new(bits(params)?)?)))
    },
    mac!(
        CKM_SHA512_T_HMAC,
        MacGeneral,
        &[CKK_GENERIC_SECRET, CKK_SHA512_T_HMAC],
        (0, MAX_KEY),
        NotApproved,
        hmac
    ),
];

/// The full length of the hash, which t tells.
fn hmac(key: &UsableKey, params: &Params) -> Result<Leading<HmacSha512T>> {
    Leading::asked(HmacSha512T::new(bits(params)?, super::secret_value(key)?)?, &Params::None)
}

/// t, the length of the digest in bits.
pub(super) fn bits(params: &Params) -> Result<u64> {
    match params {
        Params::MacGeneral(bits) => Ok(*bits),
        _ => Err(Error::MechanismParamInvalid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanism::testing::{check_mac, digest, mac, secret_key};

    /// FIPS 180-4 gives t = 224 and t = 256 names of their own, and their initial values.
    #[test]
    fn t_of_224_and_256_are_the_digests_and_macs_with_a_name() {
        for (bits, named, named_hmac) in
            [(224, CKM_SHA512_224, CKM_SHA512_224_HMAC), (256, CKM_SHA512_256, CKM_SHA512_256_HMAC)]
        {
            let params = Params::MacGeneral(bits);
            let parts = [&b"abcdbcdecdef"[..], &[0x61; 200]];
            assert_eq!(digest(CKM_SHA512_T, &params, &parts), digest(named, &Params::None, &parts));
            for length in [0, 20, 128, 129] {
                let key = secret_key(CKK_GENERIC_SECRET, &vec![0x0b; length]);
                let expected = mac(named_hmac, &key, &Params::None, &parts);
                assert_eq!(mac(CKM_SHA512_T_HMAC, &key, &params, &parts), expected);
            }
        }
    }

    #[test]
    fn another_t_gives_another_digest_of_its_own_length() {
        let of = |bits| digest(CKM_SHA512_T, &Params::MacGeneral(bits), &[b"abc"]);
        assert_eq!(of(160).unwrap().len(), 20);
        assert_eq!(of(161).unwrap().len(), 21);
        assert_ne!(of(160).unwrap(), of(256).unwrap()[..20]);
    }

    #[test]
    fn a_t_that_the_standard_excludes_or_none_is_refused() {
        let key = secret_key(CKK_SHA512_T_HMAC, &[1; 20]);
        for params in [0, 384, 512, 1 << 40].map(Params::MacGeneral).into_iter().chain([Params::None]) {
            let refused = digest(CKM_SHA512_T, &params, &[]);
            assert_eq!(refused.err(), Some(Error::MechanismParamInvalid), "{params:?}");
            let refused = check_mac(CKM_SHA512_T_HMAC, &key, &params, b"", b"");
            assert_eq!(refused.err(), Some(Error::MechanismParamInvalid), "{params:?}");
        }
        let bits = mac(CKM_SHA512_T_HMAC, &key, &Params::MacGeneral(161), &[]);
        assert_eq!(bits.err(), Some(Error::MechanismParamInvalid));
    }
}
