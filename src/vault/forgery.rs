//! Tests with an attacker who knows the format and repairs the keyless chain, but has no keys.

use std::sync::Arc;

use super::format::{
    FLAG_AUTHENTICATED, FLAG_UNAUTHENTICATED, HEADER_LENGTH, IDENTITY_LENGTH, Identity, Kind,
    POINTERS_LENGTH, POINTERS_OFFSET,
};
use super::record::{Base, Commit, Parts, encode_delete, encode_put};
use super::scan::{self, CommitSeal, Next, Position};
use super::source::Whole;
use super::transaction::Builder;
use super::*;
use crate::secret::Secret;
use crate::store::MemoryBackend;

const PIN: &[u8] = b"1234";

fn options() -> Options {
    Options { minimum_iterations: 1, ..Options::default() }
}

fn put(number: u8, visibility: Visibility) -> Put {
    let secret = match visibility {
        Visibility::Public => SecretPart::None,
        Visibility::Private => SecretPart::New(Secret::copy_of(b"secret")),
    };
    Put { id: RecordId([number; 16]), visibility, tag: vec![number], metadata: vec![number; 20], secret }
}

/// The contents of a file with a private record 1, a public one 2 and an unauthenticated one 3.
fn token() -> Vec<u8> {
    let backend = Arc::new(MemoryBackend::new());
    let pin = Secret::copy_of(PIN);
    let kdf = Kdf::Pbkdf2Sha512 { iterations: 1 };
    let new = NewToken {
        info: b"info".to_vec(),
        so_pin: &pin,
        kdf,
        allow_readonly_login: false,
        pin_limit: 10,
        separated: false,
    };
    let vault = Vault::create(backend.clone(), options(), new).unwrap();
    let unlocked = vault.login(Entry::SecurityOfficer, &pin).unwrap();
    unlocked.commit(vec![Change::Add(put(1, Visibility::Private))]).unwrap();
    unlocked.commit(vec![Change::Add(put(2, Visibility::Public))]).unwrap();
    vault.add_unauthenticated(vec![put(3, Visibility::Public)]).unwrap();
    backend.contents().unwrap()
}

fn login(bytes: &[u8]) -> Result<Unlocked, Error> {
    let vault = Vault::open(Arc::new(MemoryBackend::with_contents(bytes.to_vec())), options())?;
    vault.login(Entry::SecurityOfficer, &Secret::copy_of(PIN))
}

/// A transaction as the attacker reads it, with its COMMIT.
struct Read {
    records: Vec<Written>,
    after: Position,
}

fn transactions(bytes: &[u8]) -> Vec<Read> {
    let genesis = chain::genesis(bytes.first_chunk::<IDENTITY_LENGTH>().unwrap());
    let mut position = Position { offset: HEADER_LENGTH as u64, generation: 0, chain: genesis };
    let (mut found, mut generation) = (Vec::new(), None);
    let (mut source, mut marks) = (Whole { bytes, start: 0 }, Vec::new());
    while let Next::Transaction(next) = scan::next(&mut source, &position, generation, &mut marks).unwrap() {
        let written = |frame: scan::Frame<'_>| Written {
            kind: frame.head.kind,
            flags: frame.head.flags,
            body: frame.body.to_vec(),
        };
        let mut records: Vec<_> = next.records().map(written).collect();
        let CommitSeal { head, commit, .. } = &next.commit;
        records.push(Written { kind: Kind::Commit, flags: head.flags, body: commit.encode() });
        position = next.after;
        generation = Some(next.generation + 1);
        found.push(Read { records, after: next.after });
    }
    found
}

/// One record as the attacker writes it.
#[derive(Clone)]
struct Written {
    kind: Kind,
    flags: u8,
    body: Vec<u8>,
}

/// Writes the file anew with its records as edited, transaction by transaction, with a right keyless chain; the code of
/// each COMMIT is copied.
fn rewrite(bytes: &[u8], header: &[u8], mut edit: impl FnMut(usize, &mut Vec<Written>)) -> Vec<u8> {
    let mut file = header[..HEADER_LENGTH].to_vec();
    file[POINTERS_OFFSET..POINTERS_OFFSET + POINTERS_LENGTH].fill(0);
    let chain = chain::genesis(file.first_chunk::<IDENTITY_LENGTH>().unwrap());
    let mut position = Position { offset: HEADER_LENGTH as u64, generation: 0, chain };
    for (number, transaction) in transactions(bytes).into_iter().enumerate() {
        let Read { mut records, .. } = transaction;
        edit(number, &mut records);
        if records.is_empty() {
            continue;
        }
        append(&mut file, &mut position, &records);
    }
    file
}

/// Appends records, the last one being a COMMIT, whose count is set right.
fn append(file: &mut Vec<u8>, position: &mut Position, records: &[Written]) {
    let mut builder = Builder::new(position);
    for record in records {
        let mut body = record.body.clone();
        if record.kind == Kind::Commit {
            body[..4].copy_from_slice(&(records.len() as u32 - 1).to_le_bytes());
        }
        builder.record(record.kind, record.flags, &body).unwrap();
    }
    let (bytes, chain) = builder.abandon();
    file.extend_from_slice(&bytes);
    *position = Position { offset: file.len() as u64, generation: position.generation + 1, chain };
}

/// The file with one more transaction.
fn with(bytes: &[u8], authenticated: bool, records: &[Written]) -> Vec<u8> {
    let mut position = transactions(bytes).pop().unwrap().after;
    let mut records = records.to_vec();
    let commit = Commit { count: 0, root_version: 1, code: [u8::from(authenticated); 32] };
    let flags = if authenticated { FLAG_AUTHENTICATED } else { 0 };
    records.push(Written { kind: Kind::Commit, flags, body: commit.encode() });
    let mut file = bytes.to_vec();
    append(&mut file, &mut position, &records);
    file
}

fn public_put(id: u8, sequence: u64, replaces: u64, flags: u8) -> Written {
    let parts = Parts { tag: b"t", key: b"", metadata: b"m", secret: b"" };
    let body = encode_put(RecordId([id; 16]), sequence, replaces, parts).unwrap();
    Written { kind: Kind::Put, flags, body }
}

#[test]
fn the_attacker_can_copy_a_file_faithfully() {
    let bytes = token();
    login(&rewrite(&bytes, &bytes, |_, _| {})).unwrap().verify(|_, _| {}).unwrap();
}

#[test]
fn a_flipped_bit_with_a_repaired_chain_is_found_at_the_login() {
    let bytes = token();
    let last_authenticated = transactions(&bytes).len() - 2;
    let lengths: Vec<Vec<usize>> = transactions(&bytes)
        .iter()
        .map(|transaction| transaction.records.split_last().unwrap().1)
        .map(|records| records.iter().map(|record| record.body.len()).collect())
        .collect();
    for (number, bodies) in lengths.iter().enumerate().take(last_authenticated + 1) {
        for (record, length) in bodies.iter().enumerate() {
            for byte in (0..*length).step_by(if cfg!(miri) { 101 } else { 1 }) {
                let doctored = rewrite(&bytes, &bytes, |this, records| {
                    if this == number {
                        records[record].body[byte] ^= 0x40;
                    }
                });
                assert!(login(&doctored).is_err(), "transaction {number} record {record} byte {byte}");
            }
        }
    }
}

#[test]
fn a_transaction_left_out_or_an_edited_header_is_found_at_the_login() {
    let bytes = token();
    for left_out in 0..3 {
        let doctored = rewrite(&bytes, &bytes, |this, records| {
            if this == left_out {
                records.clear();
            }
        });
        assert!(login(&doctored).is_err(), "transaction {left_out}");
    }
    let mut identity = Identity::parse(&bytes).unwrap();
    identity.pin_limit = 255;
    let header = [&identity.encode()[..], &bytes[IDENTITY_LENGTH..HEADER_LENGTH]].concat();
    assert!(matches!(login(&rewrite(&bytes, &header, |_, _| {})).err(), Some(Error::Tampered { .. })));
}

#[test]
fn a_forged_authenticated_transaction_is_found_at_the_login() {
    let forged = with(
        &token(),
        true,
        &[Written { kind: Kind::Delete, flags: 0, body: encode_delete(RecordId([1; 16]), 1) }],
    );
    assert!(matches!(login(&forged).err(), Some(Error::Tampered { .. })));
}

#[test]
fn a_forgery_put_in_the_place_of_a_verified_file_is_found_by_who_is_logged_in() {
    let bytes = token();
    let backend = Arc::new(MemoryBackend::with_contents(bytes.clone()));
    let vault = Vault::open(backend.clone(), options()).unwrap();
    let unlocked = vault.login(Entry::SecurityOfficer, &Secret::copy_of(PIN)).unwrap();
    assert_eq!(unlocked.metadata(RecordId([2; 16])).unwrap(), [2; 20]);
    // Of the same generations, so that nothing looks older; only a public record differs.
    let forged = rewrite(&bytes, &bytes, |number, records| {
        if number == 2 {
            *records[0].body.last_mut().unwrap() = 0xff;
        }
    });
    let image = backend.open().unwrap();
    backend.replace(&*image, &forged).unwrap();
    let revision = vault.revision();
    let mark = format::Pointer::superseded(revision.0, &vault.view.read().state.identity.instance);
    crate::store::write_all(&*image, &mark, POINTERS_OFFSET as u64).unwrap();
    vault.refresh(revision).unwrap();
    assert!(matches!(unlocked.metadata(RecordId([2; 16])), Err(Error::Tampered { .. })));
    assert!(matches!(unlocked.records(), Err(Error::Tampered { .. })));
    assert!(matches!(unlocked.commit(vec![Change::Delete(RecordId([2; 16]))]), Err(Error::Tampered { .. })));
}

#[test]
fn changes_without_keys_are_damage_even_before_a_login() {
    let bytes = token();
    let delete = |id: u8, sequence| Written {
        kind: Kind::Delete,
        flags: 0,
        body: encode_delete(RecordId([id; 16]), sequence),
    };
    let plain = |kind, body: &[u8]| Written { kind, flags: 0, body: body.to_vec() };
    let wrap = transactions(&bytes)[0].records[2].body.to_vec();
    let base = Base { chain: [0; 32], generation: 0, next_sequence: 1, root_version: 1 }.encode();
    let private = transactions(&bytes)[1].records[0].body.to_vec();
    let foreign_private = Written {
        kind: Kind::Put,
        flags: format::FLAG_PRIVATE | FLAG_UNAUTHENTICATED,
        body: [&[9; 16][..], &4_u64.to_le_bytes(), &private[24..]].concat(),
    };
    let attempts: Vec<(&str, Vec<Written>)> = vec![
        ("a deletion", vec![delete(2, 2)]),
        ("a deletion of an addition", vec![delete(3, 3)]),
        ("a replacement", vec![public_put(2, 4, 2, FLAG_UNAUTHENTICATED)]),
        ("a replacement of an addition", vec![public_put(3, 4, 3, FLAG_UNAUTHENTICATED)]),
        ("an id used again", vec![public_put(2, 4, 0, FLAG_UNAUTHENTICATED)]),
        ("an addition without its mark", vec![public_put(9, 4, 0, 0)]),
        ("a private addition", vec![foreign_private]),
        ("an addition out of sequence", vec![public_put(9, 5, 0, FLAG_UNAUTHENTICATED)]),
        ("other information", vec![plain(Kind::Info, b"x")]),
        ("an entry", vec![plain(Kind::Wrap, &wrap)]),
        ("a second BASE", vec![plain(Kind::Base, &base)]),
        ("an INDEX", vec![plain(Kind::Index, b"x")]),
        ("nothing", vec![]),
    ];
    for (what, records) in attempts {
        let error = examine(&with(&bytes, false, &records)).err();
        assert!(matches!(error, Some(Error::Damaged { .. })), "{what}: {error:?}");
    }
    let addition = with(&bytes, false, &[public_put(9, 4, 0, FLAG_UNAUTHENTICATED)]);
    let unlocked = login(&addition).unwrap();
    assert!(!unlocked.record(RecordId([9; 16])).unwrap().unwrap().authenticated);
}

#[test]
fn a_record_moved_into_the_place_of_another_does_not_open() {
    // Even if the chain did not tell: the sealed parts are bound to their id.
    let bytes = token();
    let unlocked = login(&bytes).unwrap();
    let body = transactions(&bytes)[1].records[0].body.to_vec();
    let parts = PutHead::parse(&body, true).unwrap().parts(&body).unwrap();
    let keys = unlocked.keys().unwrap();
    assert!(keys.open_object_key(RecordId([1; 16]), parts.key).is_some());
    assert!(keys.open_object_key(RecordId([2; 16]), parts.key).is_none());
    assert!(keys.open_tag(RecordId([1; 16]), 1, parts.tag).is_some());
    assert!(keys.open_tag(RecordId([1; 16]), 2, parts.tag).is_none());
}
