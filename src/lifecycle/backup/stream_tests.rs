//! What is written is read; what was changed is not.

use super::bytes::digest;
use super::entry::{Copy, Counts, Destroyed, Entry, LeftOut, Reason};
use super::error::{Error, Result};
use super::header::{Header, Set};
use super::recipient::{PublicHalf, Seed};
use super::share::SetId;
use super::stream::{Contents, Survey, Writer, survey};
use crate::crypto::edwards::{Curve, PrivateKey, Scheme};
use crate::secret::Secret;

fn header(signer: &PrivateKey) -> Header {
    Header {
        backup_id: [3; 16],
        token: [1; 16],
        serial: *b"0123456789abcdef",
        label: [b' '; 32],
        made: 1_900_000_000,
        generation: 7,
        signer: signer.public_point().try_into().unwrap(),
        recipients: Vec::new(),
    }
}

fn object(length: usize) -> Entry {
    let bytes = |seed: usize| Secret::new((0..length).map(|at| (at * 31 + seed) as u8).collect());
    Entry::Object(Copy { unauthenticated: length % 2 == 1, attributes: bytes(1), secrets: bytes(2) })
}

fn entries(lengths: &[usize]) -> Vec<Entry> {
    let (unique_id, label) = ("00000000-0000-4000-8000-000000000000".to_string(), "Schlüssel".to_string());
    let mut entries = vec![
        Entry::Destroyed(Destroyed { when: 5, unique_id: unique_id.clone(), label: label.clone() }),
        Entry::LeftOut(LeftOut { reason: Reason::Stateful, unique_id, label }),
    ];
    entries.extend(lengths.iter().map(|length| object(*length)));
    entries
}

fn write(keys: &[(PublicHalf, Option<Set>)], entries: &[Entry], signer: &PrivateKey) -> (Vec<u8>, Counts) {
    let (bytes, keys) = header(signer).seal(keys).unwrap();
    let mut writer = Writer::new(Vec::new(), &bytes, keys).unwrap();
    entries.iter().for_each(|entry| writer.entry(entry).unwrap());
    let sign = |message: &[u8]| {
        let mut signature = vec![0; 64];
        signer.sign(Scheme::Pure, message, &mut signature)?;
        Ok(signature)
    };
    writer.finish(sign).unwrap()
}

fn read(backup: &[u8], survey: &Survey, seed: &Seed) -> Result<Vec<Entry>> {
    let mut contents = Contents::open(backup, survey, seed)?;
    let mut entries = Vec::new();
    while let Some(entry) = contents.next_entry()? {
        entries.push(entry);
    }
    Ok(entries)
}

fn signer() -> PrivateKey {
    PrivateKey::generate(Curve::Ed25519).unwrap()
}

#[test]
fn what_is_written_is_read_by_every_key_whatever_its_length() {
    let (signer, seeds) = (signer(), [(); 2].map(|()| Seed::random().unwrap()));
    let set = Set { threshold: 2, count: 3, id: SetId([9; 16]) };
    let halves = [(seeds[0].public_half().unwrap(), Some(set)), (seeds[1].public_half().unwrap(), None)];
    for lengths in [&[][..], &[0], &[1, 2, 3], &[70_000, 5], &[32_000, 32_763, 32_763], &[400_000]] {
        let entries = entries(lengths);
        let (backup, counts) = write(&halves, &entries, &signer);
        assert_eq!(counts, Counts { objects: lengths.len() as u32, destroyed: 1, left_out: 1 });
        let survey = survey(&backup[..]).unwrap();
        assert_eq!(survey.length, backup.len() as u64);
        assert_eq!(survey.header.recipients[0].set, Some(set));
        for seed in &seeds {
            let mut read = read(&backup, &survey, seed).unwrap();
            assert_eq!(read.pop(), Some(Entry::End(counts)));
            assert_eq!(read, entries);
        }
        let error = read(&backup, &survey, &Seed::random().unwrap()).unwrap_err();
        assert!(matches!(&error, Error::Mismatch(_)), "{error}");
        assert!(error.to_string().contains("2 of the 3 shares of set 0909"), "{error}");
    }
}

#[test]
fn a_flipped_bit_or_a_cut_anywhere_is_refused_without_any_key() {
    let (signer, seed) = (signer(), Seed::random().unwrap());
    let (backup, _) = write(&[(seed.public_half().unwrap(), None)], &entries(&[3]), &signer);
    for bit in 0..backup.len() * 8 {
        let mut flipped = backup.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(survey(&flipped[..]).is_err(), "bit {bit}");
    }
    for length in 0..backup.len() {
        assert!(survey(&backup[..length]).is_err(), "{length} bytes");
    }
    assert!(survey(&[&backup[..], &[0]].concat()[..]).is_err());
}

/// Whoever signs anew can make a file that looks whole; only who has a key that opens it can make one that is.
#[test]
fn a_flipped_bit_is_refused_by_the_key_as_well() {
    let (signer, seed) = (signer(), Seed::random().unwrap());
    let (backup, _) = write(&[(seed.public_half().unwrap(), None)], &entries(&[3]), &signer);
    let sealed = survey(&backup[..]).unwrap();
    let signature = backup.len() - 64;
    for byte in 0..signature {
        let mut flipped = backup.clone();
        flipped[byte] ^= 1 << (byte % 8);
        let header_bytes = flipped[..sealed.header_bytes.len()].to_vec();
        let Ok(header) = Header::decode(&header_bytes) else { continue };
        let text = &flipped[header_bytes.len()..signature];
        let chunks = vec![digest(&[text]).unwrap()];
        let forged = Survey { header, header_bytes, chunks, length: sealed.length };
        assert!(read(&flipped, &forged, &seed).is_err(), "byte {byte}");
    }
}

/// A recipient has the key of the payload, and may own the medium that the backup is read from.
#[test]
fn what_a_recipient_seals_in_the_place_of_what_was_signed_is_refused() {
    let (signer, seed) = (signer(), Seed::random().unwrap());
    let (bytes, keys) = header(&signer).seal(&[(seed.public_half().unwrap(), None)]).unwrap();
    let payload_key = keys.payload.clone();
    let nobody = |_: &[u8]| Ok(vec![0; 64]);
    let sign = |message: &[u8]| {
        let mut signature = vec![0; 64];
        signer.sign(Scheme::Pure, message, &mut signature)?;
        Ok(signature)
    };
    let mut genuine = Writer::new(Vec::new(), &bytes, keys).unwrap();
    genuine.entry(&object(100)).unwrap();
    let (genuine, _) = genuine.finish(sign).unwrap();
    let survey = survey(&genuine[..]).unwrap();
    let keys = Header::decode(&bytes).unwrap().open(&bytes, &seed).unwrap();
    assert_eq!(keys.payload, payload_key);
    let mut other = Writer::new(Vec::new(), &bytes, keys).unwrap();
    other.entry(&object(101)).unwrap();
    let (other, _) = other.finish(nobody).unwrap();
    assert!(read(&genuine, &survey, &seed).is_ok());
    assert!(matches!(read(&other, &survey, &seed), Err(Error::Damaged(_))));
}

#[test]
fn chunks_cannot_be_swapped_left_out_or_taken_from_another_backup() {
    let (signer, seed) = (signer(), Seed::random().unwrap());
    let halves = [(seed.public_half().unwrap(), None)];
    let entries = entries(&[200_000]);
    let (one, _) = write(&halves, &entries, &signer);
    let (other, _) = write(&halves, &entries, &signer);
    let survey = survey(&one[..]).unwrap();
    let (start, chunk) = (survey.header_bytes.len(), 4 + (1 << 16) + 16);
    let chunks = |backup: &[u8]| [start, start + chunk].map(|at| backup[at..at + chunk].to_vec());
    let [first, second] = chunks(&one);
    let [foreign, _] = chunks(&other);
    let rest = &one[start + 2 * chunk..];
    for pieces in
        [[&second[..], &first, rest], [&first, &first, rest], [&first, &[], rest], [&foreign, &second, rest]]
    {
        let forged = [&one[..start], &pieces.concat()].concat();
        assert!(matches!(read(&forged, &survey, &seed), Err(Error::Damaged(_))));
    }
    assert!(matches!(read(&other, &survey, &seed), Err(Error::Damaged(_))));
}
