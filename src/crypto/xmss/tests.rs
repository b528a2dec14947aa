use super::*;
use crate::crypto::hash_based::testing::{self, Vector, verify_changed};

fn vectors() -> Vec<Vector> {
    testing::vectors(include_str!("../../../tests/vectors/hash_based/xmss.txt"))
}

fn scheme_of(name: &str) -> Scheme {
    if name.contains("XmssMt") { Scheme::XmssMt } else { Scheme::Xmss }
}

#[test]
fn known_signatures_verify_and_every_changed_byte_is_seen() {
    for (name, [public, message, signature]) in vectors() {
        let scheme = scheme_of(name);
        assert_eq!(verify(scheme, &public, &message, &signature), Ok(()), "{name}");
        let step = signature.len() / 13 + 1;
        for place in (0..signature.len()).step_by(step) {
            let mut changed = signature.clone();
            changed[place] ^= 1;
            assert_eq!(
                verify(scheme, &public, &message, &changed),
                Err(Error::Signature),
                "{name}: byte {place}"
            );
        }
        for place in (0..public.len()).step_by(11) {
            let mut changed = public.clone();
            changed[place] ^= 1;
            assert!(verify(scheme, &changed, &message, &signature).is_err(), "{name}: key byte {place}");
        }
        assert_eq!(verify(scheme, &public, b"another message", &signature), Err(Error::Signature));
    }
}

#[test]
fn other_lengths_and_the_other_scheme_are_refused() {
    let (name, [public, message, signature]) = vectors().swap_remove(0);
    let scheme = scheme_of(name);
    for length in [0, 4, signature.len() - 1] {
        assert_eq!(verify(scheme, &public, &message, &signature[..length]), Err(Error::Length));
    }
    let longer = [&signature[..], &[0]].concat();
    assert_eq!(verify(scheme, &public, &message, &longer), Err(Error::Length));
    assert_eq!(verify(Scheme::XmssMt, &public, &message, &signature), Err(Error::Length));
    for length in [0, 3, public.len() - 1] {
        assert_eq!(parameter_set(scheme, &public[..length]), Err(Error::PublicKey));
    }
    assert_eq!(parameter_set(scheme, &[&public[..], &[0]].concat()), Err(Error::PublicKey));
}

#[test]
fn sizes_are_those_of_the_tables() {
    let sizes = |scheme, numbers: &[u64]| -> Vec<usize> {
        numbers.iter().map(|number| ParameterSet::of(scheme, *number).unwrap().signature_len()).collect()
    };
    // RFC 8391 appendices C.1 and C.2, SP 800-208 tables 10 and 14.
    assert_eq!(sizes(Scheme::Xmss, &[1, 2, 3, 4, 6, 13, 15]), [2500, 2692, 2820, 9092, 9732, 1492, 1732]);
    assert_eq!(sizes(Scheme::XmssMt, &[1, 2, 8, 16, 33]), [4963, 9251, 27688, 104520, 2955]);
    assert_eq!((ParameterSet::of(Scheme::Xmss, 0), ParameterSet::of(Scheme::Xmss, 22)), (None, None));
    assert_eq!(
        (ParameterSet::of(Scheme::XmssMt, 57), ParameterSet::of(Scheme::XmssMt, u64::MAX)),
        (None, None)
    );
}

#[test]
fn nothing_that_is_given_makes_it_panic() {
    verify_changed(&vectors(), 60, |public, message, signature| {
        _ = (
            verify(Scheme::Xmss, public, message, signature),
            verify(Scheme::XmssMt, public, message, signature),
        );
    });
}
