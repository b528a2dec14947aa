//! Reading attributes: lengths, short buffers, what is sensitive and what is unknown (PKCS#11 3.2, 5.7
//! C_GetAttributeValue), and the values that the token itself gives to attributes (chapter 4).

use super::keys;
use crate::call;
use crate::expect::{equal, expect, expect_any, holds, same};
use crate::module::Outcome;
use crate::scenario::Scenario;
use crate::session::Session;
use crate::template::{Mechanism, Template, attribute};
use cryptoki_sys::*;
use std::ptr;

/// An attribute that no module knows.
const UNKNOWN: CK_ATTRIBUTE_TYPE = CKA_VENDOR_DEFINED | 0x7654;

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "length-then-value",
        "5.7 C_GetAttributeValue",
        "with a NULL pointer the exact length is returned",
        |h| {
            let session = h.session()?;
            let object = session.create(&keys::data("a label", b"value"))?;
            let mut query = [attribute(CKA_LABEL, ptr::null_mut(), 0)];
            read(&session, object, &mut query)?;
            equal("ulValueLen", query[0].ulValueLen, 7)?;
            same("CKA_LABEL", session.attribute(object, CKA_LABEL)?, b"a label")
        },
    ),
    Scenario::new(
        "larger-buffer",
        "5.7 C_GetAttributeValue",
        "in a larger buffer the length becomes the exact one",
        |h| {
            let session = h.session()?;
            let object = session.create(&keys::data("a label", b"value"))?;
            let mut buffer = [0xA5_u8; 64];
            let mut query = [attribute(CKA_LABEL, buffer.as_mut_ptr().cast(), 64)];
            read(&session, object, &mut query)?;
            equal("ulValueLen", query[0].ulValueLen, 7)?;
            same("the buffer", &buffer[..8], b"a label\xA5")
        },
    ),
    Scenario::new(
        "short-buffer",
        "5.7 C_GetAttributeValue",
        "too short a buffer: CKR_BUFFER_TOO_SMALL, CK_UNAVAILABLE_INFORMATION, and the buffer is left alone",
        |h| {
            let session = h.session()?;
            let object = session.create(&keys::data("a label", b"value"))?;
            let mut buffer = [0xA5_u8; 8];
            let mut query = [attribute(CKA_LABEL, buffer.as_mut_ptr().cast(), 6)];
            expect(read(&session, object, &mut query), CKR_BUFFER_TOO_SMALL)?;
            equal("ulValueLen", query[0].ulValueLen, CK_UNAVAILABLE_INFORMATION)?;
            same("the buffer behind the length", &buffer[6..], [0xA5; 2])
        },
    ),
    Scenario::new(
        "short-buffer-does-not-stop-the-others",
        "5.7 C_GetAttributeValue",
        "one short buffer is no reason not to fill in the other attributes",
        |h| {
            let session = h.session()?;
            let object = session.create(&keys::data("a label", b"value"))?;
            let (mut short, mut value) = ([0_u8; 2], [0_u8; 16]);
            let mut query = [
                attribute(CKA_LABEL, short.as_mut_ptr().cast(), 2),
                attribute(CKA_VALUE, value.as_mut_ptr().cast(), 16),
            ];
            expect(read(&session, object, &mut query), CKR_BUFFER_TOO_SMALL)?;
            equal("ulValueLen of CKA_VALUE", query[1].ulValueLen, 5)?;
            same("CKA_VALUE", &value[..5], b"value")
        },
    ),
    Scenario::new(
        "unknown-attribute-does-not-stop-the-others",
        "5.7 C_GetAttributeValue (client need)",
        "an attribute that the object lacks is marked unavailable: CKR_ATTRIBUTE_TYPE_INVALID, others are filled in",
        |h| {
            let session = h.session()?;
            let object = session.create(&keys::data("a label", b"value"))?;
            let (mut none, mut value) = ([0_u8; 16], [0_u8; 16]);
            let mut query = [
                attribute(UNKNOWN, none.as_mut_ptr().cast(), 16),
                attribute(CKA_VALUE, value.as_mut_ptr().cast(), 16),
            ];
            expect(read(&session, object, &mut query), CKR_ATTRIBUTE_TYPE_INVALID)?;
            equal("ulValueLen of the unknown", query[0].ulValueLen, CK_UNAVAILABLE_INFORMATION)?;
            equal("ulValueLen of CKA_VALUE", query[1].ulValueLen, 5)?;
            same("CKA_VALUE", &value[..5], b"value")
        },
    ),
    Scenario::new(
        "attribute-of-another-class",
        "5.7 C_GetAttributeValue",
        "an attribute that objects of this class do not have: CKR_ATTRIBUTE_TYPE_INVALID",
        |h| {
            let session = h.session()?;
            let object = session.create(&keys::data("x", b"value"))?;
            let mut query = [attribute(CKA_MODULUS, ptr::null_mut(), 0)];
            expect(read(&session, object, &mut query), CKR_ATTRIBUTE_TYPE_INVALID)?;
            equal("ulValueLen", query[0].ulValueLen, CK_UNAVAILABLE_INFORMATION)
        },
    ),
    Scenario::new(
        "sensitive-attribute-does-not-stop-the-others",
        "5.7 C_GetAttributeValue (client need)",
        "a sensitive value is marked unavailable: CKR_ATTRIBUTE_SENSITIVE, and the others are filled in",
        |h| {
            let session = h.user()?;
            let key = sensitive_key(&session)?;
            let (mut value, mut label) = ([0xA5_u8; 32], [0_u8; 16]);
            let mut query = [
                attribute(CKA_VALUE, value.as_mut_ptr().cast(), 32),
                attribute(CKA_LABEL, label.as_mut_ptr().cast(), 16),
            ];
            expect(read(&session, key, &mut query), CKR_ATTRIBUTE_SENSITIVE)?;
            equal("ulValueLen of CKA_VALUE", query[0].ulValueLen, CK_UNAVAILABLE_INFORMATION)?;
            same("the buffer for CKA_VALUE", value, [0xA5; 32])?;
            equal("ulValueLen of CKA_LABEL", query[1].ulValueLen, 6)?;
            same("CKA_LABEL", &label[..6], b"secret")
        },
    ),
    Scenario::new(
        "sensitive-and-unknown-and-short",
        "5.7 C_GetAttributeValue",
        "several reasons in one template: any of their codes, each marked, the rest filled in",
        |h| {
            let session = h.user()?;
            let key = sensitive_key(&session)?;
            let (mut short, mut class) = ([0_u8; 2], [0_u8; size_of::<CK_ULONG>()]);
            let mut query = [
                attribute(CKA_VALUE, ptr::null_mut(), 0),
                attribute(UNKNOWN, ptr::null_mut(), 0),
                attribute(CKA_LABEL, short.as_mut_ptr().cast(), 2),
                attribute(CKA_CLASS, class.as_mut_ptr().cast(), class.len() as CK_ULONG),
            ];
            let wanted = [CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID, CKR_BUFFER_TOO_SMALL];
            expect_any(read(&session, key, &mut query), &wanted)?;
            for place in &query[..3] {
                equal("ulValueLen of a refused attribute", place.ulValueLen, CK_UNAVAILABLE_INFORMATION)?;
            }
            same("CKA_CLASS", class, CKO_SECRET_KEY.to_ne_bytes())
        },
    ),
    Scenario::new(
        "unextractable-value-is-hidden",
        "4.9 footnote 7",
        "a key with CKA_EXTRACTABLE false does not reveal its value either: CKR_ATTRIBUTE_SENSITIVE",
        |h| {
            let session = h.user()?;
            let key =
                session.create(&aes_template().bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, false))?;
            expect(session.attribute(key, CKA_VALUE), CKR_ATTRIBUTE_SENSITIVE)
        },
    ),
    Scenario::new(
        "plain-value-is-readable",
        "4.9 footnote 7",
        "a key that is neither sensitive nor unextractable reveals its value",
        |h| {
            let session = h.user()?;
            let key =
                session.create(&aes_template().bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true))?;
            same("CKA_VALUE", session.attribute(key, CKA_VALUE)?, [9; 16])
        },
    ),
    Scenario::new(
        "private-key-parts-are-hidden",
        "6.1 RSA private key objects, footnote 7",
        "none of the private components of a sensitive RSA key is revealed",
        |h| {
            let session = h.user()?;
            let private = Template::new().bool(CKA_SENSITIVE, true).bool(CKA_EXTRACTABLE, true);
            let (_, key) = keys::rsa(h, &session, 2048, Template::new(), private)?;
            let parts = [CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_PRIME_2];
            for part in parts.into_iter().chain([CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT]) {
                expect(session.attribute(key, part), CKR_ATTRIBUTE_SENSITIVE)?;
            }
            equal("bytes of CKA_MODULUS", session.attribute(key, CKA_MODULUS)?.len(), 256)
        },
    ),
    Scenario::new(
        "empty-attribute",
        "5.7 C_GetAttributeValue",
        "an attribute of no bytes has the length 0",
        |h| {
            let session = h.session()?;
            let object = session.create(&keys::data("", b"value"))?;
            let mut buffer = [0_u8; 4];
            let mut query = [attribute(CKA_LABEL, buffer.as_mut_ptr().cast(), 4)];
            read(&session, object, &mut query)?;
            equal("ulValueLen", query[0].ulValueLen, 0)
        },
    ),
    Scenario::new(
        "handle-of-nothing",
        "5.7 C_GetAttributeValue",
        "no such object: CKR_OBJECT_HANDLE_INVALID",
        |h| {
            let session = h.session()?;
            expect(session.attribute(0x7FFF_0001, CKA_CLASS), CKR_OBJECT_HANDLE_INVALID)?;
            expect(session.attribute(CK_INVALID_HANDLE, CKA_CLASS), CKR_OBJECT_HANDLE_INVALID)
        },
    ),
    Scenario::new(
        "usage-defaults-to-true",
        "4.8 to 4.10, footnote 9 (client need)",
        "usages that the template leaves out are granted where the key can do it: Java's templates name none",
        |h| {
            h.needs(&[CKM_RSA_PKCS])?;
            let session = h.user()?;
            let (public, private) = keys::rsa(h, &session, 2048, Template::new(), Template::new())?;
            for (key, usage, name) in [
                (public, CKA_ENCRYPT, "CKA_ENCRYPT"),
                (public, CKA_VERIFY, "CKA_VERIFY"),
                (private, CKA_DECRYPT, "CKA_DECRYPT"),
                (private, CKA_SIGN, "CKA_SIGN"),
            ] {
                holds(&format!("{name} is true"), session.bool(key, usage)?)?;
            }
            Ok(())
        },
    ),
    Scenario::new(
        "secret-usage-defaults-to-true",
        "4.11, footnote 9 (client need)",
        "an AES key made without any usage in its template encrypts and decrypts",
        |h| {
            let session = h.user()?;
            let key = keys::generate_aes(h, &session, 32, Template::new())?;
            holds("CKA_ENCRYPT is true", session.bool(key, CKA_ENCRYPT)?)?;
            holds("CKA_DECRYPT is true", session.bool(key, CKA_DECRYPT)?)
        },
    ),
    Scenario::new(
        "derive-defaults-to-false",
        "4.8 CKA_DERIVE",
        "CKA_DERIVE is false where the template leaves it out",
        |h| {
            let session = h.user()?;
            let key = keys::generate_aes(h, &session, 32, Template::new())?;
            holds("CKA_DERIVE is false", !session.bool(key, CKA_DERIVE)?)
        },
    ),
    Scenario::new(
        "always-authenticate-defaults-to-false",
        "4.10 CKA_ALWAYS_AUTHENTICATE",
        "CKA_ALWAYS_AUTHENTICATE is false where the template leaves it out",
        |h| {
            let session = h.user()?;
            let (_, key) = keys::rsa_2048(h, &session)?;
            holds("CKA_ALWAYS_AUTHENTICATE is false", !session.bool(key, CKA_ALWAYS_AUTHENTICATE)?)?;
            holds("CKA_WRAP_WITH_TRUSTED is false", !session.bool(key, CKA_WRAP_WITH_TRUSTED)?)
        },
    ),
    Scenario::new(
        "storage-defaults",
        "4.4 storage objects",
        "CKA_TOKEN is false, CKA_MODIFIABLE, CKA_COPYABLE and CKA_DESTROYABLE are true where they are left out",
        |h| {
            let session = h.session()?;
            let object = session.create(&keys::data("x", b"x"))?;
            holds("CKA_TOKEN is false", !session.bool(object, CKA_TOKEN)?)?;
            holds("CKA_MODIFIABLE is true", session.bool(object, CKA_MODIFIABLE)?)?;
            holds("CKA_COPYABLE is true", session.bool(object, CKA_COPYABLE)?)?;
            holds("CKA_DESTROYABLE is true", session.bool(object, CKA_DESTROYABLE)?)
        },
    ),
    Scenario::new(
        "generated-key-is-local",
        "4.8 CKA_LOCAL, CKA_KEY_GEN_MECHANISM",
        "a key generated on the token is local and names its mechanism",
        |h| {
            let session = h.user()?;
            let key = keys::generate_aes(h, &session, 32, Template::new())?;
            holds("CKA_LOCAL is true", session.bool(key, CKA_LOCAL)?)?;
            equal("CKA_KEY_GEN_MECHANISM", session.ulong(key, CKA_KEY_GEN_MECHANISM)?, CKM_AES_KEY_GEN)
        },
    ),
    Scenario::new(
        "imported-key-is-not-local",
        "4.8 CKA_LOCAL, CKA_KEY_GEN_MECHANISM",
        "a key made with C_CreateObject is not local, and its mechanism is CK_UNAVAILABLE_INFORMATION",
        |h| {
            let session = h.user()?;
            let key = session.create(&aes_template())?;
            holds("CKA_LOCAL is false", !session.bool(key, CKA_LOCAL)?)?;
            equal(
                "CKA_KEY_GEN_MECHANISM",
                session.ulong(key, CKA_KEY_GEN_MECHANISM)?,
                CK_UNAVAILABLE_INFORMATION,
            )
        },
    ),
    Scenario::new(
        "history-of-a-generated-sensitive-key",
        "4.10, 4.11 CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE",
        "a key generated sensitive and unextractable says that it always was",
        |h| {
            let session = h.user()?;
            let more = Template::new().bool(CKA_SENSITIVE, true).bool(CKA_EXTRACTABLE, false);
            let key = keys::generate_aes(h, &session, 32, more)?;
            holds("CKA_ALWAYS_SENSITIVE is true", session.bool(key, CKA_ALWAYS_SENSITIVE)?)?;
            holds("CKA_NEVER_EXTRACTABLE is true", session.bool(key, CKA_NEVER_EXTRACTABLE)?)
        },
    ),
    Scenario::new(
        "history-of-an-imported-key",
        "4.10, 4.11 CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE",
        "a key that came from outside was not always sensitive and never unextractable",
        |h| {
            let session = h.user()?;
            let key =
                session.create(&aes_template().bool(CKA_SENSITIVE, true).bool(CKA_EXTRACTABLE, false))?;
            holds("CKA_ALWAYS_SENSITIVE is false", !session.bool(key, CKA_ALWAYS_SENSITIVE)?)?;
            holds("CKA_NEVER_EXTRACTABLE is false", !session.bool(key, CKA_NEVER_EXTRACTABLE)?)
        },
    ),
    Scenario::new(
        "history-remembers-an-open-past",
        "4.11 CKA_ALWAYS_SENSITIVE",
        "a key made sensitive later was not always sensitive",
        |h| {
            let session = h.user()?;
            let more = Template::new().bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true);
            let key = keys::generate_aes(h, &session, 32, more)?;
            session.set(key, &Template::new().bool(CKA_SENSITIVE, true).bool(CKA_EXTRACTABLE, false))?;
            holds("CKA_SENSITIVE is true", session.bool(key, CKA_SENSITIVE)?)?;
            holds("CKA_ALWAYS_SENSITIVE is false", !session.bool(key, CKA_ALWAYS_SENSITIVE)?)?;
            holds("CKA_NEVER_EXTRACTABLE is false", !session.bool(key, CKA_NEVER_EXTRACTABLE)?)
        },
    ),
    Scenario::new(
        "value-length",
        "6.10 AES secret key objects",
        "CKA_VALUE_LEN is the length of the key in bytes",
        |h| {
            let session = h.user()?;
            let key = session.create(&aes_template())?;
            equal("CKA_VALUE_LEN", session.ulong(key, CKA_VALUE_LEN)?, 16)
        },
    ),
    Scenario::new(
        "check-value-of-an-aes-key",
        "6.10 AES secret key objects, CKA_CHECK_VALUE",
        "the check value is the first three bytes of a block of zeros encrypted with the key",
        |h| {
            h.needs(&[CKM_AES_ECB])?;
            let session = h.user()?;
            let key = session.create(&aes_template().bool(CKA_ENCRYPT, true))?;
            let value = session.attribute(key, CKA_CHECK_VALUE)?;
            let block =
                session.run(crate::session::Kind::Encrypt, &Mechanism::plain(CKM_AES_ECB), key, &[0; 16])?;
            holds("CKA_CHECK_VALUE is empty or right", value.is_empty() || block.starts_with(&value))
        },
    ),
    Scenario::new(
        "unique-id",
        "4.4.1 CKA_UNIQUE_ID",
        "each object has a unique identifier that the token gives (since 3.0)",
        |h| {
            let session = h.session()?;
            let (one, two) =
                (session.create(&keys::data("x", b"x"))?, session.create(&keys::data("x", b"x"))?);
            let first = match session.attribute(one, CKA_UNIQUE_ID) {
                Err(error) if error.rv == CKR_ATTRIBUTE_TYPE_INVALID && h.module.list_3_0().is_none() => {
                    return Err(crate::expect::Verdict::NotSupported("the module is older than 3.0".into()));
                }
                value => value?,
            };
            holds("CKA_UNIQUE_ID is not empty", !first.is_empty())?;
            holds("the identifiers differ", first != session.attribute(two, CKA_UNIQUE_ID)?)
        },
    ),
    Scenario::new(
        "public-key-info",
        "4.8 / 4.10 CKA_PUBLIC_KEY_INFO",
        "where it is supported, the SubjectPublicKeyInfo is a DER SEQUENCE, the same for both keys of a pair",
        |h| {
            let session = h.user()?;
            let (public, private) = keys::rsa_2048(h, &session)?;
            let info = session.attribute(public, CKA_PUBLIC_KEY_INFO);
            if info.is_err_and(|error| error.rv == CKR_ATTRIBUTE_TYPE_INVALID) {
                return Err(crate::expect::Verdict::NotSupported("CKA_PUBLIC_KEY_INFO is not known".into()));
            }
            let info = session.attribute(public, CKA_PUBLIC_KEY_INFO)?;
            holds("it is empty or a SEQUENCE", info.first().is_none_or(|tag| *tag == 0x30))?;
            let other = session.attribute(private, CKA_PUBLIC_KEY_INFO)?;
            holds("the private key has the same", other.is_empty() || info.is_empty() || other == info)
        },
    ),
    Scenario::new(
        "generated-pair-fits",
        "6.1 RSA key pair generation",
        "both keys of a pair have the modulus, and the public exponent that was asked for",
        |h| {
            let session = h.user()?;
            let (public, private) = keys::rsa_2048(h, &session)?;
            same(
                "CKA_MODULUS",
                session.attribute(public, CKA_MODULUS)?,
                session.attribute(private, CKA_MODULUS)?,
            )?;
            same("CKA_PUBLIC_EXPONENT", session.attribute(public, CKA_PUBLIC_EXPONENT)?, [1, 0, 1])?;
            equal("CKA_MODULUS_BITS", session.ulong(public, CKA_MODULUS_BITS)?, 2048)
        },
    ),
];

/// `C_GetAttributeValue` on an array as it is.
fn read(session: &Session, object: CK_OBJECT_HANDLE, query: &mut [CK_ATTRIBUTE]) -> Outcome {
    let count = query.len() as CK_ULONG;
    call!(session.module, C_GetAttributeValue, session.handle, object, query.as_mut_ptr(), count)
}

/// An AES key of 16 bytes 9, without any policy yet.
fn aes_template() -> Template {
    let template = Template::new().class(CKO_SECRET_KEY).ulong(CKA_KEY_TYPE, CKK_AES).bool(CKA_TOKEN, false);
    template.bytes(CKA_VALUE, &[9; 16])
}

fn sensitive_key(session: &Session) -> Outcome<CK_OBJECT_HANDLE> {
    session.create(&aes_template().bool(CKA_SENSITIVE, true).bool(CKA_EXTRACTABLE, true).label("secret"))
}
