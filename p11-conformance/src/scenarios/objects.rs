//! Creating, copying, changing and destroying objects (PKCS#11 3.2, 4.1 and 5.7).

use super::keys;
use crate::call;
use crate::expect::{Check, Verdict, equal, expect, expect_any, failed, holds, refused, same, unhex};
use crate::module::Outcome;
use crate::scenario::{Host, LABEL, Scenario, USER_PIN, finalize, find_token, initialize};
use crate::session::Session;
use crate::template::Template;
use cryptoki_sys::*;
use std::ptr;

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new("data-object", "4.5 data objects", "a data object gives back what it was made of", |h| {
        let session = h.session()?;
        let template = keys::data("label", b"value").bytes(CKA_APPLICATION, b"an application");
        let object = session.create(&template.bytes(CKA_OBJECT_ID, &[6, 1, 42]))?;
        same("CKA_VALUE", session.attribute(object, CKA_VALUE)?, b"value")?;
        same("CKA_APPLICATION", session.attribute(object, CKA_APPLICATION)?, b"an application")?;
        same("CKA_OBJECT_ID", session.attribute(object, CKA_OBJECT_ID)?, [6, 1, 42])?;
        equal("CKA_CLASS", session.ulong(object, CKA_CLASS)?, CKO_DATA)
    }),
    Scenario::new(
        "large-data-object",
        "4.5 data objects",
        "a data object of 10 kB gives back what it was made of",
        |h| {
            let session = h.user()?;
            let value: Vec<u8> = (0..10_000_u32).map(|n| (n % 251) as u8).collect();
            let object = session.create(&keys::data("large", &value).bool(CKA_TOKEN, true))?;
            holds("the value is the same", session.attribute(object, CKA_VALUE)? == value)
        },
    ),
    Scenario::new(
        "token-object-stays",
        "4.4 CKA_TOKEN",
        "a token object is there after C_Finalize and C_Initialize; a session object is not",
        |h| {
            let slot = h.token()?;
            let session = h.user()?;
            session.create(&keys::data("stays", b"value").bool(CKA_TOKEN, true))?;
            session.create(&keys::data("goes", b"value").bool(CKA_TOKEN, false))?;
            finalize(&h.module)?;
            initialize(&h.module)?;
            let slot = find_token(&h.module, LABEL)?.unwrap_or(slot);
            let session = Session::open(&h.module, slot, 0)?;
            let found = session.find(&Template::new().label("stays"))?;
            equal("token objects", found.len(), 1)?;
            same("CKA_VALUE", session.attribute(found.first().copied().unwrap_or(0), CKA_VALUE)?, b"value")?;
            equal("session objects", session.find(&Template::new().label("goes"))?.len(), 0)
        },
    ),
    Scenario::new(
        "private-token-key-stays",
        "4.4 CKA_PRIVATE",
        "a private token key is there after a restart and a login",
        |h| {
            let slot = h.token()?;
            let template = keys::secret(CKK_AES, &[5; 32]).label("stays");
            let session = h.user()?;
            let key = session.create(&template)?;
            session.copy(key, &Template::new().bool(CKA_TOKEN, true).label("copy"))?;
            finalize(&h.module)?;
            initialize(&h.module)?;
            let session = Session::open(&h.module, slot, 0)?;
            equal("keys before the login", session.find(&Template::new().label("copy"))?.len(), 0)?;
            session.login(CKU_USER, USER_PIN)?;
            let found = session.find(&Template::new().label("copy"))?;
            let key = found.first().copied().ok_or_else(|| failed("no key", "the token key"))?;
            same("CKA_VALUE", session.attribute(key, CKA_VALUE)?, [5; 32])
        },
    ),
    Scenario::new(
        "create-without-class",
        "4.1.1 rule 4",
        "a template without CKA_CLASS: CKR_TEMPLATE_INCOMPLETE",
        |h| incomplete(h, &Template::new().label("x").bool(CKA_PRIVATE, false)),
    ),
    Scenario::new(
        "create-key-without-type",
        "4.1.1 rule 4",
        "a key without CKA_KEY_TYPE: CKR_TEMPLATE_INCOMPLETE",
        |h| incomplete(h, &Template::new().class(CKO_SECRET_KEY).bytes(CKA_VALUE, &[1; 16])),
    ),
    Scenario::new(
        "create-key-without-value",
        "4.1.1 rule 4",
        "a key without CKA_VALUE: CKR_TEMPLATE_INCOMPLETE",
        |h| incomplete(h, &Template::new().class(CKO_SECRET_KEY).ulong(CKA_KEY_TYPE, CKK_AES)),
    ),
    Scenario::new(
        "create-rsa-key-without-modulus",
        "4.1.1 rule 4",
        "an RSA public key without its modulus: CKR_TEMPLATE_INCOMPLETE",
        |h| {
            let template = Template::new().class(CKO_PUBLIC_KEY).ulong(CKA_KEY_TYPE, CKK_RSA);
            incomplete(h, &template.bytes(CKA_PUBLIC_EXPONENT, &[1, 0, 1]))
        },
    ),
    Scenario::new(
        "create-certificate-without-value",
        "4.6.3 X.509 public key certificate objects",
        "an X.509 certificate without CKA_VALUE or CKA_URL is incomplete",
        |h| {
            let template = Template::new().class(CKO_CERTIFICATE).ulong(CKA_CERTIFICATE_TYPE, CKC_X_509);
            incomplete(h, &template.bytes(CKA_SUBJECT, &unhex("300f310d300b06035504030c0474657374")))
        },
    ),
    Scenario::new(
        "create-with-unknown-attribute",
        "4.1.1 rule 1",
        "an attribute that does not exist: CKR_ATTRIBUTE_TYPE_INVALID",
        |h| {
            let template = keys::data("x", b"x").bytes(CKA_VENDOR_DEFINED | 0x7654, b"?");
            expect(h.session()?.create(&template), CKR_ATTRIBUTE_TYPE_INVALID)
        },
    ),
    Scenario::new(
        "create-with-attribute-of-another-class",
        "4.1.1 rule 5",
        "an attribute of another class: CKR_TEMPLATE_INCONSISTENT (or CKR_ATTRIBUTE_TYPE_INVALID)",
        |h| {
            let template = keys::secret(CKK_AES, &[1; 16]).bytes(CKA_MODULUS, &[1; 16]);
            expect_any(h.user()?.create(&template), &[CKR_TEMPLATE_INCONSISTENT, CKR_ATTRIBUTE_TYPE_INVALID])
        },
    ),
    Scenario::new(
        "create-with-two-values",
        "4.1.1 rule 5",
        "two different values for one attribute: CKR_TEMPLATE_INCONSISTENT",
        |h| expect(h.session()?.create(&keys::data("x", b"x").label("y")), CKR_TEMPLATE_INCONSISTENT),
    ),
    Scenario::new(
        "create-with-one-value-twice",
        "4.1.1 rule 6",
        "the same value twice is accepted, or CKR_TEMPLATE_INCONSISTENT",
        |h| {
            let outcome = h.session()?.create(&keys::data("x", b"x").label("x"));
            expect_any(outcome, &[CKR_OK, CKR_TEMPLATE_INCONSISTENT])
        },
    ),
    Scenario::new(
        "create-with-long-boolean",
        "4.1.1 rule 2",
        "a boolean of another size than one byte: CKR_ATTRIBUTE_VALUE_INVALID",
        |h| {
            let template = keys::data("x", b"x").bytes(CKA_TOKEN, &[0, 0, 0, 0]);
            expect(h.session()?.create(&template), CKR_ATTRIBUTE_VALUE_INVALID)
        },
    ),
    Scenario::new(
        "create-with-short-number",
        "4.1.1 rule 2",
        "a CK_ULONG of another size: CKR_ATTRIBUTE_VALUE_INVALID",
        |h| {
            let template = Template::new().bytes(CKA_CLASS, &[0, 0]).label("x");
            expect_any(
                h.session()?.create(&template),
                &[CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCOMPLETE],
            )
        },
    ),
    Scenario::new(
        "create-with-unknown-class",
        "4.1.1 rule 2",
        "a class that does not exist is an invalid value",
        |h| {
            let wanted = [CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT];
            expect_any(h.user()?.create(&Template::new().class(0x7FFF_0001).label("x")), &wanted)
        },
    ),
    Scenario::new(
        "create-with-aes-key-of-odd-length",
        "6.10 AES secret key objects",
        "an AES key is 16, 24 or 32 bytes: CKR_ATTRIBUTE_VALUE_INVALID",
        |h| {
            let wanted = [CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT, CKR_KEY_SIZE_RANGE];
            expect_any(h.user()?.create(&keys::secret(CKK_AES, &[1; 15])), &wanted)
        },
    ),
    Scenario::new(
        "create-with-history",
        "4.11 footnotes 2, 4, 6",
        "CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE and CKA_LOCAL are the token's to say",
        |h| {
            let session = h.user()?;
            for attribute in [CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_LOCAL] {
                refused(session.create(&keys::secret(CKK_AES, &[1; 16]).bool(attribute, true)))?;
            }
            Ok(())
        },
    ),
    Scenario::new(
        "create-with-unique-id",
        "4.4.1 CKA_UNIQUE_ID",
        "an application cannot choose CKA_UNIQUE_ID: CKR_ATTRIBUTE_READ_ONLY",
        |h| {
            let outcome = h.session()?.create(&keys::data("x", b"x").bytes(CKA_UNIQUE_ID, b"mine"));
            expect_any(
                outcome,
                if h.module.list_3_0().is_some() {
                    &[CKR_ATTRIBUTE_READ_ONLY]
                } else {
                    &[CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_TYPE_INVALID]
                },
            )
        },
    ),
    Scenario::new(
        "user-cannot-trust",
        "4.6 / 4.8 CKA_TRUSTED, footnote 10",
        "CKA_TRUSTED can only be set to true by the SO",
        |h| {
            let template = certificate().bool(CKA_TRUSTED, true);
            refused(h.user()?.create(&template))
        },
    ),
    Scenario::new(
        "create-to-null",
        "5.7 C_CreateObject",
        "without a place for the handle: CKR_ARGUMENTS_BAD",
        |h| {
            let (session, template) = (h.session()?, keys::data("x", b"x"));
            let mut attributes = template.attributes();
            let (pointer, count) = (attributes.pointer(), attributes.count());
            expect(
                call!(h.module, C_CreateObject, session.handle, pointer, count, ptr::null_mut()),
                CKR_ARGUMENTS_BAD,
            )
        },
    ),
    Scenario::new(
        "certificate-with-little",
        "4.6.3 X.509 certificate objects (client need)",
        "a certificate with subject and value and no optional fields is accepted and found",
        |h| {
            let session = h.user()?;
            let object = session.create(&certificate().bool(CKA_TOKEN, true))?;
            equal("CKA_CERTIFICATE_TYPE", session.ulong(object, CKA_CERTIFICATE_TYPE)?, CKC_X_509)?;
            same("CKA_VALUE", session.attribute(object, CKA_VALUE)?, unhex(CERTIFICATE))?;
            holds("CKA_TRUSTED is false", !session.bool(object, CKA_TRUSTED)?)?;
            equal("certificates", session.find(&Template::new().class(CKO_CERTIFICATE))?.len(), 1)
        },
    ),
    Scenario::new(
        "key-without-id",
        "4.8 CKA_ID (client need)",
        "a key needs no CKA_ID; it is empty then",
        |h| {
            let session = h.user()?;
            let key = session.create(&keys::secret(CKK_AES, &[1; 16]))?;
            same("CKA_ID", session.attribute(key, CKA_ID)?, b"")
        },
    ),
    Scenario::new(
        "vendor-trust-object",
        "4.7 / 4.1.1 (client need)",
        "NSS creates trust objects of its own class and goes on when they are refused; the host goes on too",
        |h| {
            let session = h.user()?;
            let nss_trust = CKO_VENDOR_DEFINED | 0x4E53_4350 | 3;
            let _: Outcome<_> =
                session.create(&Template::new().class(nss_trust).bool(CKA_TOKEN, true).label("x"));
            session.create(&keys::data("next", b"x")).map(|_| ()).map_err(Verdict::from)
        },
    ),
    Scenario::new(
        "destroy-an-object",
        "5.7 C_DestroyObject",
        "a destroyed object's handle is invalid",
        |h| {
            let session = h.session()?;
            let object = session.create(&keys::data("x", b"x"))?;
            session.destroy(object)?;
            expect(session.attribute(object, CKA_LABEL), CKR_OBJECT_HANDLE_INVALID)?;
            expect(session.destroy(object), CKR_OBJECT_HANDLE_INVALID)
        },
    ),
    Scenario::new(
        "destroy-what-is-not-destroyable",
        "4.4 CKA_DESTROYABLE",
        "an object with CKA_DESTROYABLE false: CKR_ACTION_PROHIBITED",
        |h| {
            let session = h.session()?;
            let object = session.create(&keys::data("x", b"x").bool(CKA_DESTROYABLE, false))?;
            expect(session.destroy(object), CKR_ACTION_PROHIBITED)
        },
    ),
    Scenario::new(
        "destroy-nothing",
        "5.7 C_DestroyObject",
        "no such object: CKR_OBJECT_HANDLE_INVALID",
        |h| expect(h.session()?.destroy(CK_INVALID_HANDLE), CKR_OBJECT_HANDLE_INVALID),
    ),
    Scenario::new(
        "object-size",
        "5.7 C_GetObjectSize",
        "the size of an object, or CKR_INFORMATION_SENSITIVE",
        |h| {
            let session = h.session()?;
            let object = session.create(&keys::data("x", b"x"))?;
            match session.size(object) {
                Ok(size) => holds("the size is not 0", size > 0),
                error => expect(error, CKR_INFORMATION_SENSITIVE),
            }
        },
    ),
    Scenario::new(
        "object-size-of-nothing",
        "5.7 C_GetObjectSize",
        "no such object: CKR_OBJECT_HANDLE_INVALID",
        |h| expect(h.session()?.size(0x7FFF_0001), CKR_OBJECT_HANDLE_INVALID),
    ),
    Scenario::new(
        "failed-create-leaves-nothing",
        "5.7 C_CreateObject",
        "when a template cannot be supported no object is created",
        |h| {
            let session = h.user()?;
            let before = session.find(&Template::new())?.len();
            refused(
                session.create(&keys::secret(CKK_AES, &[1; 16]).bytes(CKA_VENDOR_DEFINED | 0x7654, b"?")),
            )?;
            equal("objects", session.find(&Template::new())?.len(), before)
        },
    ),
    Scenario::new(
        "public-rsa-key-by-hand",
        "6.1 RSA public key objects",
        "an RSA public key is made of modulus and exponent, and knows its CKA_MODULUS_BITS",
        |h| {
            h.needs(&[CKM_RSA_PKCS])?;
            let session = h.user()?;
            let (public, _) = keys::rsa_2048(h, &session)?;
            let modulus = session.attribute(public, CKA_MODULUS)?;
            let template =
                Template::new().class(CKO_PUBLIC_KEY).ulong(CKA_KEY_TYPE, CKK_RSA).bool(CKA_PRIVATE, false);
            let template = template.bytes(CKA_MODULUS, &modulus).bytes(CKA_PUBLIC_EXPONENT, &[1, 0, 1]);
            let key = session.create(&template)?;
            equal("CKA_MODULUS_BITS", session.ulong(key, CKA_MODULUS_BITS)?, 2048)
        },
    ),
];

fn incomplete(h: &Host, template: &Template) -> Check {
    expect(h.user()?.create(template), CKR_TEMPLATE_INCOMPLETE)
}

/// A self-signed certificate with nothing but what a certificate object must have.
pub fn certificate() -> Template {
    let template = Template::new().class(CKO_CERTIFICATE).ulong(CKA_CERTIFICATE_TYPE, CKC_X_509);
    template
        .bytes(CKA_SUBJECT, &unhex("300f310d300b06035504030c0474657374"))
        .bytes(CKA_VALUE, &unhex(CERTIFICATE))
}

/// CN=test, P-256, self-signed, valid for a hundred years; made with OpenSSL for this test.
const CERTIFICATE: &str =
    "308201753082011ba0030201020214131ff3fea9a8f234bd1b24dda77a4eaf089a6dab300a06082a8648ce3d040302300f31
     0d300b06035504030c04746573743020170d3236313132333233343830355a180f32313236313033303233343830355a300f
     310d300b06035504030c04746573743059301306072a8648ce3d020106082a8648ce3d03010703420004f70b3c6aa721e9c9
     83ba62db7b19ec3b7e8671fc5f1b61a990a20d7384bed75fe4cd545f4e6358dd2b934437fbaadd898d5d2e483ac043e897ee
     9242d5660437a3533051301d0603551d0e041604145317d3b7bcb73180fc15788828fbb9b79216632f301f0603551d230418
     301680145317d3b7bcb73180fc15788828fbb9b79216632f300f0603551d130101ff040530030101ff300a06082a8648ce3d
     0403020348003045022100b1f7da3ba33b7adbc4f845647a5bb85cb6330f78481f94a3865b5562dbd01ae9022014b9c165b8
     6a238a25773a50d752c681f7b251b13ed37fc5528fd18345b48d80";
