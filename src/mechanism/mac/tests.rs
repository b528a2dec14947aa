//! What holds for every MAC, whatever its family.

use super::*;
use crate::ck::*;
use crate::mechanism::testing::{check_mac, mac, secret_key};
use crate::mechanism::{Mechanism, ParamKind, all};
use crate::policy::UsableKey;

/// Every MAC with a key, the parameter for a MAC of this length where the length can be chosen, and its full length.
fn macs(length: u64) -> Vec<(&'static Mechanism, UsableKey, Params)> {
    let symmetric = |row: &&&'static Mechanism| row.ops.sign.is_some() && !row.key.asymmetric;
    let macs = all().iter().filter(symmetric).filter_map(|row| {
        let size = match row.key.types[0] {
            CKK_DES => 8,
            CKK_DES3 => 24,
            _ => row.sizes.1.min(16).max(row.sizes.0) as usize,
        };
        let params = match row.params {
            ParamKind::None => Params::None,
            ParamKind::MacGeneral if row.id == CKM_SHA512_T_HMAC => Params::MacGeneral(8 * length),
            ParamKind::MacGeneral => Params::MacGeneral(length),
            ParamKind::Gcm => Params::Gcm { iv: vec![1; 12], aad: vec![], tag_bits: 32 },
            _ => return None,
        };
        Some((*row, secret_key(row.key.types[0], &vec![3; size]), params))
    });
    let macs: Vec<_> = macs.collect();
    assert!(macs.len() > 40);
    macs
}

#[test]
fn every_split_gives_the_same_mac_as_one_part() {
    let data: Vec<u8> = (0..65).collect();
    for (row, key, params) in macs(7) {
        let whole = mac(row.id, &key, &params, &[&data]).unwrap();
        for split in 0..=data.len() {
            let (left, right) = data.split_at(split);
            let parts = mac(row.id, &key, &params, &[left, right]).unwrap();
            assert_eq!(parts, whole, "{} at {split}", row.name);
        }
        let bytes: Vec<&[u8]> = data.chunks(1).collect();
        assert_eq!(mac(row.id, &key, &params, &bytes).unwrap(), whole, "{}", row.name);
    }
}

#[test]
fn a_wrong_mac_is_invalid_and_another_length_is_a_length_error() {
    for (row, key, params) in macs(4) {
        let right = mac(row.id, &key, &params, &[b"data"]).unwrap();
        assert_eq!(check_mac(row.id, &key, &params, b"data", &right), Ok(()), "{}", row.name);
        assert_eq!(check_mac(row.id, &key, &params, b"Data", &right), Err(Error::SignatureInvalid));
        for bit in 0..right.len() * 8 {
            let mut wrong = right.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(check_mac(row.id, &key, &params, b"data", &wrong), Err(Error::SignatureInvalid));
        }
        let mut longer = right.clone();
        longer.push(0);
        for wrong in [&[][..], &right[1..], &longer] {
            let refused = check_mac(row.id, &key, &params, b"data", wrong);
            assert_eq!(refused, Err(Error::SignatureLenRange), "{}", row.name);
        }
    }
}

#[test]
fn a_mac_length_of_zero_or_over_the_full_one_is_refused() {
    let general = macs(4).into_iter().filter(|(row, ..)| row.name.ends_with("_GENERAL"));
    for (row, key, _) in general {
        let of = |length| mac(row.id, &key, &Params::MacGeneral(length), &[]);
        let full = (1..=64).filter(|length| of(*length).is_ok()).max().unwrap();
        assert_eq!(of(full).unwrap().len() as u64, full);
        for length in [0, full + 1, u64::MAX] {
            assert_eq!(of(length).err(), Some(Error::MechanismParamInvalid), "{}", row.name);
        }
    }
}
