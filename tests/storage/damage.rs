//! Files that were cut at any byte, or in which any bit was flipped.

use std::sync::Arc;

use coffer_pkcs11::store::{Backend, MemoryBackend};
use coffer_pkcs11::vault::{Entry, Note, Vault, examine};

use super::frames::{self, ends, frames, mended, raw, without_pointers};
use super::history::{Edit, Operation, Process, next};
use super::model::{Item, Model, observe, open, options, pin};
use super::random::Random;
use super::{Losses, amount, full, seed};

/// The bytes of a token after so many random operations on one file (none that replaces it), and the model after each
/// transaction, the first one first.
pub fn grown(seed: u64, operations: usize) -> (Vec<u8>, Vec<Model>) {
    let mut random = Random::new(seed);
    let backend = Arc::new(MemoryBackend::new());
    let mut model = Model::new(b"so-pin", b"information");
    Process::create(backend.clone(), &model).unwrap();
    let generous = coffer_pkcs11::vault::Options { compact_above: u64::MAX, ..options() };
    let vault = Vault::open(backend.clone(), generous).unwrap();
    let officer = vault.login(Entry::SecurityOfficer, &pin(b"so-pin")).unwrap();
    let mut process = Process { vault, officer };
    let mut models = vec![model.clone()];
    while models.len() <= operations {
        let operation = match next(&model, &mut random) {
            // Later ones would compact the file.
            Operation::UserPinBySo(pin) if model.user_pin.is_none() => Operation::UserPinBySo(pin),
            operation @ (Operation::Commit(_) | Operation::AddUnauthenticated(..)) => operation,
            _ => continue,
        };
        process.run(&operation, &model).unwrap();
        model = operation.apply(&model);
        models.push(model.clone());
    }
    (backend.contents().unwrap(), models)
}

/// A small token with each kind of record: BASE, INFO, WRAP, PUT of all sorts, INDEX and COMMIT from a compaction,
/// then PUT, DEL, INFO, WRAP and an addition without keys.
pub fn each_kind() -> (Vec<u8>, Model) {
    let backend = Arc::new(MemoryBackend::new());
    let mut model = Model::new(b"so-pin", b"information");
    Process::create(backend.clone(), &model).unwrap();
    let mut process = Process::start(backend.clone(), &model).unwrap();
    let item = |private: bool, authenticated: bool| Item {
        private,
        authenticated,
        tag: vec![if private { 1 } else { 2 }; 8],
        metadata: vec![3; 12],
        secret: (private && authenticated).then(|| vec![4; 16]),
    };
    let operations = [
        Operation::Commit(vec![Edit::Add([1; 16], item(true, true)), Edit::Add([2; 16], item(false, true))]),
        Operation::AddUnauthenticated([3; 16], item(false, false)),
        Operation::Compact,
        Operation::UserPin(b"1234".to_vec()),
        Operation::Commit(vec![Edit::Add([4; 16], item(true, true)), Edit::Info(b"more".to_vec())]),
        Operation::Commit(vec![Edit::Delete([4; 16])]),
        Operation::Commit(vec![Edit::Replace([2; 16], item(false, true))]),
        Operation::AddUnauthenticated([5; 16], item(false, false)),
        Operation::Commit(vec![Edit::Add([6; 16], item(true, true))]),
    ];
    for operation in operations {
        process.run(&operation, &model).unwrap();
        model = operation.apply(&model);
    }
    (backend.contents().unwrap(), model)
}

/// Opens, logs in, reads everything and verifies. `Err` if any of it refuses; else what is there and what stands out.
/// Without `keys` it stops before the login: what is checked without them.
pub fn inspect(bytes: &[u8], so_pin: &[u8], keys: bool) -> Result<(Observed, Vec<Note>), String> {
    let text = |error: coffer_pkcs11::vault::Error| error.to_string();
    let vault = open(bytes).map_err(text)?;
    if !keys {
        return Ok((None, vault.notes()));
    }
    let officer = vault.login(Entry::SecurityOfficer, &pin(so_pin)).map_err(text)?;
    let items = observe(&officer).map_err(text)?;
    officer.verify(|_, _| {}).map_err(text)?;
    Ok((Some((items, vault.info())), vault.notes()))
}

/// Records and token information, where there were keys to read them.
pub type Observed = Option<(std::collections::BTreeMap<[u8; 16], Item>, Vec<u8>)>;

pub fn observed(model: &Model) -> Observed {
    Some((model.items.clone(), model.info.clone()))
}

#[test]
fn every_byte_prefix_recovers_to_the_last_whole_transaction() {
    let seed = seed();
    let operations = amount(40, 1000);
    let (bytes, models) = grown(seed, operations);
    let ends = ends(&bytes);
    assert_eq!(ends.len(), models.len());
    let mut losses = Losses::default();
    let (mut prefixes, mut compared) = (0, 0);
    let unpointed = without_pointers(&bytes);
    // With the commit pointers as they are, and as they were for a writer that died before storing one. A large
    // token is read whole for each prefix; the second kind is tried around the end of every transaction only.
    for (source, dense) in [(&bytes, true), (&unpointed, !full())] {
        for length in 0..=source.len() {
            let whole = ends.iter().take_while(|end| **end <= length).count();
            let near = ends.iter().any(|end| end.abs_diff(length) <= 2);
            if !dense && !near {
                continue;
            }
            prefixes += 1;
            match (examine(&source[..length]), whole) {
                (Err(_), 0) => {}
                (Ok((revision, notes)), 1..) => {
                    let torn = notes.contains(&Note::TornTail);
                    if revision.0 != whole as u64 || torn == ends.contains(&length) {
                        losses.report(format!("prefix of {length} bytes: revision {}", revision.0));
                    }
                }
                (result, _) => losses.report(format!("prefix of {length} bytes: {:?}", result.err())),
            }
            // What is in it is the model's: compared at the end of each transaction and just around it.
            if whole > 0 && near {
                compared += 1;
                match inspect(&source[..length], b"so-pin", true) {
                    Ok((found, _)) if found == observed(&models[whole - 1]) => {}
                    Ok(_) => losses.report(format!("prefix of {length} bytes: the records differ")),
                    Err(reason) => losses.report(format!("prefix of {length} bytes: {reason}")),
                }
            }
        }
    }
    println!(
        "prefix: seed {seed}, {operations} operations, {} bytes, {prefixes} prefixes, {compared} compared with the model, {} losses",
        bytes.len(),
        losses.count
    );
    losses.none();
    let mut sabotaged = Losses::default();
    for (number, end) in ends.iter().enumerate().skip(1) {
        // A model that lags by one transaction stands for a recovery that loses the last one.
        if inspect(&bytes[..*end], b"so-pin", true).ok().and_then(|found| found.0)
            != observed(&models[number - 1])
        {
            sabotaged.report(format!("transaction {number}"));
        }
    }
    sabotaged.some("a recovery that loses the last transaction");
}

/// Where a flip is not refused but reported: both areas are kept twice, because a crash may tear one place.
fn kept_twice(byte: usize) -> bool {
    matches!(byte, 512..576 | 1024..2048)
}

#[test]
fn every_flipped_bit_is_found_and_none_changes_what_is_read() {
    let (bytes, model) = each_kind();
    let kinds: std::collections::BTreeSet<u8> = frames(&bytes).iter().map(frames::Frame::kind).collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7]);
    let mut losses = Losses::default();
    let (mut refused, mut noted) = (0, 0);
    let mut doctored = bytes.clone();
    for bit in 0..bytes.len() * 8 {
        doctored[bit / 8] ^= 1 << (bit % 8);
        match inspect(&doctored, b"so-pin", true) {
            Err(_) if !kept_twice(bit / 8) => refused += 1,
            Ok((found, notes)) if kept_twice(bit / 8) && !notes.is_empty() && found == observed(&model) => {
                noted += 1;
            }
            Err(reason) => losses.report(format!("bit {bit} of a place that is kept twice: {reason}")),
            Ok(_) => losses.report(format!("bit {bit} was not found")),
        }
        doctored[bit / 8] ^= 1 << (bit % 8);
    }
    println!(
        "bits: {} bits flipped, {refused} refused, {noted} reported and made up for, {} losses",
        bytes.len() * 8,
        losses.count
    );
    losses.none();
}

/// Flips a bit of each record, in every body byte (a slice: some), and mends the chain behind it, as anyone can.
fn edited(bytes: &[u8], keys: bool) -> (usize, Losses) {
    let header = &bytes[..frames::HEADER];
    let all = frames(bytes);
    assert!(raw(header, &all) == bytes && mended(header, &all) == bytes, "the frames are understood");
    let (mut tried, mut losses) = (0, Losses::default());
    for (number, frame) in all.iter().enumerate() {
        let body = 24..frame.0.len() - 32;
        let flags = std::iter::once(5);
        for byte in flags.chain(body).filter(|byte| full() || byte % 3 == number % 3 || *byte == 5) {
            for bit in [0, 3, 7] {
                let mut doctored = all.clone();
                doctored[number].0[byte] ^= 1 << bit;
                let file = mended(header, &doctored);
                if file == bytes {
                    continue;
                }
                tried += 1;
                for file in [without_pointers(&file), file] {
                    // Without pointers an unreadable last transaction looks torn: it is left out, and that is told.
                    let result = inspect(&file, b"so-pin", keys);
                    if result.is_ok_and(|(_, notes)| !notes.contains(&Note::TornTail)) {
                        losses.report(format!("record {number} kind {}, byte {byte}", frame.kind()));
                    }
                }
            }
        }
    }
    (tried, losses)
}

#[test]
fn every_edited_record_with_a_mended_chain_is_found_with_the_keys() {
    let (bytes, _) = each_kind();
    let (tried, losses) = edited(&bytes, true);
    println!("edits: {tried} edits with the chain mended behind them, {} losses", losses.count);
    losses.none();
    edited(&bytes, false).1.some("the check of the authentication codes left out");
}

/// The commit pointers are advice. An attacker who computes their checksums can hide commits from those who already
/// have the file open, until somebody writes; nobody who opens it is told anything wrong.
#[test]
fn doctored_commit_pointers_change_nothing_that_is_read() {
    let (bytes, model) = each_kind();
    let instance = &bytes[32..48];
    for (generation, length) in
        [(1, 2048_u64), (2, 4096), (999, 2048), (999, bytes.len() as u64), (999, 1 << 40)]
    {
        let mut doctored = bytes.clone();
        for place in [512, 544] {
            doctored[place..place + 8].copy_from_slice(&u64::to_le_bytes(generation));
            doctored[place + 8..place + 16].copy_from_slice(&length.to_le_bytes());
            let sum = frames::sha256(&[b"coffer pointer v1", instance, &doctored[place..place + 16]]);
            doctored[place + 16..place + 32].copy_from_slice(&sum[..16]);
        }
        let (found, _) = inspect(&doctored, b"so-pin", true).unwrap();
        assert_eq!(found, observed(&model), "generation {generation}, length {length}");
        let backend = MemoryBackend::with_contents(doctored);
        assert!(backend.open().is_ok());
    }
}
