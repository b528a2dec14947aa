//! What the fuzzer needs to get behind the checksums: it sets them right, as an attacker without keys can. Built with
//! `--cfg fuzzing` only (`fuzz/`).

use super::chain::{genesis, sha256};
use super::format::{
    HEADER_LENGTH, IDENTITY_LENGTH, Kind, PIN_STATE_LENGTH, PIN_STATE_OFFSET, POINTER_LENGTH,
    POINTERS_LENGTH, POINTERS_OFFSET,
};
use super::record::{Base, Commit};
use super::recover::recover;
use super::scan::Position;
use super::transaction::Builder;
use super::{Error, encoding};
use crate::secret::Secret;

/// One record as the fuzzer wants it.
pub struct Written<'a> {
    /// Stands for one of the kinds, whatever it is. A COMMIT ends its transaction.
    pub kind: u8,
    pub flags: u8,
    /// Not looked at for a COMMIT.
    pub body: &'a [u8],
}

// The order of the kinds before EVENT is that of the corpus.
const KINDS: [Kind; 9] = [
    Kind::Commit,
    Kind::Base,
    Kind::Put,
    Kind::Delete,
    Kind::Info,
    Kind::Wrap,
    Kind::Index,
    Kind::Event,
    Kind::Tally,
];

/// Sets all checksums of a header right.
pub fn repair_header(file: &mut [u8]) {
    let instance: [u8; 16] = file.get(32..48).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
    repair(file, 0, IDENTITY_LENGTH, 32, &[]);
    for place in 0..POINTERS_LENGTH / POINTER_LENGTH {
        let at = POINTERS_OFFSET + place * POINTER_LENGTH;
        repair(file, at, POINTER_LENGTH, 16, &[b"coffer pointer v1", &instance]);
    }
    for place in 0..2 {
        let at = PIN_STATE_OFFSET + place * PIN_STATE_LENGTH;
        repair(file, at, PIN_STATE_LENGTH, 32, &[b"coffer pin state v1", &instance]);
    }
}

/// Puts the checksum over `before` and the place at its end, where it has `sum` bytes.
fn repair(file: &mut [u8], at: usize, length: usize, sum: usize, before: &[&[u8]]) {
    let Some(place) = file.get_mut(at..at + length) else { return };
    let Some((checked, check)) = place.split_at_mut_checked(length - sum) else { return };
    let digest = sha256(&[before, &[&*checked]].concat());
    check.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
}

/// The file `start` with these records behind it under a right keyless chain. Where `start` holds no more than a
/// header, the records are its first transaction.
pub fn with_records(start: &[u8], records: &[Written<'_>]) -> Result<Vec<u8>, Error> {
    let mut file = start.to_vec();
    let (mut position, root_version) = match start.first_chunk::<IDENTITY_LENGTH>() {
        Some(block) if start.len() == HEADER_LENGTH => {
            let base = records.first().and_then(|first| Base::parse(first.body));
            let (generation, root_version) = base.map_or((0, 1), |base| (base.generation, base.root_version));
            let generation = generation.min(u64::MAX >> 1);
            (Position { offset: HEADER_LENGTH as u64, generation, chain: genesis(block) }, root_version)
        }
        _ => {
            let state = recover(start)?.state;
            (state.position, state.base.root_version)
        }
    };
    let mut builder = Builder::new(&position);
    let mut count = 0;
    for written in records {
        let kind = KINDS.get(usize::from(written.kind) % KINDS.len()).copied().unwrap_or(Kind::Commit);
        if kind != Kind::Commit {
            builder.record(kind, written.flags, written.body)?;
            count += 1;
            continue;
        }
        let commit = Commit { count, root_version, code: [0; 32] };
        builder.record(kind, written.flags, &commit.encode())?;
        let (bytes, chain) = builder.abandon();
        file.extend_from_slice(&bytes);
        position = Position { offset: file.len() as u64, generation: position.generation + 1, chain };
        (builder, count) = (Builder::new(&position), 0);
    }
    file.extend_from_slice(&builder.abandon().0);
    Ok(file)
}

/// Decodes the plaintext of an INDEX; `None` if it is none, else whether it is what encoding makes of it again.
pub fn index_has_one_encoding(plaintext: &[u8]) -> Option<bool> {
    let (plaintext, mut entries) = (Secret::copy_of(plaintext), Vec::new());
    encoding::decode_index(&plaintext, |entry| entries.push(entry))?;
    let encoded = encoding::encode_index(&entries).ok()?;
    Some(encoded == plaintext)
}
