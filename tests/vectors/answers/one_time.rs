//! One-time passwords: RFC 4226 appendix D, with a key in the token.

use coffer_pkcs11::ck::*;

use super::super::parameter::Mechanism;
use super::super::report::Outcome;
use super::super::token::{Answer as Result, Attributes, Token, ulong, yes};
use super::{Does, Known};

fn template() -> Attributes {
    vec![
        (CKA_CLASS, ulong(CKO_OTP_KEY)),
        (CKA_KEY_TYPE, ulong(CKK_HOTP)),
        (CKA_EXTRACTABLE, yes()),
        (CKA_SENSITIVE, vec![CK_FALSE]),
    ]
}

fn with(id: CK_ATTRIBUTE_TYPE, value: Vec<u8>) -> Attributes {
    let mut template = template();
    template.push((id, value));
    template
}

pub fn answers() -> Vec<Known> {
    let mut key = with(CKA_VALUE, b"12345678901234567890".to_vec());
    key.push((CKA_TOKEN, yes()));
    let passwords =
        ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
    let does = Does::Passwords { key, passwords: passwords.to_vec() };
    let generates =
        Does::Generates { template: with(CKA_VALUE_LEN, ulong(20)), wrong: with(CKA_OTP_LENGTH, ulong(5)) };
    vec![
        Known { mechanism: Mechanism::plain(CKM_HOTP), does },
        Known { mechanism: Mechanism::plain(CKM_HOTP_KEY_GEN), does: generates },
    ]
}

/// CKM_HOTP with this counter. What the parameter points to lives as long as the test.
fn at(counter: u64) -> Mechanism {
    let counter = Box::leak(Box::new(counter.to_be_bytes()));
    let param = CK_OTP_PARAM { type_: CK_OTP_COUNTER, pValue: counter.as_mut_ptr().cast(), ulValueLen: 8 };
    let params = Box::leak(Box::new(param));
    Mechanism::with(CKM_HOTP, [], |[]| CK_OTP_PARAMS { pParams: params, ulCount: 1 })
}

/// The parameters of a CK_OTP_SIGNATURE_INFO lie behind one another in one block, the password last.
fn password(info: &[u8]) -> &[u8] {
    &info[info.len() - 6..]
}

pub fn right(token: &Token, mechanism: &Mechanism, key: &Attributes, passwords: &[&str]) -> Result<Outcome> {
    let key = token.create(key)?;
    for (counter, wanted) in (0u64..).zip(passwords) {
        let info = token.sign(mechanism, key, &[])?;
        if password(&info) != wanted.as_bytes() {
            return Ok(Outcome::Wrong(String::from_utf8_lossy(password(&info)).into()));
        }
        token.verify(&at(counter), key, &[], wanted.as_bytes())?;
        if token.attribute(key, CKA_OTP_COUNTER)? != (counter + 1).to_be_bytes() {
            return Ok(Outcome::Wrong(format!("the counter after {counter}")));
        }
    }
    token.destroy(key);
    Ok(Outcome::Accepted)
}

/// The second password at the first counter.
pub fn wrong(token: &Token, key: &Attributes) -> Result<()> {
    let key = token.create(key)?;
    let verified = token.verify(&at(0), key, &[], b"287082");
    token.destroy(key);
    verified
}
