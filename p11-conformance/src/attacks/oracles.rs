//! Answers that tell what was wrong with a padding or a tag.

use super::{Attack, Attempt, Obstacle, attack, stopped, victim};
use crate::module::Outcome;
use crate::names;
use crate::scenario::Host;
use crate::scenarios::keys;
use crate::session::{Kind, Session};
use crate::template::{Mechanism, Template};
use cryptoki_sys::*;
use std::collections::BTreeMap;

const LENGTH: usize = 256;

/// An RSA pair for these uses.
fn pair(
    h: &Host,
    session: &Session,
    private: CK_ATTRIBUTE_TYPE,
) -> Attempt<(CK_OBJECT_HANDLE, CK_OBJECT_HANDLE)> {
    let public = Template::new().bool(CKA_ENCRYPT, true);
    Ok(keys::rsa(h, session, LENGTH as CK_ULONG * 8, public, Template::new().bool(private, true))?)
}

/// The ciphertext of a block, as it is.
fn seal(h: &Host, session: &Session, public: CK_OBJECT_HANDLE, block: &[u8]) -> Attempt<Vec<u8>> {
    h.needs_flags(CKM_RSA_X_509, CKF_ENCRYPT)?;
    victim(session.run(Kind::Encrypt, &Mechanism::plain(CKM_RSA_X_509), public, block))
}

/// A block of PKCS #1 v1.5 for 16 bytes: right, of another type, with a zero too early, without any zero.
fn blocks() -> Vec<(&'static str, Vec<u8>)> {
    let mut right = vec![0, 2];
    right.resize(LENGTH - 17, 0x77);
    right.push(0);
    right.extend([0x5a; 16]);
    let changed = |place: usize, byte: u8| {
        let mut block = right.clone();
        block[place] = byte;
        block
    };
    let blocks = [
        ("another type", changed(1, 1)),
        ("an early zero", changed(4, 0)),
        ("no zero", changed(LENGTH - 17, 1)),
    ];
    [("right", right.clone())].into_iter().chain(blocks).collect()
}

/// Says that the answers differ, or that they do not. A message is no answer: it must only look like one.
fn compare(answers: BTreeMap<String, Vec<&str>>) -> Attempt {
    let told: Vec<String> =
        answers.iter().map(|(answer, kinds)| format!("{}: {answer}", kinds.join(", "))).collect();
    match answers.len() {
        0 | 1 => stopped(format!("one answer: {}", told.join("; "))),
        _ => Ok(format!("different answers: {}", told.join("; "))),
    }
}

fn answer<T>(outcome: Outcome<T>) -> String {
    outcome.map_or_else(|error| names::rv(error.rv), |_| "CKR_OK".into())
}

fn collect<'a>(answers: impl IntoIterator<Item = (&'a str, String)>) -> BTreeMap<String, Vec<&'a str>> {
    let mut all: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (kind, answer) in answers {
        all.entry(answer).or_default().push(kind);
    }
    all
}

/// A mechanism that the module does not let a key use at all is refused at its Init.
fn allowed(session: &Session, mechanism: &Mechanism, key: CK_OBJECT_HANDLE) -> Attempt<()> {
    session.init(Kind::Decrypt, mechanism, key)?;
    // Ends the operation, whatever comes out.
    let _ = session.once(Kind::Decrypt, &[1; LENGTH]);
    Ok(())
}

fn v1_5_decrypt(h: &Host) -> Attempt {
    let session = h.user()?;
    let (public, private) = pair(h, &session, CKA_DECRYPT)?;
    let mechanism = Mechanism::plain(CKM_RSA_PKCS);
    h.needs_flags(CKM_RSA_PKCS, CKF_DECRYPT)?;
    allowed(&session, &mechanism, private)?;
    let mut answers = Vec::new();
    for (kind, block) in blocks() {
        let sealed = seal(h, &session, public, &block)?;
        answers.push((kind, answer(session.run(Kind::Decrypt, &mechanism, private, &sealed))));
    }
    compare(collect(answers))
}

fn v1_5_unwrap(h: &Host) -> Attempt {
    h.needs_flags(CKM_RSA_PKCS, CKF_UNWRAP)?;
    let session = h.user()?;
    let (public, private) = pair(h, &session, CKA_UNWRAP)?;
    let template =
        Template::new().class(CKO_SECRET_KEY).ulong(CKA_KEY_TYPE, CKK_GENERIC_SECRET).bool(CKA_TOKEN, false);
    let template = template.bool(CKA_SENSITIVE, true);
    let mut answers = Vec::new();
    for (kind, block) in blocks() {
        let sealed = seal(h, &session, public, &block)?;
        let key = session.unwrap(&Mechanism::plain(CKM_RSA_PKCS), private, &sealed, &template);
        answers.push((kind, answer(key)));
    }
    if answers.first().is_some_and(|(_, answer)| answer != "CKR_OK") {
        return stopped(format!("a right padding is refused: {}", answers[0].1));
    }
    compare(collect(answers))
}

/// SHA-1 by the module itself.
fn sha1(session: &Session, data: &[u8]) -> Attempt<Vec<u8>> {
    victim(session.init(Kind::Digest, &Mechanism::plain(CKM_SHA_1), 0))?;
    victim(session.once(Kind::Digest, data))
}

fn mask(session: &Session, target: &mut [u8], seed: &[u8]) -> Attempt<()> {
    for (counter, chunk) in (0_u32..).zip(target.chunks_mut(20)) {
        let stream = sha1(session, &[seed, &counter.to_be_bytes()].concat())?;
        chunk.iter_mut().zip(stream).for_each(|(byte, key)| *byte ^= key);
    }
    Ok(())
}

/// Manger's oracle: a first byte, a label or a padding that is wrong.
fn oaep(h: &Host) -> Attempt {
    h.needs_flags(CKM_RSA_PKCS_OAEP, CKF_DECRYPT)?;
    let session = h.user()?;
    let (public, private) = pair(h, &session, CKA_DECRYPT)?;
    let label = sha1(&session, b"")?;
    let mut answers = Vec::new();
    for kind in ["first byte", "label", "padding"] {
        let mut data = label.clone();
        data.resize(LENGTH - 21 - 17, 0);
        data.push(1);
        data.extend([0x5a; 16]);
        match kind {
            "label" => data[3] ^= 1,
            "padding" => data[20] = 2,
            _ => {}
        }
        let mut seed = vec![0x33; 20];
        mask(&session, &mut data, &seed)?;
        mask(&session, &mut seed, &data)?;
        let block = [&[u8::from(kind == "first byte")][..], &seed, &data].concat();
        let sealed = seal(h, &session, public, &block)?;
        let mechanism = Mechanism::oaep(CKM_SHA_1, CKG_MGF1_SHA1, b"");
        let opened = answer(session.run(Kind::Decrypt, &mechanism, private, &sealed));
        if opened == "CKR_OK" {
            return Ok(format!("a wrong {kind} is taken"));
        }
        answers.push((kind, opened));
    }
    compare(collect(answers))
}

fn cbc(h: &Host) -> Attempt {
    h.needs(&[CKM_AES_CBC, CKM_AES_CBC_PAD])?;
    let session = h.user()?;
    let template = Template::new().bool(CKA_ENCRYPT, true).bool(CKA_DECRYPT, true);
    let key = keys::generate_aes(h, &session, 16, template)?;
    let mut answers = Vec::new();
    for (kind, last) in
        [("length 0", [1, 0]), ("length 17", [1, 17]), ("length 255", [1, 255]), ("a wrong byte", [1, 2])]
    {
        let mut block = vec![0x77; 32];
        block[30..].copy_from_slice(&last);
        let sealed =
            victim(session.run(Kind::Encrypt, &Mechanism::bytes(CKM_AES_CBC, &[5; 16]), key, &block))?;
        let opened = session.run(Kind::Decrypt, &Mechanism::bytes(CKM_AES_CBC_PAD, &[5; 16]), key, &sealed);
        answers.push((kind, answer(opened)));
    }
    compare(collect(answers))
}

fn early_plaintext(h: &Host) -> Attempt {
    h.needs_flags(CKM_AES_GCM, CKF_DECRYPT)?;
    let session = h.user()?;
    let template = Template::new().bool(CKA_ENCRYPT, true).bool(CKA_DECRYPT, true);
    let key = keys::generate_aes(h, &session, 16, template)?;
    let mechanism = Mechanism::gcm(&[1; 12], b"", 128);
    let mut sealed = victim(session.run(Kind::Encrypt, &mechanism, key, &[0x5a; 256]))?;
    sealed[200] ^= 1;
    session.init(Kind::Decrypt, &mechanism, key)?;
    let early = session.update(Kind::Decrypt, &sealed).map_err(Obstacle::from)?;
    match early.windows(8).any(|bytes| bytes == [0x5a; 8]) {
        true => Ok(format!("{} bytes of plaintext before the tag was checked", early.len())),
        false => stopped("nothing is given out before the tag was checked"),
    }
}

pub const ATTACKS: &[Attack] = &[
    attack("tell-a-v1-5-padding-by-decrypting", "Bleichenbacher 1998", v1_5_decrypt),
    attack("tell-a-v1-5-padding-by-unwrapping", "Bardou 2012", v1_5_unwrap),
    attack("tell-what-is-wrong-with-oaep", "Manger 2001", oaep),
    attack("tell-what-is-wrong-with-a-cbc-padding", "Vaudenay 2002", cbc),
    attack("read-a-gcm-plaintext-before-its-tag", "SP 800-38D, section 7.2", early_plaintext),
];
