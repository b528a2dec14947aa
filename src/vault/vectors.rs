//! The test vectors at the end of `docs/token-format.md`, computed from the same inputs.

use super::argon2id::Argon2Cost;
use super::event::{EventText, Tally};
use super::format::{Identity, Kind, Pointer};
use super::keys::{Keys, Realm, pin_key};
use super::pin::Counts;
use super::scan::Position;
use super::seal::{Key, seal_with_salt};
use super::transaction::Builder;
use super::types::{Kdf, Options};
use super::{chain, pin};
use crate::secret::Secret;

const DOCUMENT: &str = include_str!("../../docs/token-format.md");

fn counting<const N: usize>(first: u8) -> [u8; N] {
    std::array::from_fn(|index| first + index as u8)
}

/// The value of a line `name = hex` of the document.
fn documented(name: &str) -> &'static str {
    let value = |line: &'static str| line.strip_prefix(name)?.trim_start().strip_prefix("= ");
    DOCUMENT.lines().find_map(value).unwrap_or_else(|| panic!("no vector {name}"))
}

#[test]
fn the_test_vectors_of_the_format_description_are_right() {
    let instance = counting::<16>(0x10);
    let options = Options { minimum_iterations: 1000, ..Options::default() };
    let kdf = Kdf::Pbkdf2Sha512 { iterations: 1000 };
    let pin_key = pin_key(&Secret::copy_of(b"1234"), &counting(0), kdf, &options).unwrap();
    let joined = Realm { instance, separated: false };
    let keys = Keys::derive(Key::new(counting(0x20)), 1, joined);
    let separated = Keys::derive(Key::new(counting(0x20)), 1, Realm { separated: true, ..joined });
    let [index_key, mac_key, wrapping_key, event_key, ..] = keys.derived();
    let [_, separated_mac_key, _, separated_event_key, administration_key, pin_wrapping_key] =
        separated.derived();
    let key = Key::new(counting(0x40));
    let sealed = seal_with_salt(&key, &[b"coffer test v1"], b"attack at dawn", &counting(0x60));
    let identity = Identity {
        uuid: counting(0xa0),
        instance,
        allow_readonly_login: true,
        separated: false,
        pin_limit: 10,
    };
    let identity = identity.encode();
    let genesis = chain::genesis(&identity);
    let pointer = Pointer { generation: 5, length: 4096 }.encode(&instance);
    let counts = Counts::for_vector(3, vec![(2, 2)]);
    let mut builder = Builder::new(&Position { offset: 0, generation: 6, chain: genesis });
    builder.record(Kind::Info, 0, b"hello").unwrap();
    let transaction = builder.finish(1, Some(&keys)).unwrap().bytes;
    let (record, commit) = transaction.split_at(24 + 5 + 32);

    let event: [u8; 22] = std::array::from_fn(|index| if index < 16 { index as u8 } else { b'e' });
    let event = EventText::from_bytes(&event).unwrap();
    let tally = Tally { count: 4, head: counting(0x80) }.after(&event);

    let cost = Kdf::Argon2id(Argon2Cost { memory_mib: 19, passes: 2, lanes: 1 });
    // Work that is hard on memory takes Miri an hour; the vector of RFC 9106 it computes, too.
    let argon2_key = (!cfg!(miri))
        .then(|| super::keys::pin_key(&Secret::copy_of(b"1234"), &counting(0x40), cost, &options).unwrap());
    match &argon2_key {
        Some(key) => assert_eq!(documented("argon2-key"), hex::encode(**key)),
        None => println!("argon2-key is left out under Miri"),
    }

    let computed: [(&str, &[u8]); 17] = [
        ("pin-key", &*pin_key),
        ("index-key", &index_key),
        ("mac-key", &mac_key),
        ("wrapping-key", &wrapping_key),
        ("event-key", &event_key),
        ("administration-key", &administration_key),
        ("separated-mac-key", &separated_mac_key),
        ("pin-wrapping-key", &pin_wrapping_key),
        ("separated-event-key", &separated_event_key),
        ("event-head", &tally.head),
        ("sealed", &sealed),
        ("identity-end", &identity[480..]),
        ("genesis", &genesis),
        ("pointer", &pointer),
        ("counts-end", &counts.encode(&instance)[480..]),
        ("record", record),
        ("commit", commit),
    ];
    for (name, value) in computed {
        assert_eq!(documented(name), hex::encode(value), "{name}");
    }
    assert_eq!(pin::initial(&instance).len(), 1024);
}
