//! Attacks with keys that wrap.

use super::{Attack, Attempt, any_of, attack, stopped, victim};
use crate::module::Outcome;
use crate::scenario::Host;
use crate::session::{Kind, Session};
use crate::template::{Mechanism, Template};
use cryptoki_sys::*;

/// The victim's value.
pub const VALUE: [u8; 16] = *b"a very secret ke";
const IV: [u8; 16] = [5; 16];

/// The victim: an AES key that cannot be read.
pub fn secret(session: &Session, extractable: bool, more: Template) -> Attempt<CK_OBJECT_HANDLE> {
    secret_of(session, &VALUE, extractable, more)
}

fn secret_of(
    session: &Session,
    value: &[u8],
    extractable: bool,
    more: Template,
) -> Attempt<CK_OBJECT_HANDLE> {
    let template = Template::new()
        .class(CKO_SECRET_KEY)
        .ulong(CKA_KEY_TYPE, CKK_AES)
        .bool(CKA_TOKEN, false)
        .bool(CKA_PRIVATE, true)
        .bool(CKA_SENSITIVE, true)
        .bool(CKA_EXTRACTABLE, extractable)
        .bytes(CKA_VALUE, value);
    victim(session.create(&template.and(more)))
}

/// The attacker's template: a generated AES key with these uses.
fn generate(session: &Session, uses: &[CK_ATTRIBUTE_TYPE]) -> Outcome<CK_OBJECT_HANDLE> {
    let all = [CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP];
    let template = Template::new()
        .bool(CKA_TOKEN, false)
        .bool(CKA_PRIVATE, true)
        .bool(CKA_SENSITIVE, true)
        .bool(CKA_EXTRACTABLE, false)
        .ulong(CKA_VALUE_LEN, 32);
    let template = all.iter().fold(template, |template, id| template.bool(*id, uses.contains(id)));
    session.generate(&Mechanism::plain(CKM_AES_KEY_GEN), &template)
}

/// Each mechanism with which an AES key may wrap.
fn mechanisms() -> Vec<Mechanism> {
    vec![
        Mechanism::plain(CKM_AES_ECB),
        Mechanism::bytes(CKM_AES_CBC, &IV),
        Mechanism::bytes(CKM_AES_CBC_PAD, &IV),
        Mechanism::gcm(&IV[..12], b"", 128),
        Mechanism::plain(CKM_AES_KEY_WRAP),
        Mechanism::plain(CKM_AES_KEY_WRAP_PAD),
        Mechanism::plain(CKM_AES_KEY_WRAP_KWP),
    ]
}

/// The value under RFC 3394, taken off with nothing but decryptions of single blocks.
fn key_wrap_by_blocks(session: &Session, key: CK_OBJECT_HANDLE, wrapped: &[u8]) -> Attempt<Vec<u8>> {
    let [first, rest @ ..] = wrapped.as_chunks::<8>().0 else { return stopped("nothing was wrapped") };
    let (mut a, mut r) = (*first, rest.to_vec());
    let n = r.len() as u64;
    for t in (1..=6 * n).rev() {
        let place = ((t - 1) % n) as usize;
        let mixed = (u64::from_be_bytes(a) ^ t).to_be_bytes();
        let block =
            session.run(Kind::Decrypt, &Mechanism::plain(CKM_AES_ECB), key, &[mixed, r[place]].concat())?;
        let Some((high, low)) = block.split_at_checked(8) else { return stopped("a short block") };
        a.copy_from_slice(high);
        r[place].copy_from_slice(low);
    }
    Ok(r.concat())
}

/// Wraps the key in each way and tries to decrypt what comes out.
fn wrap_and_decrypt(
    h: &Host,
    session: &Session,
    by: CK_OBJECT_HANDLE,
    reader: CK_OBJECT_HANDLE,
    key: CK_OBJECT_HANDLE,
) -> Attempt {
    any_of(mechanisms(), |mechanism| {
        h.needs_flags(mechanism.raw.mechanism, CKF_WRAP)?;
        let wrapped = session.wrap(&mechanism, by, key)?;
        let plain = match session.run(Kind::Decrypt, &mechanism, reader, &wrapped) {
            Ok(plain) => plain,
            Err(_) => key_wrap_by_blocks(session, reader, &wrapped)?,
        };
        match plain.starts_with(&VALUE) {
            true => Ok("the value of a sensitive key was read".into()),
            false => stopped("the plaintext is not the key"),
        }
    })
}

/// The same with one key that is first made for one use and then for the other.
fn one_use_after_the_other(h: &Host, copy: bool) -> Attempt {
    let session = h.user()?;
    let key = secret(&session, true, Template::new())?;
    let by = generate(&session, &[CKA_WRAP])?;
    let decrypt = Template::new().bool(CKA_DECRYPT, true);
    let reader = if copy { session.copy(by, &decrypt)? } else { by };
    any_of(mechanisms(), |mechanism| {
        h.needs_flags(mechanism.raw.mechanism, CKF_WRAP)?;
        let wrapped = session.wrap(&mechanism, by, key)?;
        if !copy {
            session.set(by, &decrypt)?;
        }
        let plain = match session.run(Kind::Decrypt, &mechanism, reader, &wrapped) {
            Ok(plain) => plain,
            Err(_) => key_wrap_by_blocks(&session, reader, &wrapped)?,
        };
        match plain.starts_with(&VALUE) {
            true => Ok("the value of a sensitive key was read".into()),
            false => stopped("the plaintext is not the key"),
        }
    })
}

/// A public key whose private half the attacker has.
fn attackers_public_key() -> Template {
    let mut modulus = vec![0xc5; 256];
    modulus[255] = 1;
    Template::new()
        .class(CKO_PUBLIC_KEY)
        .ulong(CKA_KEY_TYPE, CKK_RSA)
        .bool(CKA_TOKEN, false)
        .bool(CKA_WRAP, true)
        .bytes(CKA_MODULUS, &modulus)
        .bytes(CKA_PUBLIC_EXPONENT, &[1, 0, 1])
}

/// Wraps under the attacker's public key in each way.
fn trojan(h: &Host, key: CK_OBJECT_HANDLE, session: &Session) -> Attempt {
    h.needs(&[CKM_RSA_PKCS])?;
    let public = session.create(&attackers_public_key())?;
    let ways = [Mechanism::plain(CKM_RSA_PKCS), Mechanism::oaep(CKM_SHA_1, CKG_MGF1_SHA1, b"")];
    any_of(ways, |mechanism| {
        h.needs_flags(mechanism.raw.mechanism, CKF_WRAP)?;
        session.wrap(&mechanism, public, key)?;
        Ok("a sensitive key was wrapped under a public key of the attacker".into())
    })
}

/// An unwrapped copy of a wrapped key, with attributes of the attacker's choice.
fn re_import(h: &Host, session: &Session, key: CK_OBJECT_HANDLE) -> Attempt {
    let by = generate(session, &[CKA_WRAP, CKA_UNWRAP])?;
    let readable = Template::new()
        .class(CKO_SECRET_KEY)
        .ulong(CKA_KEY_TYPE, CKK_AES)
        .bool(CKA_TOKEN, false)
        .bool(CKA_SENSITIVE, false)
        .bool(CKA_EXTRACTABLE, true);
    any_of(mechanisms(), |mechanism| {
        h.needs_flags(mechanism.raw.mechanism, CKF_WRAP | CKF_UNWRAP)?;
        let wrapped = session.wrap(&mechanism, by, key)?;
        let back = session.unwrap(&mechanism, by, &wrapped, &readable)?;
        match session.attribute(back, CKA_VALUE)? == VALUE {
            true => Ok("the value of a sensitive key was read".into()),
            false => stopped("another value"),
        }
    })
}

/// Unwraps what was never wrapped.
fn conjure(h: &Host, mechanisms: Vec<Mechanism>, lengths: &[usize]) -> Attempt {
    let session = h.user()?;
    let by = generate(&session, &[CKA_UNWRAP])?;
    let template = Template::new().class(CKO_SECRET_KEY).ulong(CKA_KEY_TYPE, CKK_AES).bool(CKA_TOKEN, false);
    any_of(mechanisms, |mechanism| {
        h.needs_flags(mechanism.raw.mechanism, CKF_UNWRAP)?;
        any_of(lengths, |length| {
            let blob: Vec<u8> = (0..*length).map(|index| (index * 37 + 11) as u8).collect();
            session.unwrap(&mechanism, by, &blob, &template.clone().bool(CKA_SENSITIVE, true))?;
            Ok("random bytes became a key".into())
        })
    })
}

pub const ATTACKS: &[Attack] = &[
    attack("wrap-and-decrypt-with-one-key", "Clulow 2003; Bortolozzo 2010 a1", |h| {
        let session = h.user()?;
        let key = secret(&session, true, Template::new())?;
        let by = generate(&session, &[CKA_WRAP, CKA_DECRYPT])?;
        wrap_and_decrypt(h, &session, by, by, key)
    }),
    attack("wrap-first-and-decrypt-later", "Delaune 2008; Bortolozzo 2010 a1", |h| {
        one_use_after_the_other(h, false)
    }),
    attack("wrap-and-decrypt-with-a-copy", "Bortolozzo 2010 a1", |h| one_use_after_the_other(h, true)),
    attack("wrap-under-an-imported-key", "Clulow 2003", |h| {
        let session = h.user()?;
        let key = secret(&session, true, Template::new())?;
        let template =
            Template::new().class(CKO_SECRET_KEY).ulong(CKA_KEY_TYPE, CKK_AES).bool(CKA_TOKEN, false);
        let template =
            template.bytes(CKA_VALUE, &[7; 32]).bool(CKA_SENSITIVE, true).bool(CKA_EXTRACTABLE, false);
        let by = session.create(&template.bool(CKA_WRAP, true).bool(CKA_DECRYPT, false))?;
        any_of(mechanisms(), |mechanism| {
            h.needs_flags(mechanism.raw.mechanism, CKF_WRAP)?;
            session.wrap(&mechanism, by, key)?;
            Ok("a sensitive key was wrapped under a key of the attacker".into())
        })
    }),
    attack("wrap-under-a-trojan-public-key", "Clulow 2003; Bortolozzo 2010 a2", |h| {
        let session = h.user()?;
        let key = secret(&session, true, Template::new())?;
        trojan(h, key, &session)
    }),
    attack("re-import-as-a-readable-key", "Clulow 2003; Delaune 2008", |h| {
        let session = h.user()?;
        let key = secret(&session, true, Template::new())?;
        re_import(h, &session, key)
    }),
    attack("wrap-a-key-that-is-not-extractable", "Bortolozzo 2010 a4", |h| {
        let session = h.user()?;
        let key = secret(&session, false, Template::new())?;
        let by = generate(&session, &[CKA_WRAP])?;
        any_of(mechanisms(), |mechanism| {
            h.needs_flags(mechanism.raw.mechanism, CKF_WRAP)?;
            session.wrap(&mechanism, by, key)?;
            Ok("a key that is not extractable was wrapped".into())
        })
    }),
    attack("wrap-with-an-untrusted-key", "PKCS#11 3.2, CKA_WRAP_WITH_TRUSTED", |h| {
        let session = h.user()?;
        let key = secret(&session, true, Template::new().bool(CKA_WRAP_WITH_TRUSTED, true))?;
        let by = generate(&session, &[CKA_WRAP])?;
        let no = Template::new().bool(CKA_WRAP_WITH_TRUSTED, false);
        let yes = Template::new().bool(CKA_TRUSTED, true);
        any_of(0..4, |way| {
            let (by, key) = match way {
                0 => (by, key),
                1 => (by, session.set(key, &no).map(|()| key)?),
                2 => (by, session.copy(key, &no)?),
                _ => (session.set(by, &yes).map(|()| by)?, key),
            };
            session.wrap(&Mechanism::plain(CKM_AES_KEY_WRAP), by, key)?;
            Ok("a key that asks for a trusted one was wrapped".into())
        })
    }),
    attack("bind-the-blocks-of-keys-anew", "Clulow 2003, key binding", |h| {
        let session = h.user()?;
        let key = secret_of(&session, &[&VALUE[..], &[7; 16]].concat(), true, Template::new())?;
        let by = generate(&session, &[CKA_WRAP, CKA_UNWRAP])?;
        let template =
            Template::new().class(CKO_SECRET_KEY).ulong(CKA_KEY_TYPE, CKK_AES).bool(CKA_TOKEN, false);
        any_of(mechanisms(), |mechanism| {
            h.needs_flags(mechanism.raw.mechanism, CKF_WRAP | CKF_UNWRAP)?;
            let mut wrapped = session.wrap(&mechanism, by, key)?;
            if wrapped.len() < 32 {
                return stopped("a short wrapped key");
            }
            wrapped[..32].rotate_left(16);
            session.unwrap(&mechanism, by, &wrapped, &template.clone().bool(CKA_SENSITIVE, true))?;
            Ok("blocks in another order became a key".into())
        })
    }),
    attack("conjure-a-key", "Clulow 2003; Bond 2001", |h| conjure(h, mechanisms(), &[16, 24, 32, 40])),
    attack("conjure-a-key-under-key-wrap", "Clulow 2003; Bond 2001", |h| {
        let ways = [CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_PAD, CKM_AES_KEY_WRAP_KWP];
        conjure(h, ways.map(Mechanism::plain).into(), &[24, 32, 40])
    }),
    attack("wrap-under-a-weaker-key", "Clulow 2003, weaker keys", |h| {
        h.needs(&[CKM_DES_KEY_GEN])?;
        let session = h.user()?;
        let key = secret(&session, true, Template::new())?;
        let template = Template::new().bool(CKA_TOKEN, false).bool(CKA_WRAP, true);
        let by = session.generate(&Mechanism::plain(CKM_DES_KEY_GEN), &template)?;
        let ways = [
            Mechanism::plain(CKM_DES_ECB),
            Mechanism::bytes(CKM_DES_CBC, &IV[..8]),
            Mechanism::bytes(CKM_DES_CBC_PAD, &IV[..8]),
        ];
        any_of(ways, |mechanism| {
            h.needs_flags(mechanism.raw.mechanism, CKF_WRAP)?;
            session.wrap(&mechanism, by, key)?;
            Ok("an AES key was wrapped under a key of 56 bits".into())
        })
    }),
    attack("wrap-by-raw-rsa-with-exponent-3", "Clulow 2003, small public exponent", |h| {
        h.needs_flags(CKM_RSA_X_509, CKF_WRAP)?;
        let session = h.user()?;
        let key = secret(&session, true, Template::new())?;
        let public =
            Template::new().bool(CKA_TOKEN, false).ulong(CKA_MODULUS_BITS, 2048).bool(CKA_WRAP, true);
        let public = public.bytes(CKA_PUBLIC_EXPONENT, &[3]);
        let private = Template::new().bool(CKA_TOKEN, false);
        let mechanism = Mechanism::plain(CKM_RSA_PKCS_KEY_PAIR_GEN);
        let (public, _) = session.generate_pair(&mechanism, &public, &private)?;
        session.wrap(&Mechanism::plain(CKM_RSA_X_509), public, key)?;
        Ok("the ciphertext is the third power of the key".into())
    }),
];
