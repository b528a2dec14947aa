//! Digests with published values (FIPS 180-4; PKCS#11 3.2, 5.12 and 6.20 to 6.31).

use super::keys;
use crate::expect::{Check, expect, expect_any, same, unhex};
use crate::scenario::{Host, Scenario};
use crate::session::Kind;
use crate::template::Mechanism;
use cryptoki_sys::*;

/// SHA-256("abc"), FIPS 180-4 example.
pub fn sha256_abc() -> Vec<u8> {
    unhex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
}

/// A digest of "abc", in one part and in three.
fn abc(h: &Host, mechanism: CK_MECHANISM_TYPE, digest: &str) -> Check {
    h.needs(&[mechanism])?;
    let (session, mechanism) = (h.session()?, Mechanism::plain(mechanism));
    same("the digest in one part", session.run(Kind::Digest, &mechanism, 0, b"abc")?, unhex(digest))?;
    let parts = session.run_parts(Kind::Digest, &mechanism, 0, &[b"a", b"", b"bc"])?;
    same("the digest in three parts", parts, unhex(digest))
}

const ABC: &str = "the digest of 'abc' is the published one, in one part and in several";

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new("sha1-abc", "6.20 SHA-1", ABC, |h| {
        abc(h, CKM_SHA_1, "a9993e364706816aba3e25717850c26c9cd0d89d")
    }),
    Scenario::new("sha224-abc", "6.20 SHA-224", ABC, |h| {
        abc(h, CKM_SHA224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7")
    }),
    Scenario::new("sha256-abc", "6.20 SHA-256", ABC, |h| {
        abc(h, CKM_SHA256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }),
    Scenario::new("sha384-abc", "6.20 SHA-384", ABC, |h| {
        abc(
            h,
            CKM_SHA384,
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed
             8086072ba1e7cc2358baeca134c825a7",
        )
    }),
    Scenario::new("sha512-abc", "6.20 SHA-512", ABC, |h| {
        abc(
            h,
            CKM_SHA512,
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        )
    }),
    Scenario::new("sha512-224-abc", "6.20 SHA-512/224", ABC, |h| {
        abc(h, CKM_SHA512_224, "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa")
    }),
    Scenario::new("sha512-256-abc", "6.20 SHA-512/256", ABC, |h| {
        abc(h, CKM_SHA512_256, "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23")
    }),
    Scenario::new("sha3-256-abc", "6.20 SHA3-256", ABC, |h| {
        abc(h, CKM_SHA3_256, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532")
    }),
    Scenario::new("sha3-512-abc", "6.20 SHA3-512", ABC, |h| {
        abc(
            h,
            CKM_SHA3_512,
            "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e
             10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0",
        )
    }),
    Scenario::new("empty-input", "5.12 C_Digest", "a message of no bytes has a digest", |h| {
        h.needs(&[CKM_SHA256])?;
        let (session, sha256) = (h.session()?, Mechanism::plain(CKM_SHA256));
        let wanted = unhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        same("SHA-256 of nothing", session.run(Kind::Digest, &sha256, 0, b"")?, &wanted)
    }),
    Scenario::new(
        "empty-input-in-no-parts",
        "5.12 C_DigestInit",
        "C_DigestFinal may follow C_DigestInit after zero calls of C_DigestUpdate",
        |h| {
            h.needs(&[CKM_SHA256])?;
            let (session, sha256) = (h.session()?, Mechanism::plain(CKM_SHA256));
            let wanted = unhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
            same("SHA-256 of no parts", session.run_parts(Kind::Digest, &sha256, 0, &[])?, &wanted)
        },
    ),
    Scenario::new(
        "million-a",
        "6.20 SHA-256 (FIPS 180-4)",
        "a million times 'a', in parts of changing size, has the published digest",
        |h| {
            h.needs(&[CKM_SHA256])?;
            let (session, text) = (h.session()?, vec![b'a'; 1_000_000]);
            session.init(Kind::Digest, &Mechanism::plain(CKM_SHA256), 0)?;
            let (mut rest, mut size) = (text.as_slice(), 1);
            while !rest.is_empty() {
                let (part, after) = rest.split_at(size.min(rest.len()));
                session.update(Kind::Digest, part)?;
                rest = after;
                size = (size * 3 + 1) % 5003 + 1;
            }
            let wanted = unhex("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
            same("SHA-256 of a million a", session.finish(Kind::Digest)?, wanted)
        },
    ),
    Scenario::new(
        "digest-of-a-key",
        "5.12 C_DigestKey",
        "C_DigestKey digests the value of a secret key between other parts",
        |h| {
            h.needs(&[CKM_SHA256])?;
            let session = h.user()?;
            let key = keys::generic(&session, b"b")?;
            session.init(Kind::Digest, &Mechanism::plain(CKM_SHA256), 0)?;
            session.update(Kind::Digest, b"a")?;
            crate::call!(h.module, C_DigestKey, session.handle, key)?;
            session.update(Kind::Digest, b"c")?;
            same("SHA-256 of a, the key b, c", session.finish(Kind::Digest)?, sha256_abc())
        },
    ),
    Scenario::new(
        "digest-of-a-key-that-is-none",
        "5.12 C_DigestKey",
        "a handle that is no key gets CKR_KEY_HANDLE_INVALID, a key that is not secret CKR_KEY_INDIGESTIBLE",
        |h| {
            h.needs(&[CKM_SHA256])?;
            let session = h.user()?;
            session.init(Kind::Digest, &Mechanism::plain(CKM_SHA256), 0)?;
            expect(crate::call!(h.module, C_DigestKey, session.handle, 0x7FFF_0001), CKR_KEY_HANDLE_INVALID)
        },
    ),
    Scenario::new(
        "digest-with-a-parameter",
        "6.20 SHA-256",
        "the digest mechanisms do not have a parameter: one that is given is refused or not looked at",
        |h| {
            h.needs(&[CKM_SHA256])?;
            let with = Mechanism::bytes(CKM_SHA256, b"parameter");
            expect_any(h.session()?.init(Kind::Digest, &with, 0), &[CKR_OK, CKR_MECHANISM_PARAM_INVALID])
        },
    ),
    Scenario::new(
        "digest-with-another-kind-of-mechanism",
        "5.1.6 CKR_MECHANISM_INVALID",
        "a mechanism that cannot digest gets CKR_MECHANISM_INVALID from C_DigestInit",
        |h| {
            h.needs(&[CKM_AES_KEY_GEN])?;
            let mechanism = Mechanism::plain(CKM_AES_KEY_GEN);
            expect(h.session()?.init(Kind::Digest, &mechanism, 0), CKR_MECHANISM_INVALID)
        },
    ),
];
