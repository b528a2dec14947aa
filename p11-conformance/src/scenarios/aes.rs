//! AES in its modes with published values (FIPS 197, SP 800-38A, RFC 4493; PKCS#11 3.2, 6.10, 6.11, 6.14).

use super::keys;
use crate::expect::{Check, equal, expect, expect_any, holds, refused, same, unhex};
use crate::scenario::{Host, Scenario};
use crate::session::Kind;
use crate::template::{Mechanism, Template};
use cryptoki_sys::*;

/// Key and plaintext of SP 800-38A, appendix F.
const KEY: &str = "2b7e151628aed2a6abf7158809cf4f3c";
const PLAIN: &str = "6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51
                     30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710";
const IV: &str = "000102030405060708090a0b0c0d0e0f";
const KEY_256: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

const FIPS_197: &str = "the ciphertext of FIPS 197, appendix C";
const SP800_38A: &str = "the ciphertext of SP 800-38A, in one part and in several, and back";
const PARAMETER: &str = "a parameter of a wrong length: CKR_MECHANISM_PARAM_INVALID (client need)";

/// Encrypts and decrypts, in one part and in uneven parts.
fn known(h: &Host, mechanism: &Mechanism, key: &str, plain: &str, sealed: &str) -> Check {
    h.needs_flags(mechanism.raw.mechanism, CKF_ENCRYPT | CKF_DECRYPT)?;
    let (session, plain, sealed) = (h.user()?, unhex(plain), unhex(sealed));
    let key = keys::aes(&session, &unhex(key))?;
    same("the ciphertext", session.run(Kind::Encrypt, mechanism, key, &plain)?, &sealed)?;
    same("the plaintext", session.run(Kind::Decrypt, mechanism, key, &sealed)?, &plain)?;
    let (first, rest) = plain.split_at(plain.len().min(7));
    let parts = session.run_parts(Kind::Encrypt, mechanism, key, &[first, rest])?;
    same("the ciphertext in parts", parts, &sealed)?;
    let (first, rest) = sealed.split_at(sealed.len().min(9));
    let parts = session.run_parts(Kind::Decrypt, mechanism, key, &[first, rest])?;
    same("the plaintext in parts", parts, &plain)
}

fn ecb(h: &Host, key: &str, sealed: &str) -> Check {
    known(h, &Mechanism::plain(CKM_AES_ECB), key, "00112233445566778899aabbccddeeff", sealed)
}

fn cmac(h: &Host, length: usize, mac: &str) -> Check {
    h.needs(&[CKM_AES_CMAC])?;
    let (session, mechanism, mac) = (h.user()?, Mechanism::plain(CKM_AES_CMAC), unhex(mac));
    let key = keys::aes(&session, &unhex(KEY))?;
    let data = &unhex(PLAIN)[..length];
    same("the MAC", session.sign(&mechanism, key, data)?, &mac)?;
    let (first, rest) = data.split_at(length / 3);
    same("the MAC in parts", session.run_parts(Kind::Sign, &mechanism, key, &[first, rest])?, &mac)?;
    session.verify(&mechanism, key, data, &mac)?;
    expect(session.verify(&mechanism, key, b"other data", &mac), CKR_SIGNATURE_INVALID)
}

/// Begins an encryption that must be refused because of its parameter.
fn bad_parameter(h: &Host, mechanism: &Mechanism) -> Check {
    h.needs(&[mechanism.raw.mechanism])?;
    let session = h.user()?;
    let key = keys::aes(&session, &[1; 16])?;
    let wanted = [CKR_MECHANISM_PARAM_INVALID, CKR_ARGUMENTS_BAD];
    let wanted = if mechanism.raw.pParameter.is_null() { &wanted[..] } else { &wanted[..1] };
    expect_any(session.init(Kind::Encrypt, mechanism, key), wanted)
}

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new("ecb-128", "6.10 AES-ECB", FIPS_197, |h| {
        ecb(h, "000102030405060708090a0b0c0d0e0f", "69c4e0d86a7b0430d8cdb78070b4c55a")
    }),
    Scenario::new("ecb-192", "6.10 AES-ECB", FIPS_197, |h| {
        ecb(h, "000102030405060708090a0b0c0d0e0f1011121314151617", "dda97ca4864cdfe06eaf70a0ec0d7191")
    }),
    Scenario::new("ecb-256", "6.10 AES-ECB", FIPS_197, |h| {
        ecb(h, KEY_256, "8ea2b7ca516745bfeafc49904b496089")
    }),
    Scenario::new("cbc", "6.10 AES-CBC", SP800_38A, |h| {
        let sealed = "7649abac8119b246cee98e9b12e9197d 5086cb9b507219ee95db113a917678b2
                      73bed6b8e3c1743b7116e69e22229516 3ff1caa1681fac09120eca307586e1a7";
        known(h, &Mechanism::bytes(CKM_AES_CBC, &unhex(IV)), KEY, PLAIN, sealed)
    }),
    Scenario::new("cbc-pad", "6.10 AES-CBC with PKCS padding", "20 bytes as OpenSSL encrypts them", |h| {
        let sealed = "6673a50588685ae64b4edcc12525356df6d314e2aef0938309e8e1f170cd346b";
        let plain = "6162636465666768696a6b6c6d6e6f7071727374";
        known(h, &Mechanism::bytes(CKM_AES_CBC_PAD, &unhex(IV)), KEY_256, plain, sealed)
    }),
    Scenario::new("ctr", "6.11 AES with counter", SP800_38A, |h| {
        let counter = *b"\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff";
        let sealed = "874d6191b620e3261bef6864990db6ce 9806f66b7970fdff8617187bb9fffdff
                      5ae4df3edbd5d35e5b4f09020db03eab 1e031dda2fbe03d1792170a0f3009cee";
        known(h, &Mechanism::ctr(128, counter), KEY, PLAIN, sealed)
    }),
    Scenario::new(
        "ctr-of-any-length",
        "6.11 AES with counter",
        "a stream: data need not fill a block",
        |h| {
            let counter = *b"\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff";
            known(h, &Mechanism::ctr(128, counter), KEY, "6bc1bee22e409f96e93d7e117393172aae2d8a", {
                "874d6191b620e3261bef6864990db6ce9806f6"
            })
        },
    ),
    Scenario::new(
        "ctr-overflow",
        "6.11 AES with counter",
        "with 2 counter bits that start at 1 three blocks can be processed; a fourth is CKR_DATA_LEN_RANGE",
        |h| {
            h.needs(&[CKM_AES_CTR])?;
            let (session, mut block) = (h.user()?, [0xFF; 16]);
            block[15] = 0xFD;
            let (key, mechanism) = (keys::aes(&session, &[1; 16])?, Mechanism::ctr(2, block));
            equal(
                "bytes out of three blocks",
                session.run(Kind::Encrypt, &mechanism, key, &[0; 48])?.len(),
                48,
            )?;
            expect(session.run(Kind::Encrypt, &mechanism, key, &[0; 64]), CKR_DATA_LEN_RANGE)
        },
    ),
    Scenario::new(
        "cbc-decrypt-in-parts-of-no-full-block",
        "6.10 AES-CBC / 5.10 C_DecryptFinal",
        "a ciphertext whose last block is not full: CKR_ENCRYPTED_DATA_LEN_RANGE from C_DecryptFinal",
        |h| {
            h.needs_flags(CKM_AES_CBC, CKF_DECRYPT)?;
            let session = h.user()?;
            let key = keys::aes(&session, &[1; 16])?;
            session.init(Kind::Decrypt, &Mechanism::bytes(CKM_AES_CBC, &[0; 16]), key)?;
            session.update(Kind::Decrypt, &[0; 20])?;
            let wanted = [CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_ENCRYPTED_DATA_INVALID];
            expect_any(session.finish(Kind::Decrypt), &wanted)
        },
    ),
    Scenario::new("ofb", "6.10 AES-OFB", SP800_38A, |h| {
        let sealed = "3b3fd92eb72dad20333449f8e83cfb4a 7789508d16918f03f53c52dac54ed825
                      9740051e9c5fecf64344f7a82260edcc 304c6528f659c77866a510d9c1d6ae5e";
        known(h, &Mechanism::bytes(CKM_AES_OFB, &unhex(IV)), KEY, PLAIN, sealed)
    }),
    Scenario::new("cfb8", "6.10 AES-CFB", SP800_38A, |h| {
        let (plain, sealed) =
            ("6bc1bee22e409f96e93d7e117393172aae2d", "3b79424c9c0dd436bace9e0ed4586a4f32b9");
        known(h, &Mechanism::bytes(CKM_AES_CFB8, &unhex(IV)), KEY, plain, sealed)
    }),
    Scenario::new("cfb128", "6.10 AES-CFB", SP800_38A, |h| {
        let sealed = "3b3fd92eb72dad20333449f8e83cfb4a c8a64537a0b3a93fcde3cdad9f1ce58b
                      26751f67a3cbb140b1808cf187a4f4df c04b05357c5d1c0eeac4c66f9ff7f2e6";
        known(h, &Mechanism::bytes(CKM_AES_CFB128, &unhex(IV)), KEY, PLAIN, sealed)
    }),
    Scenario::new(
        "cts",
        "6.12 AES CBC with ciphertext stealing",
        "RFC 3962, in the order of CS1, and back",
        |h| {
            let (key, plain) = ("636869636b656e207465726979616b69", "4920776f756c64206c696b652074686520");
            let sealed = "97c6353568f2bf8cb4d8a580362da7ff7f";
            known(h, &Mechanism::bytes(CKM_AES_CTS, &[0; 16]), key, plain, sealed)
        },
    ),
    Scenario::new("cmac-of-nothing", "6.14 AES-CMAC", "the MAC of RFC 4493, example 1", |h| {
        cmac(h, 0, "bb1d6929e95937287fa37d129b756746")
    }),
    Scenario::new("cmac-of-a-block", "6.14 AES-CMAC", "the MAC of RFC 4493, example 2", |h| {
        cmac(h, 16, "070a16b46b4d4144f79bdd9dd04a287c")
    }),
    Scenario::new("cmac-of-40-bytes", "6.14 AES-CMAC", "the MAC of RFC 4493, example 3", |h| {
        cmac(h, 40, "dfa66747de9ae63030ca32611497c827")
    }),
    Scenario::new("cmac-general", "6.14 AES-CMAC general", "the first bytes of the MAC", |h| {
        h.needs(&[CKM_AES_CMAC_GENERAL])?;
        let session = h.user()?;
        let key = keys::aes(&session, &unhex(KEY))?;
        let mechanism = Mechanism::mac_general(CKM_AES_CMAC_GENERAL, 8);
        let mac = session.sign(&mechanism, key, &unhex(PLAIN)[..40])?;
        same("the shortened MAC", &mac, unhex("dfa66747de9ae630"))?;
        Ok(session.verify(&mechanism, key, &unhex(PLAIN)[..40], &mac)?)
    }),
    Scenario::new("cbc-short-iv", "6.10 AES-CBC", PARAMETER, |h| {
        bad_parameter(h, &Mechanism::bytes(CKM_AES_CBC, &[0; 8]))
    }),
    Scenario::new("cbc-long-iv", "6.10 AES-CBC", PARAMETER, |h| {
        bad_parameter(h, &Mechanism::bytes(CKM_AES_CBC, &[0; 17]))
    }),
    Scenario::new("cbc-without-iv", "6.10 AES-CBC", PARAMETER, |h| {
        bad_parameter(h, &Mechanism::plain(CKM_AES_CBC))
    }),
    Scenario::new("cbc-pad-short-iv", "6.10 AES-CBC with PKCS padding", PARAMETER, |h| {
        bad_parameter(h, &Mechanism::bytes(CKM_AES_CBC_PAD, &[0; 12]))
    }),
    Scenario::new("ctr-wrong-parameter", "6.11 AES with counter", PARAMETER, |h| {
        bad_parameter(h, &Mechanism::bytes(CKM_AES_CTR, &[0; 16]))
    }),
    Scenario::new(
        "ctr-of-no-bits",
        "6.11 AES with counter",
        "a counter of 0 or of more than 128 bits: CKR_MECHANISM_PARAM_INVALID",
        |h| {
            bad_parameter(h, &Mechanism::ctr(0, [0; 16]))?;
            bad_parameter_again(h, &Mechanism::ctr(129, [0; 16]))
        },
    ),
    Scenario::new("ecb-odd-data", "6.10 AES-ECB", "data of no full block: CKR_DATA_LEN_RANGE", |h| {
        h.needs(&[CKM_AES_ECB])?;
        let session = h.user()?;
        let key = keys::aes(&session, &[1; 16])?;
        expect(session.run(Kind::Encrypt, &Mechanism::plain(CKM_AES_ECB), key, &[0; 17]), CKR_DATA_LEN_RANGE)
    }),
    Scenario::new(
        "cbc-pad-broken-ciphertext",
        "6.10 AES-CBC with PKCS padding",
        "padding that is none: CKR_ENCRYPTED_DATA_INVALID or its LEN_RANGE",
        |h| {
            h.needs(&[CKM_AES_CBC_PAD, CKM_AES_CBC])?;
            let session = h.user()?;
            let key = keys::aes(&session, &[1; 16])?;
            let sealed =
                session.run(Kind::Encrypt, &Mechanism::bytes(CKM_AES_CBC, &[0; 16]), key, &[0xEE; 32])?;
            let outcome =
                session.run(Kind::Decrypt, &Mechanism::bytes(CKM_AES_CBC_PAD, &[0; 16]), key, &sealed);
            expect_any(outcome, &[CKR_ENCRYPTED_DATA_INVALID, CKR_ENCRYPTED_DATA_LEN_RANGE])
        },
    ),
    Scenario::new(
        "cbc-pad-full-block",
        "6.10 AES-CBC with PKCS padding",
        "data of full blocks gets a block of padding more",
        |h| {
            h.needs(&[CKM_AES_CBC_PAD])?;
            let (session, mechanism) = (h.user()?, Mechanism::bytes(CKM_AES_CBC_PAD, &[0; 16]));
            let key = keys::aes(&session, &[1; 16])?;
            let sealed = session.run(Kind::Encrypt, &mechanism, key, &[5; 32])?;
            equal("bytes of the ciphertext", sealed.len(), 48)?;
            same("the plaintext", session.run(Kind::Decrypt, &mechanism, key, &sealed)?, [5; 32])
        },
    ),
    Scenario::new("cbc-pad-of-nothing", "6.10 AES-CBC with PKCS padding", "no data gives one block", |h| {
        h.needs(&[CKM_AES_CBC_PAD])?;
        let (session, mechanism) = (h.user()?, Mechanism::bytes(CKM_AES_CBC_PAD, &[0; 16]));
        let key = keys::aes(&session, &[1; 16])?;
        let sealed = session.run(Kind::Encrypt, &mechanism, key, b"")?;
        equal("bytes of the ciphertext", sealed.len(), 16)?;
        same("the plaintext", session.run(Kind::Decrypt, &mechanism, key, &sealed)?, b"")
    }),
    Scenario::new("generate-every-size", "6.10 AES key generation", "keys of 16, 24 and 32 bytes", |h| {
        let session = h.user()?;
        for length in [16, 24, 32] {
            let more = Template::new().bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true);
            let key = keys::generate_aes(h, &session, length, more)?;
            equal("bytes of the key", session.attribute(key, CKA_VALUE)?.len() as CK_ULONG, length)?;
            equal("CKA_KEY_TYPE", session.ulong(key, CKA_KEY_TYPE)?, CKK_AES)?;
        }
        Ok(())
    }),
    Scenario::new("generated-keys-differ", "6.10 AES key generation", "two generated keys differ", |h| {
        let session = h.user()?;
        let more = || Template::new().bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true);
        let one = keys::generate_aes(h, &session, 32, more())?;
        let two = keys::generate_aes(h, &session, 32, more())?;
        holds("the values differ", session.attribute(one, CKA_VALUE)? != session.attribute(two, CKA_VALUE)?)
    }),
    Scenario::new("generate-odd-size", "6.10 AES key generation", "a key of 17 bytes is refused", |h| {
        let session = h.user()?;
        h.needs(&[CKM_AES_KEY_GEN])?;
        let template = Template::new().ulong(CKA_VALUE_LEN, 17);
        let wanted = [CKR_ATTRIBUTE_VALUE_INVALID, CKR_KEY_SIZE_RANGE, CKR_TEMPLATE_INCONSISTENT];
        expect_any(session.generate(&Mechanism::plain(CKM_AES_KEY_GEN), &template), &wanted)
    }),
    Scenario::new(
        "generate-without-size",
        "6.10 footnote 3",
        "CKA_VALUE_LEN is needed: CKR_TEMPLATE_INCOMPLETE",
        |h| {
            h.needs(&[CKM_AES_KEY_GEN])?;
            let outcome = h.user()?.generate(&Mechanism::plain(CKM_AES_KEY_GEN), &Template::new());
            expect(outcome, CKR_TEMPLATE_INCOMPLETE)
        },
    ),
    Scenario::new("generate-with-value", "6.10 footnote 4", "CKA_VALUE is not for the caller to give", |h| {
        h.needs(&[CKM_AES_KEY_GEN])?;
        let template = Template::new().ulong(CKA_VALUE_LEN, 16).bytes(CKA_VALUE, &[1; 16]);
        refused(h.user()?.generate(&Mechanism::plain(CKM_AES_KEY_GEN), &template))
    }),
    Scenario::new(
        "generate-with-other-type",
        "5.18 C_GenerateKey",
        "a key type that is not the mechanism's: CKR_TEMPLATE_INCONSISTENT",
        |h| {
            h.needs(&[CKM_AES_KEY_GEN])?;
            let template = Template::new().ulong(CKA_VALUE_LEN, 16).ulong(CKA_KEY_TYPE, CKK_GENERIC_SECRET);
            let outcome = h.user()?.generate(&Mechanism::plain(CKM_AES_KEY_GEN), &template);
            expect(outcome, CKR_TEMPLATE_INCONSISTENT)
        },
    ),
    Scenario::new(
        "generate-with-other-class",
        "5.18 C_GenerateKey",
        "a class that is not the mechanism's: CKR_TEMPLATE_INCONSISTENT",
        |h| {
            h.needs(&[CKM_AES_KEY_GEN])?;
            let template = Template::new().ulong(CKA_VALUE_LEN, 16).class(CKO_PUBLIC_KEY);
            let outcome = h.user()?.generate(&Mechanism::plain(CKM_AES_KEY_GEN), &template);
            expect(outcome, CKR_TEMPLATE_INCONSISTENT)
        },
    ),
];

/// As `bad_parameter`, when the user is logged in already.
fn bad_parameter_again(h: &Host, mechanism: &Mechanism) -> Check {
    let session = h.session()?;
    let key = keys::aes(&session, &[1; 16])?;
    expect(session.init(Kind::Encrypt, mechanism, key), CKR_MECHANISM_PARAM_INVALID)
}
