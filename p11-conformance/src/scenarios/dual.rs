//! Dual-function operations (PKCS#11 3.2, 5.17).

use super::keys;
use crate::call;
use crate::expect::{Check, Verdict, expect, same};
use crate::module::Outcome;
use crate::scenario::{Host, Scenario, token_info};
use crate::session::{Kind, Session, input, len};
use crate::template::Mechanism;
use cryptoki_sys::*;

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "decrypt-and-digest-in-one-call",
        "5.17 C_DecryptDigestUpdate",
        "what a part decrypts to is digested by the same call",
        |h| {
            let (session, key) = started(h)?;
            let sealed = session.run(Kind::Encrypt, &cbc(), key, &PLAIN)?;
            session.init(Kind::Decrypt, &cbc(), key)?;
            session.init(Kind::Digest, &Mechanism::plain(CKM_SHA256), 0)?;
            let opened = converted(&sealed, |data, out, length| {
                call!(h.module, C_DecryptDigestUpdate, session.handle, data, len(&sealed), out, length)
            })?;
            same("the plaintext", opened, PLAIN)?;
            let digest = session.finish(Kind::Digest)?;
            session.finish(Kind::Decrypt)?;
            same("its digest", digest, session.run(Kind::Digest, &Mechanism::plain(CKM_SHA256), 0, &PLAIN)?)
        },
    ),
    Scenario::new(
        "sign-and-encrypt-in-one-call",
        "5.17 C_SignEncryptUpdate, C_DecryptVerifyUpdate",
        "a part is signed and encrypted by one call; another decrypts it and checks the signature",
        |h| {
            let (session, key) = started(h)?;
            h.needs(&[CKM_SHA256_HMAC])?;
            let (hmac, mac_key) = (Mechanism::plain(CKM_SHA256_HMAC), keys::generic(&session, &[9; 32])?);
            session.init(Kind::Sign, &hmac, mac_key)?;
            session.init(Kind::Encrypt, &cbc(), key)?;
            let sealed = converted(&PLAIN, |data, out, length| {
                call!(h.module, C_SignEncryptUpdate, session.handle, data, len(&PLAIN), out, length)
            })?;
            session.finish(Kind::Encrypt)?;
            let mac = session.finish(Kind::Sign)?;
            same("the MAC", mac.clone(), session.sign(&hmac, mac_key, &PLAIN)?)?;
            session.init(Kind::Verify, &hmac, mac_key)?;
            session.init(Kind::Decrypt, &cbc(), key)?;
            let opened = converted(&sealed, |data, out, length| {
                call!(h.module, C_DecryptVerifyUpdate, session.handle, data, len(&sealed), out, length)
            })?;
            same("the plaintext", opened, PLAIN)?;
            session.finish(Kind::Decrypt)?;
            Ok(call!(h.module, C_VerifyFinal, session.handle, input(&mac), len(&mac))?)
        },
    ),
    Scenario::new(
        "short-buffer-moves-neither-operation",
        "5.17 C_DigestEncryptUpdate",
        "CKR_BUFFER_TOO_SMALL leaves the digest and the encryption as they were",
        |h| {
            let (session, key) = started(h)?;
            session.init(Kind::Encrypt, &cbc(), key)?;
            session.init(Kind::Digest, &Mechanism::plain(CKM_SHA256), 0)?;
            let (mut out, mut length) = ([0_u8; 8], 8);
            let (data, place) = (input(&PLAIN), out.as_mut_ptr());
            let size = len(&PLAIN);
            let short =
                call!(h.module, C_DigestEncryptUpdate, session.handle, data, size, place, &mut length);
            expect(short, CKR_BUFFER_TOO_SMALL)?;
            converted(&PLAIN, |data, out, length| {
                call!(h.module, C_DigestEncryptUpdate, session.handle, data, size, out, length)
            })?;
            let digest = session.finish(Kind::Digest)?;
            same("the digest", digest, session.run(Kind::Digest, &Mechanism::plain(CKM_SHA256), 0, &PLAIN)?)
        },
    ),
];

const PLAIN: [u8; 32] = [7; 32];

fn cbc() -> Mechanism {
    Mechanism::bytes(CKM_AES_CBC, &[3; 16])
}

/// A session and an AES key, where the token has dual-function operations.
fn started(h: &Host) -> Check<(Session<'_>, CK_OBJECT_HANDLE)> {
    h.needs(&[CKM_AES_CBC, CKM_SHA256])?;
    if token_info(&h.module, h.token()?)?.flags & CKF_DUAL_CRYPTO_OPERATIONS == 0 {
        return Err(Verdict::NotSupported("CKF_DUAL_CRYPTO_OPERATIONS is not set".into()));
    }
    let session = h.user()?;
    let key = session.create(&keys::secret(CKK_AES, &[5; 16]))?;
    Ok((session, key))
}

/// Calls with the data and a buffer of 64 bytes.
fn converted(data: &[u8], call: impl FnOnce(*mut u8, *mut u8, *mut CK_ULONG) -> Outcome) -> Outcome<Vec<u8>> {
    let (mut out, mut length) = (vec![0; 64], 64);
    call(input(data), out.as_mut_ptr(), &mut length)?;
    out.truncate(length as usize);
    Ok(out)
}
