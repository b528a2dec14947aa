//! Attacks on attributes and on what lives after a logout.

use super::wrapping::{VALUE, secret};
use super::{Attack, Attempt, any_of, attack, stopped, victim};
use crate::scenario::Host;
use crate::scenarios::keys;
use crate::session::{Kind, Session};
use crate::template::{Mechanism, Template};
use cryptoki_sys::*;

fn read(session: &Session, key: CK_OBJECT_HANDLE) -> Attempt {
    match session.attribute(key, CKA_VALUE)? == VALUE {
        true => Ok("the value was read".into()),
        false => stopped("another value"),
    }
}

/// Makes a protected key readable by one change, or a copy with it.
fn loosen(h: &Host, extractable: bool, change: Template) -> Attempt {
    let session = h.user()?;
    any_of([false, true], |copy| {
        let key = secret(&session, extractable, Template::new())?;
        let key = if copy { session.copy(key, &change)? } else { session.set(key, &change).map(|()| key)? };
        match session.bool(key, CKA_SENSITIVE)? && !session.bool(key, CKA_EXTRACTABLE)? {
            true => stopped("the attribute is as it was"),
            false => Ok("the protection of a key was taken away".into()),
        }
    })
}

pub const ATTACKS: &[Attack] = &[
    attack("read-a-sensitive-key", "Bortolozzo 2010 a3", |h| {
        let session = h.user()?;
        let key = secret(&session, true, Template::new())?;
        read(&session, key)
    }),
    attack("read-a-key-that-is-not-extractable", "Bortolozzo 2010 a4", |h| {
        let session = h.user()?;
        let template = keys::secret(CKK_AES, &VALUE);
        let key = victim(session.create(&template))?;
        let narrow = session.set(key, &Template::new().bool(CKA_EXTRACTABLE, false));
        victim(narrow)?;
        read(&session, key)
    }),
    attack("make-a-key-no-longer-sensitive", "Bortolozzo 2010 a5", |h| {
        loosen(h, false, Template::new().bool(CKA_SENSITIVE, false))
    }),
    attack("make-a-key-extractable", "Bortolozzo 2010 a5", |h| {
        loosen(h, false, Template::new().bool(CKA_EXTRACTABLE, true))
    }),
    attack("confirm-a-guess-by-a-search", "PKCS#11 3.2, section 5.7", |h| {
        let session = h.user()?;
        secret(&session, true, Template::new())?;
        match session.find(&Template::new().bytes(CKA_VALUE, &VALUE))?.is_empty() {
            true => stopped("the search finds nothing"),
            false => Ok("a search by value finds a sensitive key".into()),
        }
    }),
    attack("sign-after-the-logout", "PKCS#11 3.2, section 5.6.9", |h| {
        let session = h.user()?;
        h.needs(&[CKM_SHA256_RSA_PKCS])?;
        let (_, private) = keys::rsa_2048(h, &session)?;
        victim(session.init(Kind::Sign, &Mechanism::plain(CKM_SHA256_RSA_PKCS), private))?;
        victim(session.logout())?;
        session.once(Kind::Sign, b"message")?;
        Ok("a private key has signed after the logout".into())
    }),
];
