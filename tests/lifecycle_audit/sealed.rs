//! A first key that is sealed to auditors: nobody else sees it, and who writes the log anew with another one is found.

use coffer_pkcs11::lifecycle::backup::Seed;
use coffer_pkcs11::lifecycle::log::{Unopened, open_first_key};

use super::*;

fn sealed_to(seeds: &[&Seed]) -> Audited {
    let halves: Vec<_> = seeds.iter().map(|seed| seed.public_half().unwrap()).collect();
    let fixture = Fixture::new();
    let session = fixture.user_session();
    let begin = Begin { mode: AuditMode::Uses, auditors: &halves, ..Begin::default() };
    assert_eq!(enable(&fixture.module, &begin), None, "it was shown");
    let path = log::path_beside(&fixture.module.slot_info(SlotId(0)).unwrap().path);
    let first_key = open_first_key(&std::fs::read(path).unwrap(), seeds[0]).unwrap();
    let key = secret_key(&session, "mac", true);
    sign(&session, key);
    Audited { fixture, first_key }
}

#[test]
fn each_auditor_opens_the_first_key_and_verifies_every_code_with_it_and_nobody_else_does() {
    let [first, second, other] = [(); 3].map(|()| Seed::random().unwrap());
    let audited = sealed_to(&[&first, &second]);
    let contents = audited.contents();
    assert_eq!(open_first_key(&contents, &second).unwrap(), audited.first_key);
    assert_eq!(open_first_key(&contents, &other), Err(Unopened::OtherKey));
    assert_eq!(open_first_key(b"something else", &first), Err(Unopened::NotALog));
    assert!(!contents.windows(32).any(|window| window == &audited.first_key[..]));
    let checked = audited.check(&contents, &audited.side());
    assert_eq!((checked.findings, checked.keyed), (vec![], true));
    let sealed = events(&contents).into_iter().filter(|event| event.what == What::FirstKeySealed);
    let details: Vec<_> = sealed.map(|event| event.detail).collect();
    assert!(details.len() == 2 && details.iter().all(|detail| detail.starts_with("for the key ")));
    let unsealed = Audited::new(AuditMode::Events);
    assert_eq!(open_first_key(&unsealed.contents(), &first), Err(Unopened::None));
}

#[test]
fn a_log_that_was_begun_anew_with_another_key_for_the_same_auditor_is_found() {
    let auditor = Seed::random().unwrap();
    let (victim, attacker) = (sealed_to(&[&auditor]), sealed_to(&[&auditor]));
    // The attacker has the auditor's public key, as everybody has: his log, with the token's number and the log's id.
    let mut forged = attacker.contents();
    forged[16..48].copy_from_slice(&victim.contents()[16..48]);
    let check = adversary::sha2_again::sha256(&forged[..480]);
    forged[480..512].copy_from_slice(&check);
    adversary::reseal_with(&mut forged, 1024, 1, &attacker.first_key);
    let against = Against { first_key: Some(&attacker.first_key), ..Against::default() };
    let findings = super::check(&forged, &against).findings;
    assert_eq!((findings.len(), findings[0].record), (1, 0), "{findings:?}");
    assert!(findings[0].what.contains("begun anew"), "{}", findings[0].what);
}
