//! HMAC with published values (RFC 2202, RFC 4231; PKCS#11 3.2, 6.22).

use super::keys::{self, MAC_DATA, MAC_KEY};
use crate::expect::{Check, Verdict, equal, expect, expect_any, same, unhex};
use crate::scenario::{Host, Scenario};
use crate::session::Kind;
use crate::template::{Mechanism, Template};
use cryptoki_sys::*;

const KNOWN: &str = "the MAC is the published one, in one part and in several, and verifies";
const LONG_KEY: &str = "a key longer than the hash's block is hashed first: the MAC is the published one";
const GENERAL: &str = "the general mechanism gives the first bytes of the MAC, as many as its parameter says";

/// RFC 4231 test case 1 (20 bytes 0x0b, "Hi There"); not for tokens whose smallest key is longer.
fn short_key(h: &Host, id: CK_MECHANISM_TYPE, mac: &str) -> Check {
    if h.mechanism(id)?.ulMinKeySize > 20 {
        return Err(Verdict::NotSupported("the smallest key is longer than 20 bytes".into()));
    }
    known(h, id, &[0x0b; 20], b"Hi There", mac)
}

/// RFC 4231 test case 6 (131 bytes 0xaa).
fn long_key(h: &Host, id: CK_MECHANISM_TYPE, mac: &str) -> Check {
    if h.mechanism(id)?.ulMaxKeySize < 131 {
        return Err(Verdict::NotSupported("the largest key is shorter than 131 bytes".into()));
    }
    known(h, id, &MAC_KEY, MAC_DATA, mac)
}

fn known(h: &Host, id: CK_MECHANISM_TYPE, key: &[u8], data: &[u8], mac: &str) -> Check {
    let (session, mechanism, mac) = (h.user()?, Mechanism::plain(id), unhex(mac));
    let key = keys::generic(&session, key)?;
    same("the MAC in one part", session.sign(&mechanism, key, data)?, &mac)?;
    let (first, rest) = data.split_at(3);
    let parts = session.run_parts(Kind::Sign, &mechanism, key, &[first, rest])?;
    same("the MAC in two parts", parts, &mac)?;
    session.verify(&mechanism, key, data, &mac)?;
    Ok(session.verify_parts(&mechanism, key, &[first, b"", rest], &mac)?)
}

fn general(h: &Host, id: CK_MECHANISM_TYPE, mac: &str) -> Check {
    h.needs(&[id])?;
    let (session, mac) = (h.user()?, unhex(mac));
    let key = keys::generic(&session, &MAC_KEY)?;
    for length in [mac.len(), 12, 4] {
        let mechanism = Mechanism::mac_general(id, length as CK_ULONG);
        same("the shortened MAC", session.sign(&mechanism, key, MAC_DATA)?, &mac[..length])?;
        session.verify(&mechanism, key, MAC_DATA, &mac[..length])?;
    }
    Ok(())
}

const SHA256_LONG: &str = "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54";

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new("sha1", "6.22 CKM_SHA_1_HMAC", KNOWN, |h| {
        short_key(h, CKM_SHA_1_HMAC, "b617318655057264e28bc0b6fb378c8ef146be00")
    }),
    Scenario::new("sha224", "6.22 CKM_SHA224_HMAC", KNOWN, |h| {
        short_key(h, CKM_SHA224_HMAC, "896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22")
    }),
    Scenario::new("sha256", "6.22 CKM_SHA256_HMAC", KNOWN, |h| {
        short_key(h, CKM_SHA256_HMAC, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
    }),
    Scenario::new("sha384", "6.22 CKM_SHA384_HMAC", KNOWN, |h| {
        short_key(
            h,
            CKM_SHA384_HMAC,
            "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c
             faea9ea9076ede7f4af152e8b2fa9cb6",
        )
    }),
    Scenario::new("sha512", "6.22 CKM_SHA512_HMAC", KNOWN, |h| {
        short_key(
            h,
            CKM_SHA512_HMAC,
            "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde
             daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
        )
    }),
    Scenario::new("sha1-long-key", "6.22 CKM_SHA_1_HMAC", LONG_KEY, |h| {
        long_key(h, CKM_SHA_1_HMAC, "90d0dace1c1bdc957339307803160335bde6df2b")
    }),
    Scenario::new("sha224-long-key", "6.22 CKM_SHA224_HMAC", LONG_KEY, |h| {
        long_key(h, CKM_SHA224_HMAC, "95e9a0db962095adaebe9b2d6f0dbce2d499f112f2d2b7273fa6870e")
    }),
    Scenario::new("sha256-long-key", "6.22 CKM_SHA256_HMAC", LONG_KEY, |h| {
        long_key(h, CKM_SHA256_HMAC, SHA256_LONG)
    }),
    Scenario::new("sha384-long-key", "6.22 CKM_SHA384_HMAC", LONG_KEY, |h| {
        long_key(
            h,
            CKM_SHA384_HMAC,
            "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6
             0c2ef6ab4030fe8296248df163f44952",
        )
    }),
    Scenario::new("sha512-long-key", "6.22 CKM_SHA512_HMAC", LONG_KEY, |h| {
        long_key(
            h,
            CKM_SHA512_HMAC,
            "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352
             6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
        )
    }),
    Scenario::new("sha1-general", "6.22 CKM_SHA_1_HMAC_GENERAL", GENERAL, |h| {
        general(h, CKM_SHA_1_HMAC_GENERAL, "90d0dace1c1bdc957339307803160335bde6df2b")
    }),
    Scenario::new("sha256-general", "6.22 CKM_SHA256_HMAC_GENERAL", GENERAL, |h| {
        general(h, CKM_SHA256_HMAC_GENERAL, SHA256_LONG)
    }),
    Scenario::new(
        "general-too-long",
        "6.22 CKM_SHA256_HMAC_GENERAL",
        "a MAC longer than the hash: CKR_MECHANISM_PARAM_INVALID",
        |h| {
            h.needs(&[CKM_SHA256_HMAC_GENERAL])?;
            let session = h.user()?;
            let key = keys::generic(&session, &MAC_KEY)?;
            let mechanism = Mechanism::mac_general(CKM_SHA256_HMAC_GENERAL, 33);
            expect(session.init(Kind::Sign, &mechanism, key), CKR_MECHANISM_PARAM_INVALID)
        },
    ),
    Scenario::new(
        "general-without-parameter",
        "6.22 CKM_SHA256_HMAC_GENERAL",
        "the parameter is needed: CKR_MECHANISM_PARAM_INVALID",
        |h| {
            h.needs(&[CKM_SHA256_HMAC_GENERAL])?;
            let session = h.user()?;
            let key = keys::generic(&session, &MAC_KEY)?;
            let mechanism = Mechanism::plain(CKM_SHA256_HMAC_GENERAL);
            let wanted = [CKR_MECHANISM_PARAM_INVALID, CKR_ARGUMENTS_BAD];
            expect_any(session.init(Kind::Sign, &mechanism, key), &wanted)
        },
    ),
    Scenario::new("empty-data", "6.22 CKM_SHA256_HMAC", "a message of no bytes has a MAC", |h| {
        h.needs(&[CKM_SHA256_HMAC])?;
        let (session, mechanism) = (h.user()?, Mechanism::plain(CKM_SHA256_HMAC));
        let key = keys::generic(&session, &MAC_KEY)?;
        let mac = session.sign(&mechanism, key, b"")?;
        equal("bytes of the MAC", mac.len(), 32)?;
        Ok(session.verify(&mechanism, key, b"", &mac)?)
    }),
    Scenario::new(
        "generated-key",
        "6.8 CKM_GENERIC_SECRET_KEY_GEN",
        "a generated generic secret of 32 bytes makes MACs that verify, and no others",
        |h| {
            h.needs(&[CKM_SHA256_HMAC, CKM_GENERIC_SECRET_KEY_GEN])?;
            let (session, mechanism) = (h.user()?, Mechanism::plain(CKM_SHA256_HMAC));
            let template =
                Template::new().ulong(CKA_VALUE_LEN, 32).bool(CKA_SIGN, true).bool(CKA_VERIFY, true);
            let key = session.generate(&Mechanism::plain(CKM_GENERIC_SECRET_KEY_GEN), &template)?;
            let mac = session.sign(&mechanism, key, b"data")?;
            session.verify(&mechanism, key, b"data", &mac)?;
            expect(session.verify(&mechanism, key, b"date", &mac), CKR_SIGNATURE_INVALID)
        },
    ),
];
