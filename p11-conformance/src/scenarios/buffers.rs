//! Output of variable length: how long, too short, long enough, and what that does to the operation
//! (PKCS#11 3.2, 5.2). Each rule is asked of encryption, decryption, digest and signature.

use super::keys::{self, MAC_DATA, MAC_KEY};
use crate::call;
use crate::expect::{Check, equal, expect, expect_any, failed, holds, same, unhex};
use crate::scenario::{Host, Scenario};
use crate::session::{Kind, Session, input, len};
use crate::template::Mechanism;
use cryptoki_sys::*;
use std::ptr;

/// One rule for the four kinds of operation that have output.
macro_rules! for_each_kind {
    ($($name:literal, $rule:literal, $check:ident;)*) => { &[$(
        Scenario::new(concat!("encrypt-", $name), "5.2 / 5.8 C_Encrypt", $rule, |h| $check(h, Kind::Encrypt)),
        Scenario::new(concat!("decrypt-", $name), "5.2 / 5.10 C_Decrypt", $rule, |h| $check(h, Kind::Decrypt)),
        Scenario::new(concat!("digest-", $name), "5.2 / 5.12 C_Digest", $rule, |h| $check(h, Kind::Digest)),
        Scenario::new(concat!("sign-", $name), "5.2 / 5.13 C_Sign", $rule, |h| $check(h, Kind::Sign)),
    )*] };
}

pub const BY_KIND: &[Scenario] = for_each_kind! {
    "length-query",
    "with a NULL buffer a length is returned that suffices and exceeds the output by little; the operation goes on",
    length_query;
    "length-query-twice",
    "asking for the length any number of times changes nothing",
    length_query_twice;
    "short-buffer",
    "too small a buffer: CKR_BUFFER_TOO_SMALL, the length needed, nothing written behind it, and the operation goes on",
    short_buffer;
    "empty-buffer",
    "a buffer of no bytes that is not NULL is too small, and not a question for the length",
    empty_buffer;
    "large-buffer",
    "in a larger buffer the length becomes the exact number of bytes returned",
    large_buffer;
    "final-length-query",
    "the final function answers a NULL buffer with a length and goes on",
    final_length_query;
    "final-short-buffer",
    "the final function with too small a buffer: CKR_BUFFER_TOO_SMALL, and it can be called again",
    final_short_buffer;
    "length-is-needed",
    "without a place for the length: CKR_ARGUMENTS_BAD",
    length_is_needed;
};

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new("encrypt-update-short-buffer", "5.2 / 5.8 C_EncryptUpdate", UPDATE, |h| {
        update_short_buffer(h, Kind::Encrypt)
    }),
    Scenario::new("decrypt-update-short-buffer", "5.2 / 5.10 C_DecryptUpdate", UPDATE, |h| {
        update_short_buffer(h, Kind::Decrypt)
    }),
    Scenario::new("encrypt-update-length-query", "5.2 / 5.8 C_EncryptUpdate", UPDATE_QUERY, |h| {
        update_length_query(h, Kind::Encrypt)
    }),
    Scenario::new("decrypt-update-length-query", "5.2 / 5.10 C_DecryptUpdate", UPDATE_QUERY, |h| {
        update_length_query(h, Kind::Decrypt)
    }),
    Scenario::new(
        "encrypt-in-place",
        "5.8 C_Encrypt",
        "plaintext and ciphertext may be in the same place",
        |h| {
            let ready = ready(h, Kind::Encrypt)?;
            let mut buffer = [0_u8; 64];
            buffer[..ready.data.len()].copy_from_slice(&ready.data);
            let mut length = 64;
            let place = buffer.as_mut_ptr();
            let session = ready.session.handle;
            call!(h.module, C_Encrypt, session, place, len(&ready.data), place, &mut length)?;
            same("the ciphertext", &buffer[..length as usize], &ready.output)
        },
    ),
    Scenario::new(
        "decrypt-in-place",
        "5.10 C_Decrypt",
        "plaintext and ciphertext may be in the same place",
        |h| {
            let ready = ready(h, Kind::Decrypt)?;
            let mut buffer = [0_u8; 64];
            buffer[..ready.data.len()].copy_from_slice(&ready.data);
            let mut length = 64;
            let place = buffer.as_mut_ptr();
            call!(h.module, C_Decrypt, ready.session.handle, place, len(&ready.data), place, &mut length)?;
            same("the plaintext", &buffer[..length as usize], &ready.output)
        },
    ),
    Scenario::new(
        "cbc-pad-holds-back-one-block",
        "5.2, last paragraph",
        "decryption with padding returns all it can: nothing for the first block, that block when more comes",
        |h| {
            let ready = ready_padded(h)?;
            let first = ready.session.update(Kind::Decrypt, &ready.data[..16])?;
            equal("bytes after one block", first.len(), 0)?;
            let second = ready.session.update(Kind::Decrypt, &ready.data[16..])?;
            equal("bytes after the second block", second.len(), 16)?;
            same("the first block", second, b"abcdefghijklmnop")?;
            same("the rest", ready.session.finish(Kind::Decrypt)?, b"qrst")
        },
    ),
    Scenario::new(
        "padded-decryption-into-the-right-size",
        "5.2, note",
        "a buffer that the length query called sufficient is sufficient",
        |h| {
            let ready = ready_padded(h)?;
            let capacity = ready.session.query(Kind::Decrypt, &ready.data)?;
            same(
                "the plaintext",
                ready.session.once_into(Kind::Decrypt, &ready.data, capacity).bytes()?,
                ready.output,
            )
        },
    ),
    Scenario::new(
        "wrap-length-query",
        "5.2 / 5.18 C_WrapKey",
        "wrapping answers a NULL buffer with a length",
        |h| {
            let (session, wrapping, key) = wrap_keys(h)?;
            let (mechanism, mut length) = (Mechanism::plain(CKM_AES_KEY_WRAP), 0);
            let (m, out) = (mechanism.pointer(), ptr::null_mut());
            call!(h.module, C_WrapKey, session.handle, m, wrapping, key, out, &mut length)?;
            holds("24 bytes or a little more", (24..64).contains(&length))
        },
    ),
    Scenario::new(
        "wrap-short-buffer",
        "5.2 / 5.18 C_WrapKey",
        "too small a buffer: CKR_BUFFER_TOO_SMALL",
        |h| {
            let (session, wrapping, key) = wrap_keys(h)?;
            let (mechanism, mut length, mut buffer) = (Mechanism::plain(CKM_AES_KEY_WRAP), 23, [0xA5_u8; 64]);
            let (m, out) = (mechanism.pointer(), buffer.as_mut_ptr());
            expect(
                call!(h.module, C_WrapKey, session.handle, m, wrapping, key, out, &mut length),
                CKR_BUFFER_TOO_SMALL,
            )?;
            holds("the length needed is returned", length >= 24)?;
            same("the buffer behind its end", &buffer[23..], [0xA5; 41])
        },
    ),
];

const UPDATE: &str = "too small a buffer for a part: CKR_BUFFER_TOO_SMALL, and the part can be given again";
const UPDATE_QUERY: &str = "the length for a part can be asked for; the part is not taken in";

/// An operation right after its Init, with input and the output that it should have.
struct Ready<'m> {
    session: Session<'m>,
    data: Vec<u8>,
    output: Vec<u8>,
}

/// AES-CBC of two blocks (SP 800-38A F.2.1), SHA-256 of "abc", HMAC-SHA-256 (RFC 4231 test case 6).
fn ready(h: &Host, kind: Kind) -> Check<Ready<'_>> {
    let session = h.user()?;
    let plain = unhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
    let sealed = unhex("7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2");
    let (mechanism, key, data, output) = match kind {
        Kind::Encrypt | Kind::Decrypt => {
            h.needs(&[CKM_AES_CBC])?;
            let key = keys::aes(&session, &unhex("2b7e151628aed2a6abf7158809cf4f3c"))?;
            let mechanism = Mechanism::bytes(CKM_AES_CBC, &unhex("000102030405060708090a0b0c0d0e0f"));
            let (data, output) = if kind == Kind::Encrypt { (plain, sealed) } else { (sealed, plain) };
            (mechanism, key, data, output)
        }
        Kind::Digest => {
            h.needs(&[CKM_SHA256])?;
            (Mechanism::plain(CKM_SHA256), 0, b"abc".to_vec(), super::digest::sha256_abc())
        }
        Kind::Sign | Kind::Verify => {
            h.needs(&[CKM_SHA256_HMAC])?;
            let key = keys::generic(&session, &MAC_KEY)?;
            let mac = unhex("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
            (Mechanism::plain(CKM_SHA256_HMAC), key, MAC_DATA.to_vec(), mac)
        }
    };
    session.init(kind, &mechanism, key)?;
    Ok(Ready { session, data, output })
}

/// A started decryption of 20 bytes under AES-256-CBC with padding (made with OpenSSL).
fn ready_padded(h: &Host) -> Check<Ready<'_>> {
    h.needs(&[CKM_AES_CBC_PAD])?;
    let session = h.user()?;
    let key =
        keys::aes(&session, &unhex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"))?;
    let mechanism = Mechanism::bytes(CKM_AES_CBC_PAD, &unhex("000102030405060708090a0b0c0d0e0f"));
    session.init(Kind::Decrypt, &mechanism, key)?;
    let data = unhex("6673a50588685ae64b4edcc12525356df6d314e2aef0938309e8e1f170cd346b");
    Ok(Ready { session, data, output: b"abcdefghijklmnopqrst".to_vec() })
}

fn wrap_keys(h: &Host) -> Check<(Session<'_>, CK_OBJECT_HANDLE, CK_OBJECT_HANDLE)> {
    h.needs_flags(CKM_AES_KEY_WRAP, CKF_WRAP)?;
    let session = h.user()?;
    let wrapping = keys::aes(&session, &[3; 16])?;
    let key = keys::aes(&session, &[4; 16])?;
    Ok((session, wrapping, key))
}

fn length_query(h: &Host, kind: Kind) -> Check {
    let Ready { session, data, output } = ready(h, kind)?;
    let length = session.query(kind, &data)?;
    holds(&format!("the length {length} suffices"), length >= output.len())?;
    holds(&format!("the length {length} exceeds the output by little"), length <= output.len() + 64)?;
    same("the output after the query", session.once(kind, &data)?, output)
}

fn length_query_twice(h: &Host, kind: Kind) -> Check {
    let Ready { session, data, output } = ready(h, kind)?;
    let first = session.query(kind, &data)?;
    equal("the length asked for again", session.query(kind, &data)?, first)?;
    session.query(kind, &data)?;
    same("the output after three queries", session.once(kind, &data)?, output)
}

fn short_buffer(h: &Host, kind: Kind) -> Check {
    let Ready { session, data, output } = ready(h, kind)?;
    let filled = session.once_into(kind, &data, output.len() - 1);
    expect(filled.result, CKR_BUFFER_TOO_SMALL)?;
    holds(&format!("the length returned, {}, suffices", filled.length), filled.length >= output.len())?;
    holds("nothing is written behind the buffer", !filled.overran(output.len() - 1))?;
    same("the output with room enough", session.once(kind, &data)?, output)
}

fn empty_buffer(h: &Host, kind: Kind) -> Check {
    let Ready { session, data, output } = ready(h, kind)?;
    let filled = session.once_into(kind, &data, 0);
    expect(filled.result, CKR_BUFFER_TOO_SMALL)?;
    holds(&format!("the length returned, {}, suffices", filled.length), filled.length >= output.len())?;
    same("the output with room enough", session.once(kind, &data)?, output)
}

fn large_buffer(h: &Host, kind: Kind) -> Check {
    let Ready { session, data, output } = ready(h, kind)?;
    let filled = session.once_into(kind, &data, 1000);
    equal("the length returned", filled.length, output.len())?;
    same("the output", filled.bytes()?, output)
}

/// Gives the input in one part; what came out of it at once.
fn one_part(ready: &Ready, kind: Kind) -> Check<Vec<u8>> {
    Ok(ready.session.update(kind, &ready.data)?)
}

fn final_length_query(h: &Host, kind: Kind) -> Check {
    let ready = ready(h, kind)?;
    let mut all = one_part(&ready, kind)?;
    let length = ready.session.query_final(kind)?;
    holds(&format!("the length {length} suffices"), all.len() + length >= ready.output.len())?;
    all.extend(ready.session.finish(kind)?);
    same("the output after the query", all, ready.output)
}

fn final_short_buffer(h: &Host, kind: Kind) -> Check {
    let ready = ready(h, kind)?;
    let mut all = one_part(&ready, kind)?;
    let rest = ready.output.len().checked_sub(all.len());
    let rest = rest.ok_or_else(|| failed("too much output", "the output"))?;
    if rest > 0 {
        let filled = ready.session.finish_into(kind, rest - 1);
        expect(filled.result, CKR_BUFFER_TOO_SMALL)?;
        holds("the length returned suffices", filled.length >= rest)?;
        holds("nothing is written behind the buffer", !filled.overran(rest - 1))?;
    }
    all.extend(ready.session.finish(kind)?);
    same("the output with room enough", all, ready.output)
}

fn length_is_needed(h: &Host, kind: Kind) -> Check {
    let ready = ready(h, kind)?;
    let mut buffer = [0_u8; 64];
    let (data, out) = (input(&ready.data), buffer.as_mut_ptr());
    expect(ready.session.once_raw(kind, data, len(&ready.data), out, ptr::null_mut()), CKR_ARGUMENTS_BAD)
}

fn update_short_buffer(h: &Host, kind: Kind) -> Check {
    let Ready { session, data, output } = ready(h, kind)?;
    let filled = session.update_into(kind, &data, 15);
    // A token that holds a block back has less to return, but not less than one of the two blocks.
    expect_any(filled.result, &[CKR_BUFFER_TOO_SMALL])?;
    holds("nothing is written behind the buffer", !filled.overran(15))?;
    let mut all = session.update(kind, &data)?;
    all.extend(session.finish(kind)?);
    same("the output with room enough", all, output)
}

fn update_length_query(h: &Host, kind: Kind) -> Check {
    let Ready { session, data, output } = ready(h, kind)?;
    let mut length = 0;
    session.update_raw(kind, input(&data), len(&data), ptr::null_mut(), &mut length)?;
    holds("the length suffices for what can be computed", length >= 16)?;
    let mut all = session.update(kind, &data)?;
    holds("the length was enough", all.len() <= length as usize)?;
    all.extend(session.finish(kind)?);
    same("the output after the query", all, output)
}
