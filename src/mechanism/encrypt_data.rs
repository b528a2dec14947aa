//! Keys from encrypted data (PKCS#11 section 6.17 for AES and DES, 6.48 for Camellia, 6.50 for ARIA): the ciphertext of the parameter's data under the
//! base key.

use crate::ck::*;
use crate::crypto::cipher::{BlockMode, Direction};
use crate::error::{Error, Result};
use crate::secret::Secret;

use super::aes_modes::Aes;
use super::block_modes::BlockCipher;
use super::des::Des;
use super::legacy::{Aria, Camellia};
use super::operation::{Derivation, Derived, End, cut};
use super::params::{ParamKind, Params};
use super::row::{Approval, DeriveFn, KeyNeed, Mechanism, Ops};

/// The most data that is encrypted, in bytes.
const MAX_DATA: usize = 1 << 20;

/// The two rows of a cipher: its key types, sizes and block in bytes. No standard of NIST derives keys so.
macro_rules! ecb {
    ($id:ident, $cipher:ident, $types:expr, $sizes:expr) => {
        row($id, stringify!($id), ParamKind::StringData, $types, $sizes, |input| {
            encrypted(input, <$cipher>::ecb(input.base, Direction::Encrypt)?, input.params.bytes())
        })
    };
}

macro_rules! cbc {
    ($id:ident, $cipher:ident, $block:expr, $types:expr, $sizes:expr) => {
        row($id, stringify!($id), ParamKind::CbcData($block), $types, $sizes, |input| {
            let Params::CbcData { iv, data } = input.params else { return Err(Error::MechanismParamInvalid) };
            encrypted(input, <$cipher>::cbc(input.base, iv, Direction::Encrypt)?, data)
        })
    };
}

const DES3: &[CK_KEY_TYPE] = &[CKK_DES3, CKK_DES2];

pub(super) static ROWS: &[Mechanism] = &[
    ecb!(CKM_AES_ECB_ENCRYPT_DATA, Aes, &[CKK_AES], (16, 32)),
    cbc!(CKM_AES_CBC_ENCRYPT_DATA, Aes, 16, &[CKK_AES], (16, 32)),
    ecb!(CKM_DES_ECB_ENCRYPT_DATA, Des, &[CKK_DES], (0, 0)),
    cbc!(CKM_DES_CBC_ENCRYPT_DATA, Des, 8, &[CKK_DES], (0, 0)),
    ecb!(CKM_DES3_ECB_ENCRYPT_DATA, Des, DES3, (0, 0)),
    cbc!(CKM_DES3_CBC_ENCRYPT_DATA, Des, 8, DES3, (0, 0)),
    ecb!(CKM_CAMELLIA_ECB_ENCRYPT_DATA, Camellia, &[CKK_CAMELLIA], (16, 32)),
    cbc!(CKM_CAMELLIA_CBC_ENCRYPT_DATA, Camellia, 16, &[CKK_CAMELLIA], (16, 32)),
    ecb!(CKM_ARIA_ECB_ENCRYPT_DATA, Aria, &[CKK_ARIA], (16, 32)),
    cbc!(CKM_ARIA_CBC_ENCRYPT_DATA, Aria, 16, &[CKK_ARIA], (16, 32)),
];

const fn row(
    id: CK_MECHANISM_TYPE,
    name: &'static str,
    params: ParamKind,
    types: &'static [CK_KEY_TYPE],
    sizes: (u64, u64),
    derive: DeriveFn,
) -> Mechanism {
    Mechanism {
        id,
        name,
        params,
        key: KeyNeed::secret(types),
        sizes,
        flags: 0,
        approval: Approval::NotApproved,
        ops: Ops { derive: Some(derive), ..Ops::NONE },
    }
}

/// A shorter key is the leading bytes of the ciphertext. Errors: CKR_MECHANISM_PARAM_INVALID for data that is empty, too
/// long, not whole blocks, or shorter than the key.
fn encrypted(input: &Derivation, mut cipher: impl BlockMode, data: &[u8]) -> Result<Derived> {
    let too_short = data.len() < input.wanted.unwrap_or(1);
    if too_short || data.len() > MAX_DATA || !data.len().is_multiple_of(cipher.block()) {
        return Err(Error::MechanismParamInvalid);
    }
    let mut value = Secret::zeroed(data.len());
    cipher.update(data, value.as_mut_bytes())?;
    Ok(Derived::key(cut(value, input.wanted, End::Leading)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanism::testing::{derive, secret_key, unhex};

    /// The first block of SP 800-38A, sections F.1.1 and F.2.1.
    #[test]
    fn the_ciphertexts_of_sp_800_38a_are_the_keys() {
        let base = secret_key(CKK_AES, &unhex("2b7e151628aed2a6abf7158809cf4f3c"));
        let data = unhex("6bc1bee22e409f96e93d7e117393172a");
        let ecb = derive(CKM_AES_ECB_ENCRYPT_DATA, &base, &Params::Bytes(data.clone()), None);
        assert_eq!(hex::encode(ecb.unwrap()), "3ad77bb40d7a3660a89ecaf32466ef97");
        let params = Params::CbcData { iv: (0..16).collect(), data };
        let cbc = derive(CKM_AES_CBC_ENCRYPT_DATA, &base, &params, None);
        assert_eq!(hex::encode(cbc.unwrap()), "7649abac8119b246cee98e9b12e9197d");
        let short = derive(CKM_AES_CBC_ENCRYPT_DATA, &base, &params, Some(2));
        assert_eq!(hex::encode(short.unwrap()), "7649");
        assert_eq!(
            derive(CKM_AES_CBC_ENCRYPT_DATA, &base, &params, Some(17)),
            Err(Error::MechanismParamInvalid)
        );
    }

    /// FIPS 81 table B1 and C1: "Now is the time for all " with the key 0123456789abcdef.
    #[test]
    fn the_ciphertexts_of_fips_81_are_the_keys() {
        let value = unhex("0123456789abcdef");
        let data = b"Now is the time for all ".to_vec();
        let cbc = Params::CbcData { iv: unhex("1234567890abcdef"), data: data.clone() };
        for (ecb_id, cbc_id, key_type, value) in [
            (CKM_DES_ECB_ENCRYPT_DATA, CKM_DES_CBC_ENCRYPT_DATA, CKK_DES, value.clone()),
            // Triple DES with one key three times is DES.
            (CKM_DES3_ECB_ENCRYPT_DATA, CKM_DES3_CBC_ENCRYPT_DATA, CKK_DES3, value.repeat(3)),
        ] {
            let base = secret_key(key_type, &value);
            let made = derive(ecb_id, &base, &Params::Bytes(data.clone()), None).unwrap();
            assert_eq!(hex::encode(made), "3fa40e8a984d48156a271787ab8883f9893d51ec4b563b53");
            let made = derive(cbc_id, &base, &cbc, None).unwrap();
            assert_eq!(hex::encode(made), "e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6");
        }
    }

    #[test]
    fn data_that_is_not_whole_blocks_is_refused() {
        let keys = [(CKK_AES, 16), (CKK_DES, 8), (CKK_DES3, 24), (CKK_CAMELLIA, 16), (CKK_ARIA, 16)];
        for (rows, (key_type, length)) in ROWS.chunks(2).zip(keys) {
            let base = secret_key(key_type, &vec![1; length]);
            let block = if matches!(key_type, CKK_DES | CKK_DES3) { 8 } else { 16 };
            for bytes in [0, 1, block - 1, block + 1, MAX_DATA + block] {
                let (data, iv) = (vec![0; bytes], vec![0; block]);
                let ecb = derive(rows[0].id, &base, &Params::Bytes(data.clone()), None);
                assert_eq!(ecb, Err(Error::MechanismParamInvalid), "{} {bytes}", rows[0].name);
                let cbc = derive(rows[1].id, &base, &Params::CbcData { iv, data }, None);
                assert_eq!(cbc, Err(Error::MechanismParamInvalid), "{} {bytes}", rows[1].name);
            }
        }
    }
}
