//! Every attribute that the standard's tables give to an object of a class is there: it can be read, or it is
//! sensitive (PKCS#11 3.2, 4.4 to 4.11, 6.1, 6.3, 6.10).

use super::{keys, objects};
use crate::expect::{Check, Verdict, failed, holds, refused, same};
use crate::scenario::{Host, Scenario};
use crate::session::Session;
use crate::template::Template;
use cryptoki_sys::*;

type Table = &'static [(&'static str, CK_ATTRIBUTE_TYPE)];

/// Pairs of name and number.
macro_rules! table {
    ($($name:ident)*) => { &[$((stringify!($name), $name)),*] };
}

const STORAGE: Table =
    table! { CKA_CLASS CKA_TOKEN CKA_PRIVATE CKA_MODIFIABLE CKA_LABEL CKA_COPYABLE CKA_DESTROYABLE };
const DATA: Table = table! { CKA_APPLICATION CKA_OBJECT_ID CKA_VALUE };
const CERTIFICATE: Table = table! {
    CKA_CERTIFICATE_TYPE CKA_TRUSTED CKA_CERTIFICATE_CATEGORY CKA_CHECK_VALUE CKA_START_DATE CKA_END_DATE
    CKA_SUBJECT CKA_ID CKA_ISSUER CKA_SERIAL_NUMBER CKA_VALUE CKA_URL CKA_HASH_OF_SUBJECT_PUBLIC_KEY
    CKA_HASH_OF_ISSUER_PUBLIC_KEY
};
const KEY: Table = table! {
    CKA_KEY_TYPE CKA_ID CKA_START_DATE CKA_END_DATE CKA_DERIVE CKA_LOCAL CKA_KEY_GEN_MECHANISM
};
const PUBLIC: Table = table! {
    CKA_SUBJECT CKA_ENCRYPT CKA_VERIFY CKA_VERIFY_RECOVER CKA_WRAP CKA_TRUSTED
};
const PRIVATE: Table = table! {
    CKA_SUBJECT CKA_SENSITIVE CKA_DECRYPT CKA_SIGN CKA_SIGN_RECOVER CKA_UNWRAP CKA_EXTRACTABLE CKA_ALWAYS_SENSITIVE
    CKA_NEVER_EXTRACTABLE CKA_WRAP_WITH_TRUSTED CKA_ALWAYS_AUTHENTICATE
};
const SECRET: Table = table! {
    CKA_SENSITIVE CKA_ENCRYPT CKA_DECRYPT CKA_SIGN CKA_VERIFY CKA_WRAP CKA_UNWRAP CKA_EXTRACTABLE CKA_ALWAYS_SENSITIVE
    CKA_NEVER_EXTRACTABLE CKA_CHECK_VALUE CKA_WRAP_WITH_TRUSTED CKA_TRUSTED CKA_VALUE CKA_VALUE_LEN
};
const RSA_PUBLIC: Table = table! { CKA_MODULUS CKA_MODULUS_BITS CKA_PUBLIC_EXPONENT };
const RSA_PRIVATE: Table = table! {
    CKA_MODULUS CKA_PUBLIC_EXPONENT CKA_PRIVATE_EXPONENT CKA_PRIME_1 CKA_PRIME_2 CKA_EXPONENT_1 CKA_EXPONENT_2
    CKA_COEFFICIENT
};
const EC_PUBLIC: Table = table! { CKA_EC_PARAMS CKA_EC_POINT };
const EC_PRIVATE: Table = table! { CKA_EC_PARAMS CKA_VALUE };

/// All attributes of the tables can be read, or are sensitive.
fn has(session: &Session, object: CK_OBJECT_HANDLE, tables: &[Table]) -> Check {
    for (name, kind) in tables.iter().copied().flatten() {
        match session.attribute(object, *kind) {
            Err(error) if error.rv != CKR_ATTRIBUTE_SENSITIVE => {
                return Err(failed(format!("{error} for {name}"), "its value, or CKR_ATTRIBUTE_SENSITIVE"));
            }
            _ => {}
        }
    }
    Ok(())
}

const ALL: &str = "each attribute of the class's tables has a value, or is sensitive";

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new("table-of-data", "4.4, 4.5", ALL, |h| {
        let session = h.session()?;
        let object = session.create(&keys::data("x", b"x"))?;
        has(&session, object, &[STORAGE, DATA])
    }),
    Scenario::new("table-of-certificates", "4.4, 4.6", ALL, |h| {
        let session = h.user()?;
        let object = session.create(&objects::certificate())?;
        has(&session, object, &[STORAGE, CERTIFICATE])
    }),
    Scenario::new("table-of-rsa-public-keys", "4.4, 4.8, 4.9, 6.1", ALL, |h| {
        let session = h.user()?;
        let (key, _) = keys::rsa_2048(h, &session)?;
        has(&session, key, &[STORAGE, KEY, PUBLIC, RSA_PUBLIC])
    }),
    Scenario::new("table-of-rsa-private-keys", "4.4, 4.8, 4.10, 6.1", ALL, |h| {
        let session = h.user()?;
        let (_, key) = keys::rsa_2048(h, &session)?;
        has(&session, key, &[STORAGE, KEY, PRIVATE, RSA_PRIVATE])
    }),
    Scenario::new("table-of-ec-public-keys", "4.4, 4.8, 4.9, 6.3", ALL, |h| {
        let session = h.user()?;
        let (key, _) = keys::ec(h, &session, keys::P256)?;
        has(&session, key, &[STORAGE, KEY, PUBLIC, EC_PUBLIC])
    }),
    Scenario::new("table-of-ec-private-keys", "4.4, 4.8, 4.10, 6.3", ALL, |h| {
        let session = h.user()?;
        let (_, key) = keys::ec(h, &session, keys::P256)?;
        has(&session, key, &[STORAGE, KEY, PRIVATE, EC_PRIVATE])
    }),
    Scenario::new("table-of-aes-keys", "4.4, 4.8, 4.11, 6.10", ALL, |h| {
        let session = h.user()?;
        let key = keys::aes(&session, &[1; 16])?;
        has(&session, key, &[STORAGE, KEY, SECRET])
    }),
    Scenario::new(
        "dates-are-empty-by-default",
        "4.8 CKA_START_DATE, CKA_END_DATE",
        "a date not given is empty",
        |h| {
            let session = h.user()?;
            let key = keys::aes(&session, &[1; 16])?;
            same("CKA_START_DATE", session.attribute(key, CKA_START_DATE)?, b"")?;
            same("CKA_END_DATE", session.attribute(key, CKA_END_DATE)?, b"")
        },
    ),
    Scenario::new("dates-are-kept", "4.8 CKA_START_DATE, CKA_END_DATE", "a date given is given back", |h| {
        let session = h.user()?;
        let template = keys::secret(CKK_AES, &[1; 16]).bytes(CKA_START_DATE, b"20200101");
        let key = session.create(&template.bytes(CKA_END_DATE, b"20991231"))?;
        same("CKA_START_DATE", session.attribute(key, CKA_START_DATE)?, b"20200101")?;
        same("CKA_END_DATE", session.attribute(key, CKA_END_DATE)?, b"20991231")
    }),
    Scenario::new(
        "date-of-another-size",
        "3.1 CK_DATE / 4.1.1 rule 2",
        "a date is 8 characters or none",
        |h| refused(h.user()?.create(&keys::secret(CKK_AES, &[1; 16]).bytes(CKA_START_DATE, b"2020"))),
    ),
    Scenario::new(
        "generated-pair-is-linked",
        "6.1 / 4.8 CKA_ID, CKA_SUBJECT",
        "given id and subject are kept",
        |h| {
            let session = h.user()?;
            let named =
                || Template::new().bytes(CKA_ID, &[1, 2, 3]).bytes(CKA_SUBJECT, &[0x30, 0]).label("pair");
            let (public, private) = keys::rsa(h, &session, 2048, named(), named())?;
            for key in [public, private] {
                same("CKA_ID", session.attribute(key, CKA_ID)?, [1, 2, 3])?;
                same("CKA_SUBJECT", session.attribute(key, CKA_SUBJECT)?, [0x30, 0])?;
            }
            Ok(())
        },
    ),
    Scenario::new(
        "private-keys-are-private",
        "4.10 / 4.4 CKA_PRIVATE",
        "private keys that are generated with CKA_PRIVATE true are not seen without a login",
        token_pair,
    ),
];

fn token_pair(h: &Host) -> Check {
    let session = h.user()?;
    let public = Template::new().bool(CKA_PRIVATE, false).label("pair");
    keys::rsa(h, &session, 2048, public, Template::new().label("pair").bool(CKA_PRIVATE, true))?;
    let seen = |session: &Session| Ok::<usize, Verdict>(session.find(&Template::new().label("pair"))?.len());
    holds("the user sees both", seen(&session)? == 2)?;
    session.logout()?;
    holds("without a login one is seen at most", seen(&session)? <= 1)
}
