//! The token file: header, records, recovery, failure counts, index.

use std::sync::Arc;

use coffer_pkcs11::store::{Backend, MemoryBackend};
use coffer_pkcs11::vault::fuzzing::{Written, index_has_one_encoding, repair_header, with_records};
use coffer_pkcs11::vault::{self, Entry, Options, Put, RecordId, SecretPart, Vault, Visibility};

use crate::input::{Input, piece};
use crate::targets::Target;

const GOLDEN: &[u8] = include_bytes!("../../tests/golden/token-v1.coffer");
const HEADER: usize = 2048;
/// Where the failure counts begin, which end with the header.
const COUNTS: usize = 1024;

pub fn targets() -> Vec<Target> {
    vec![
        Target { name: "file", run: file, seeds: || vec![GOLDEN.to_vec(), GOLDEN[..HEADER].to_vec()] },
        Target { name: "header", run: header, seeds: || vec![GOLDEN[..HEADER].to_vec()] },
        Target { name: "first_transaction", run: first_transaction, seeds: || vec![golden_records(true)] },
        Target { name: "records", run: records, seeds: || vec![golden_records(false), added_records()] },
        Target { name: "recovery", run: recovery, seeds: || vec![vec![], vec![0, 1, 0, 4], vec![1; 30]] },
        Target {
            name: "failure_counts",
            run: failure_counts,
            seeds: || vec![GOLDEN[COUNTS..HEADER].to_vec()],
        },
        Target { name: "index", run: index, seeds: || vec![vec![0; 8], one_entry()] },
    ]
}

fn file(data: &[u8]) -> bool {
    vault::examine(data).is_ok()
}

/// The golden file with another header, whose checksums are right.
fn header(data: &[u8]) -> bool {
    let mut bytes = GOLDEN.to_vec();
    bytes.iter_mut().zip(data.iter().take(HEADER)).for_each(|(to, from)| *to = *from);
    repair_header(&mut bytes);
    examine_and_use(bytes)
}

fn first_transaction(data: &[u8]) -> bool {
    let bytes = with_records(&header_without_pointers(), &parse(data));
    bytes.is_ok_and(examine_and_use)
}

fn records(data: &[u8]) -> bool {
    let bytes = with_records(GOLDEN, &parse(data));
    bytes.is_ok_and(|bytes| bytes.len() > GOLDEN.len() && examine_and_use(bytes))
}

/// The golden file after random edits: cut, flipped, copied within, with other commit pointers.
fn recovery(data: &[u8]) -> bool {
    let mut input = Input::new(data);
    let mut bytes = GOLDEN.to_vec();
    while !input.is_empty() && !bytes.is_empty() {
        let length = bytes.len();
        let (edit, at) = (input.byte(), input.below(length));
        match edit % 6 {
            0 => bytes.truncate(at + 1),
            1 => bytes[at] ^= 1 << input.below(8),
            2 => {
                let piece = bytes[at..length.min(at + input.below(1024))].to_vec();
                bytes.extend_from_slice(&piece);
            }
            3 => drop(bytes.drain(at..length.min(at + input.below(1024)))),
            4 => bytes.extend_from_slice(input.piece()),
            _ => {
                let pointers: [u8; 32] = input.array();
                bytes.iter_mut().skip(512 + 32 * (at % 2)).zip(pointers).for_each(|(to, from)| *to = from);
                repair_header(&mut bytes);
            }
        }
        if bytes.len() > 1 << 17 {
            break;
        }
    }
    examine_and_use(bytes)
}

fn failure_counts(data: &[u8]) -> bool {
    let mut bytes = GOLDEN.to_vec();
    bytes.iter_mut().skip(COUNTS).zip(data.iter().take(HEADER - COUNTS)).for_each(|(to, from)| *to = *from);
    repair_header(&mut bytes);
    let Ok(vault) = open(bytes) else { return false };
    [Entry::SecurityOfficer, Entry::User, Entry::Other(7)].map(|entry| vault.pin_state(entry).is_ok())[0]
}

fn index(data: &[u8]) -> bool {
    let one_encoding = index_has_one_encoding(data);
    assert_ne!(one_encoding, Some(false), "an INDEX has two encodings");
    one_encoding.is_some()
}

fn open(bytes: Vec<u8>) -> Result<Arc<Vault>, vault::Error> {
    let backend: Arc<dyn Backend> = Arc::new(MemoryBackend::with_contents(bytes));
    Vault::open(backend, Options::default())
}

/// What recovery accepts must open, must answer questions and must take the next commit, after which it is still
/// accepted.
fn examine_and_use(bytes: Vec<u8>) -> bool {
    if vault::examine(&bytes).is_err() {
        return false;
    }
    let backend = Arc::new(MemoryBackend::with_contents(bytes));
    let vault = Vault::open(backend.clone(), Options::default()).expect("what recovery accepts opens");
    let records = vault.records();
    for record in &records {
        let metadata = vault.metadata(record.id);
        assert_eq!(metadata.is_ok(), record.visibility == Visibility::Public, "{metadata:?}");
    }
    let put = Put {
        id: RecordId([0xf2; 16]),
        visibility: Visibility::Public,
        tag: b"tag".to_vec(),
        metadata: b"metadata".to_vec(),
        secret: SecretPart::None,
    };
    if let Ok(revision) = vault.add_unauthenticated(vec![put]) {
        let (after, _) = vault::examine(&backend.contents().unwrap()).expect("the next commit is accepted");
        assert_eq!(after, revision);
        assert_eq!(vault.records().len(), records.len() + 1);
    }
    true
}

fn header_without_pointers() -> Vec<u8> {
    let mut header = GOLDEN[..HEADER].to_vec();
    header[512..576].fill(0);
    header
}

fn parse(data: &[u8]) -> Vec<Written<'_>> {
    let mut input = Input::new(data);
    let mut records = Vec::new();
    while !input.is_empty() {
        records.push(Written { kind: input.byte(), flags: input.byte(), body: input.piece() });
    }
    records
}

fn record(kind: u8, flags: u8, body: &[u8]) -> Vec<u8> {
    [&[kind % 7, flags][..], &piece(body)].concat()
}

/// The records of the golden file as `parse` reads them: those of the first transaction, or those behind it.
fn golden_records(first: bool) -> Vec<u8> {
    let mut seed = Vec::new();
    let (mut at, mut in_first) = (HEADER, true);
    while let Some(head) = GOLDEN.get(at..at + 24) {
        let length = u32::from_le_bytes([head[8], head[9], head[10], head[11]]) as usize;
        if in_first == first {
            seed.extend(record(head[4], head[5], &GOLDEN[at + 24..at + 24 + length]));
        }
        in_first &= head[4] != 7;
        at += 24 + length + 32;
    }
    seed
}

/// A public record and its COMMIT, as somebody without the keys adds them.
fn added_records() -> Vec<u8> {
    let mut put = vec![9; 16];
    put.extend([100, 0, 0, 0, 0, 0, 0, 0]);
    put.extend([0; 8]);
    put.extend([1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    put.extend(b"tm");
    [record(2, 2, &put), record(7, 0, &[])].concat()
}

fn one_entry() -> Vec<u8> {
    let entry =
        [&[0xaa; 16][..], &[2, 0, 0, 0, 0, 0, 0, 0], &[3, 0, 0, 0, 0, 0, 0, 0], &[2, 0, 0, 0, 0, 0, 0, 0]];
    [&[1, 0, 0, 0, 0, 0, 0, 0][..], &entry.concat(), b"ab"].concat()
}
