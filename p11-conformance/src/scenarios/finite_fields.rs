//! DSA, Diffie-Hellman and their domain parameters (PKCS#11 3.2, 6.2 and 6.4).

use crate::expect::{Check, equal, expect, expect_any, same, unhex};
use crate::module::Outcome;
use crate::scenario::Scenario;
use crate::session::Session;
use crate::template::{Mechanism, Template};
use cryptoki_sys::*;

/// RFC 6979 appendix A.2.1: p, q, g, y, and r and s over "sample" with SHA-256.
const PRIME: &str = "86f5ca03dcfeb225063ff830a0c769b9dd9d6153ad91d7ce27f787c43278b447
    e6533b86b18bed6e8a48b784a14c252c5be0dbf60b86d6385bd2f12fb763ed88
    73abfd3f5ba2e0a8c0a59082eac056935e529daf7c610467899c77adedfc846c
    881870b7b19b2b58f9be0521a17002e3bdd6b86685ee90b3d9a1b02b782b1779";
const SUBPRIME: &str = "996f967f6c8e388d9e28d01e205fba957a5698b1";
const BASE: &str = "07b0f92546150b62514bb771e2a0c0ce387f03bda6c56b505209ff25fd3c133d
    89bbcd97e904e09114d9a7defdeadfc9078ea544d2e401aeecc40bb9fbbf78fd
    87995a10a1c27cb7789b594ba7efb5c4326a9fe59a070e136db77175464adca4
    17be5dce2f40d10a46a3a3943f26ab7fd9c0398ff8c76ee0a56826a8a88f1dbd";
const PUBLIC: &str = "5df5e01ded31d0297e274e1691c192fe5868fef9e19a84776454b100cf16f653
    92195a38b90523e2542ee61871c0440cb87c322fc4b4d2ec5e1e7ec766e1be8d
    4ce935437dc11c3c8fd426338933ebfe739cb3465f4d3668c5e473508253b1e6
    82f65cbdc4fae93c2ea212390e54905a86e2223170b44eaa7da5dd9ffcfb7f3b";
const SIGNATURE: &str = "81f2f5850be5bc123c43f71a3033e9384611c5454cdd914b65eb6c66a8aaad27299bee6b035f5e89";

fn group() -> Template {
    let template = Template::new().bytes(CKA_PRIME, &unhex(PRIME)).bytes(CKA_BASE, &unhex(BASE));
    template.bytes(CKA_SUBPRIME, &unhex(SUBPRIME))
}

fn dsa_public(session: &Session) -> Outcome<CK_OBJECT_HANDLE> {
    let template = Template::new().class(CKO_PUBLIC_KEY).ulong(CKA_KEY_TYPE, CKK_DSA).bool(CKA_TOKEN, false);
    let template = template.bool(CKA_VERIFY, true).bytes(CKA_VALUE, &unhex(PUBLIC));
    session.create(&template.and(group()))
}

/// New Diffie-Hellman parameters of 2048 bits, as a template.
fn dh_group(session: &Session) -> Check<Template> {
    let template = Template::new().ulong(CKA_PRIME_BITS, 2048).bool(CKA_TOKEN, false);
    let made = session.generate(&Mechanism::plain(CKM_DH_PKCS_PARAMETER_GEN), &template)?;
    equal("CKA_CLASS", session.ulong(made, CKA_CLASS)?, CKO_DOMAIN_PARAMETERS)?;
    let (prime, base) = (session.attribute(made, CKA_PRIME)?, session.attribute(made, CKA_BASE)?);
    equal("bytes of CKA_PRIME", prime.len(), 256)?;
    Ok(Template::new().bytes(CKA_PRIME, &prime).bytes(CKA_BASE, &base).bool(CKA_TOKEN, false))
}

fn agree(session: &Session, private: CK_OBJECT_HANDLE, public: &[u8]) -> Outcome<CK_OBJECT_HANDLE> {
    let template = Template::new().class(CKO_SECRET_KEY).ulong(CKA_KEY_TYPE, CKK_GENERIC_SECRET);
    let template = template.bool(CKA_TOKEN, false).bool(CKA_SENSITIVE, false).bool(CKA_EXTRACTABLE, true);
    let mechanism = Mechanism::bytes(CKM_DH_PKCS_DERIVE, public);
    session.derive(&mechanism, private, &template.ulong(CKA_VALUE_LEN, 256))
}

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "dsa-known",
        "6.2 CKM_DSA_SHA256",
        "the signature of RFC 6979 verifies, and no other",
        |h| {
            h.needs(&[CKM_DSA_SHA256])?;
            let session = h.user()?;
            let key = dsa_public(&session)?;
            let (mechanism, mut signature) = (Mechanism::plain(CKM_DSA_SHA256), unhex(SIGNATURE));
            session.verify(&mechanism, key, b"sample", &signature)?;
            expect(session.verify(&mechanism, key, b"simple", &signature), CKR_SIGNATURE_INVALID)?;
            signature.pop();
            expect(session.verify(&mechanism, key, b"sample", &signature), CKR_SIGNATURE_LEN_RANGE)
        },
    ),
    Scenario::new("dsa-generate", "6.2 CKM_DSA_KEY_PAIR_GEN", "a generated pair signs and verifies", |h| {
        h.needs(&[CKM_DSA_KEY_PAIR_GEN, CKM_DSA_SHA1])?;
        let session = h.user()?;
        let public = group().bool(CKA_TOKEN, false).bool(CKA_VERIFY, true);
        let private = Template::new().bool(CKA_TOKEN, false).bool(CKA_SIGN, true);
        let pair = session.generate_pair(&Mechanism::plain(CKM_DSA_KEY_PAIR_GEN), &public, &private)?;
        let mechanism = Mechanism::plain(CKM_DSA_SHA1);
        let signature = session.sign(&mechanism, pair.1, b"data")?;
        equal("bytes of the signature", signature.len(), 40)?;
        session.verify(&mechanism, pair.0, b"data", &signature)?;
        expect(session.verify(&mechanism, pair.0, b"date", &signature), CKR_SIGNATURE_INVALID)
    }),
    Scenario::new(
        "dh-agree",
        "6.4 CKM_DH_PKCS_DERIVE",
        "two parties derive one secret from parameters that the token has made",
        |h| {
            h.needs(&[CKM_DH_PKCS_PARAMETER_GEN, CKM_DH_PKCS_KEY_PAIR_GEN, CKM_DH_PKCS_DERIVE])?;
            let session = h.user()?;
            let mechanism = Mechanism::plain(CKM_DH_PKCS_KEY_PAIR_GEN);
            let private = || Template::new().bool(CKA_TOKEN, false).bool(CKA_DERIVE, true);
            let group = dh_group(&session)?;
            let mine = session.generate_pair(&mechanism, &group, &private())?;
            let theirs = session.generate_pair(&mechanism, &group, &private())?;
            let value = |key| session.attribute(key, CKA_VALUE);
            let one = agree(&session, mine.1, &value(theirs.0)?)?;
            let two = agree(&session, theirs.1, &value(mine.0)?)?;
            same("the secret", value(one)?, value(two)?)?;
            equal("bytes of the secret", value(one)?.len(), 256)
        },
    ),
    Scenario::new(
        "dh-small-public-value",
        "6.4 CKM_DH_PKCS_DERIVE (SP 800-56A 5.6.2.3.1)",
        "a public value of 1 gives the private one away and is refused",
        |h| {
            h.needs(&[CKM_DH_PKCS_PARAMETER_GEN, CKM_DH_PKCS_KEY_PAIR_GEN, CKM_DH_PKCS_DERIVE])?;
            let session = h.user()?;
            let private = Template::new().bool(CKA_TOKEN, false).bool(CKA_DERIVE, true);
            let mechanism = Mechanism::plain(CKM_DH_PKCS_KEY_PAIR_GEN);
            let pair = session.generate_pair(&mechanism, &dh_group(&session)?, &private)?;
            let allowed = [CKR_PUBLIC_KEY_INVALID, CKR_MECHANISM_PARAM_INVALID];
            expect_any(agree(&session, pair.1, &[1]), &allowed)
        },
    ),
];
