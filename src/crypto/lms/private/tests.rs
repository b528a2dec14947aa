use super::*;
use crate::crypto::lms::{signature_len, verify};

/// The published key and signature of this name: public key, message, signature.
fn published(wanted: &str) -> [Vec<u8>; 3] {
    let text = include_str!("../../../../tests/vectors/hash_based/hss.txt");
    let line = text.lines().find(|line| line.split(' ').next() == Some(wanted)).unwrap();
    let fields: Vec<&str> = line.split(' ').collect();
    [1, 2, 3].map(|field| hex::decode(fields[field]).unwrap())
}

fn types(kind: u64, one_time: u64) -> Types {
    (TreeType::of(kind).unwrap(), OneTimeType::of(one_time).unwrap())
}

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

fn key(levels: &[Types], name: &[u8], seed: &[u8]) -> PrivateKey {
    PrivateKey::from_seed(levels.to_vec(), name.try_into().unwrap(), Secret::copy_of(seed)).unwrap()
}

/// RFC 9858 appendix A: the private keys are in it, and the randomizer is a part of the signature.
#[test]
fn published_seeds_give_the_published_public_keys_and_signatures() {
    let sequence = |first: u8, length: u8| (first..first + length).collect::<Vec<u8>>();
    for (wanted, (name, seed), kind, one_time) in [
        ("rfc9858-a1", (0x20, 0x00), 10, 8),
        ("rfc9858-a2", (0x50, 0x30), 20, 16),
        ("rfc9858-a3", (0x80, 0x60), 15, 12),
    ] {
        let [public, message, signature] = published(wanted);
        let n = types(kind, one_time).0.function.length;
        let key = key(&[types(kind, one_time)], &sequence(name, 16), &sequence(seed, n as u8));
        assert_eq!(key.public().unwrap(), public, "{wanted}");
        let index = u64::from(u32::from_be_bytes(*signature[4..].first_chunk().unwrap()));
        let made = key.sign_with(index, &signature[12..12 + n], &message).unwrap();
        assert_eq!(made, signature, "{wanted}");
    }
}

/// RFC 8554 appendix F, test case 2, has a seed for each of its two trees, so that each is a key of its own here.
#[test]
fn both_trees_of_a_published_signature_come_from_their_seeds() {
    let [public, message, signature] = published("rfc8554-f2");
    let upper = key(&[types(6, 3)], &bytes("d08fabd4a2091ff0a8cb4ed834e74534"), &bytes(UPPER_SEED));
    let lower = key(&[types(5, 4)], &bytes("215f83b7ccb9acbcd08db97b0d04dc2b"), &bytes(LOWER_SEED));
    assert_eq!(upper.public().unwrap()[4..], public[4..]);
    let lower_public = &lower.public().unwrap()[4..];
    let sign = |key: &PrivateKey, published: &[u8], message: &[u8]| {
        let leaf = u32::from_be_bytes(*published.first_chunk().unwrap());
        key.sign_with(u64::from(leaf), &published[8..40], message).unwrap()[4..].to_vec()
    };
    let (first, rest) = signature[4..].split_at(signature_len(upper.levels[0].0, upper.levels[0].1));
    assert_eq!(sign(&upper, first, lower_public), first);
    let (signed, last) = rest.split_at(lower_public.len());
    assert_eq!(signed, lower_public);
    assert_eq!(sign(&lower, last, &message), last);
}

const UPPER_SEED: &str = "558b8966c48ae9cb898b423c83443aae014a72f1b1ab5cc85cf1d892903b5439";
const LOWER_SEED: &str = "a1c4696e2608035a886100d05cd99945eb3370731884a8235e2fb3d4d71f2547";

/// All hash functions and widths, and more levels than one: every signature verifies, also that of a key that was kept.
#[test]
fn every_signature_of_every_set_verifies_until_the_key_is_used_up() {
    let sets = (1..=16).map(|one_time: u64| vec![types(5 + (one_time - 1) / 4 * 5, one_time)]);
    let deep = [vec![types(5, 4); 2], vec![types(10, 6), types(10, 5), types(10, 7)], vec![types(15, 12); 3]];
    for levels in sets.chain(deep) {
        let n = levels[0].0.function.length;
        let key = key(&levels, &[7; 16], &vec![9; n]);
        let public = key.public().unwrap();
        let kept = PrivateKey::decode(key.encode().as_bytes()).unwrap();
        let last = key.signatures() - 1;
        for index in [0, 1, last.min(31), last.min(32), last / 2, last] {
            for key in [&key, &kept] {
                let signature = key.sign(index, b"a message").unwrap();
                assert_eq!(signature.len(), key.signature_len(), "{levels:?}");
                assert_eq!(verify(&public, b"a message", &signature), Ok(()), "{levels:?} {index}");
            }
        }
        assert_eq!(key.sign(last + 1, b"a message"), Err(Error::Argument), "{levels:?}");
        assert_eq!((kept.public(), kept.types()), (Ok(public), key.types()));
    }
}

#[test]
fn the_trees_below_are_signed_in_the_same_way_by_whoever_signs() {
    let key = key(&[types(5, 4); 3], &[1; 16], &[2; 32]);
    let other = PrivateKey::decode(key.encode().as_bytes()).unwrap();
    let signed = |key: &PrivateKey, index| key.sign(index, b"m").unwrap();
    let upper = key.signature_len() - signature_len(key.levels[2].0, key.levels[2].1);
    for index in [0, 5, 31, 32, 1023, 1024] {
        assert_eq!(signed(&key, index)[..upper], signed(&other, index)[..upper], "{index}");
        // The last signature has a random randomizer.
        assert_ne!(signed(&key, index), signed(&other, index));
    }
}

#[test]
fn what_takes_too_long_or_mixes_hash_functions_is_refused() {
    let refused = |numbers: &[(u64, u64)]| generate(numbers).err();
    assert_eq!(refused(&[(9, 4)]), Some(Error::KeySize), "a height of 25 with digits of 8 bits");
    assert_eq!(refused(&[(5, 4), (8, 1)]), Some(Error::KeySize), "a height of 20 below the first level");
    for wrong in [&[][..], &[(4, 1)], &[(5, 0)], &[(5, 17)], &[(5, 5)], &[(5, 1), (10, 5)], &[(5, 1); 9]] {
        assert_eq!(refused(wrong), Some(Error::Parameters), "{wrong:?}");
    }
}

#[test]
fn a_kept_key_that_was_changed_is_refused_or_does_not_sign() {
    let key = key(&[types(5, 3)], &[1; 16], &[2; 32]);
    let kept = key.encode();
    for length in 0..kept.len() {
        assert_eq!(PrivateKey::decode(&kept.as_bytes()[..length]).err(), Some(Error::Key));
    }
    for place in 10..kept.len() {
        let mut changed = kept.clone();
        changed.as_mut_bytes()[place] ^= 1;
        let signs = PrivateKey::decode(changed.as_bytes()).and_then(|key| key.sign(0, b"m"));
        let first_part = place < 10 + 16 + 32 + 32;
        assert_eq!(signs.is_err(), first_part, "byte {place}");
    }
}

#[test]
fn two_keys_differ() {
    let made = || generate(&[(5, 1)]).unwrap();
    let (one, two) = (made(), made());
    assert_ne!(one.top.name, two.top.name);
    assert!(one.top.seed != two.top.seed);
}
