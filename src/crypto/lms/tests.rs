use super::*;
use crate::crypto::hash_based::testing::{self, Vector, verify_changed};

fn vectors() -> Vec<Vector> {
    testing::vectors(include_str!("../../../tests/vectors/hash_based/hss.txt"))
}

#[test]
fn published_signatures_verify_and_every_changed_byte_is_seen() {
    for (name, [public, message, signature]) in vectors() {
        assert_eq!(verify(&public, &message, &signature), Ok(()), "{name}");
        let step = signature.len() / 97 + 1;
        for place in (0..signature.len()).step_by(step) {
            let mut changed = signature.clone();
            changed[place] ^= 1;
            assert!(verify(&public, &message, &changed).is_err(), "{name}: byte {place}");
        }
        for place in 0..public.len() {
            let mut changed = public.clone();
            changed[place] ^= 1;
            assert!(verify(&changed, &message, &signature).is_err(), "{name}: key byte {place}");
        }
        assert_eq!(verify(&public, b"another message", &signature), Err(Error::Signature), "{name}");
    }
}

#[test]
fn a_signature_of_another_length_is_refused() {
    let (_, [public, message, signature]) = vectors().swap_remove(0);
    for length in (0..signature.len()).step_by(41) {
        let cut = &signature[..length];
        assert!(matches!(verify(&public, &message, cut), Err(Error::Length | Error::Signature)));
    }
    let longer = [&signature[..], &[0]].concat();
    assert_eq!(verify(&public, &message, &longer), Err(Error::Length));
}

#[test]
fn a_public_key_tells_its_parameters_or_is_none() {
    let (_, [public, ..]) = vectors().swap_remove(0);
    assert_eq!(parameters(&public), Ok(Parameters { levels: 2, tree: 5, one_time: 4 }));
    let with = |place: usize, byte: u8| {
        let mut changed = public.clone();
        changed[place] = byte;
        parameters(&changed)
    };
    // No level, nine levels; unknown types; a tree of SHA-256 over one-time signatures of SHAKE.
    for (place, byte) in [(3, 0), (3, 9), (0, 1), (7, 0), (7, 4), (7, 25), (11, 0), (11, 17), (11, 12)] {
        assert_eq!(with(place, byte), Err(Error::PublicKey), "{place} {byte}");
    }
    assert_eq!(parameters(&public[..public.len() - 1]), Err(Error::PublicKey));
    assert_eq!(parameters(&[&public[..], &[0]].concat()), Err(Error::PublicKey));
    assert_eq!(parameters(&[]), Err(Error::PublicKey));
}

#[test]
fn chains_and_shifts_are_those_of_the_tables() {
    // RFC 8554 table 1, SP 800-208 tables 1 to 4.
    let wanted = [(265, 7), (133, 6), (67, 4), (34, 0), (200, 8), (101, 6), (51, 4), (26, 0)];
    for (number, wanted) in (1..).zip(wanted.iter().chain(&wanted)) {
        let kind = OneTimeType::of(number).unwrap();
        assert_eq!((kind.chains(), kind.checksum_digits().1), *wanted, "{number}");
    }
    assert_eq!(OneTimeType::of(17), None);
    assert_eq!((TreeType::of(4), TreeType::of(25)), (None, None));
}

#[test]
fn nothing_that_is_given_makes_it_panic() {
    verify_changed(&vectors(), 400, |public, message, signature| {
        _ = verify(public, message, signature);
    });
}
