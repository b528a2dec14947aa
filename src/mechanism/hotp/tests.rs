use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::mechanism::testing::{check_mac, mac};

/// The key of RFC 4226 appendix D, with a counter in memory.
fn key(more: &[(CK_ATTRIBUTE_TYPE, Value)]) -> UsableKey {
    let mut attributes = Attributes::from_iter([
        (CKA_CLASS, Value::Ulong(CKO_OTP_KEY)),
        (CKA_KEY_TYPE, Value::Ulong(CKK_HOTP)),
        (CKA_VALUE, Value::Bytes(b"12345678901234567890".to_vec())),
        (CKA_OTP_LENGTH, Value::Ulong(6)),
    ]);
    for (id, value) in more {
        attributes.set(*id, value.clone());
    }
    let counter = AtomicU64::new(0);
    UsableKey::unchecked(attributes)
        .with_counter(Arc::new(move || Ok(counter.fetch_add(1, Ordering::Relaxed))))
}

fn params(counter: Option<u64>) -> Params {
    Params::Otp { counter, flags: 0, length: None, format: None }
}

/// RFC 4226 appendix D.
const PASSWORDS: [&str; 10] =
    ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];

#[test]
fn the_passwords_of_rfc_4226_come_out_one_after_the_other() {
    let key = key(&[]);
    for (counter, password) in (0u64..).zip(PASSWORDS) {
        let info = mac(CKM_HOTP, &key, &Params::None, &[]).unwrap();
        assert_eq!(&info[VALUES..VALUES + COUNTER], counter.to_be_bytes());
        assert_eq!(&info[VALUES + COUNTER..], password.as_bytes());
        assert_eq!(check_mac(CKM_HOTP, &key, &params(Some(counter)), b"", password.as_bytes()), Ok(()));
    }
}

#[test]
fn a_counter_that_is_given_leaves_the_own_one_alone() {
    let key = key(&[]);
    for _ in 0..2 {
        let info = mac(CKM_HOTP, &key, &params(Some(7)), &[]).unwrap();
        assert_eq!(&info[VALUES + COUNTER..], PASSWORDS[7].as_bytes());
    }
    let info = mac(CKM_HOTP, &key, &params(None), &[]).unwrap();
    assert_eq!(&info[VALUES + COUNTER..], PASSWORDS[0].as_bytes());
}

/// RFC 4226 appendix D tells the truncated number too: 1284755224 for the first.
#[test]
fn eight_digits_are_more_of_the_same_number() {
    let length = Params::Otp { counter: Some(0), flags: 0, length: Some(8), format: None };
    let info = mac(CKM_HOTP, &key(&[]), &length, &[]).unwrap();
    assert_eq!(&info[VALUES + COUNTER..], b"84755224");
}

#[test]
fn a_wrong_password_is_invalid_and_another_length_or_no_counter_is_refused() {
    let key = key(&[]);
    let check = |params: &Params, password: &[u8]| check_mac(CKM_HOTP, &key, params, b"", password);
    assert_eq!(check(&params(Some(1)), PASSWORDS[0].as_bytes()), Err(Error::SignatureInvalid));
    assert_eq!(check(&params(Some(0)), b"55224"), Err(Error::SignatureLenRange));
    assert_eq!(check(&params(None), PASSWORDS[0].as_bytes()), Err(Error::MechanismParamInvalid));
    assert_eq!(mac(CKM_HOTP, &key, &params(None), &[b"data"]).err(), Some(Error::DataLenRange));
}

#[test]
fn what_hotp_cannot_do_is_a_wrong_parameter() {
    let otp = |flags, length, format| Params::Otp { counter: Some(0), flags, length, format };
    for wrong in [
        otp(CKF_NEXT_OTP, None, None),
        otp(CKF_EXCLUDE_COUNTER, None, None),
        otp(CKF_USER_FRIENDLY_OTP, None, None),
        otp(0, Some(5), None),
        otp(0, Some(9), None),
        otp(0, None, Some(CK_OTP_FORMAT_BINARY)),
    ] {
        assert_eq!(
            mac(CKM_HOTP, &key(&[]), &wrong, &[]).err(),
            Some(Error::MechanismParamInvalid),
            "{wrong:?}"
        );
    }
    let wants = key(&[(CKA_OTP_COUNTER_REQUIREMENT, Value::Ulong(CK_OTP_PARAM_MANDATORY))]);
    assert_eq!(mac(CKM_HOTP, &wants, &params(None), &[]).err(), Some(Error::MechanismParamInvalid));
}
