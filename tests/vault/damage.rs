//! Files that were torn, damaged, edited, spliced or put back.

use coffer_pkcs11::vault::{Change, Entry, Error, Note, Options, Vault, examine};

use super::*;

/// Opens, logs in and verifies a file. `Err` if any of it refuses; otherwise what it holds and what stands out.
fn inspect(bytes: &[u8]) -> Result<(Contents, Vec<Note>), Error> {
    let vault = Vault::open(memory(bytes), options())?;
    let unlocked = vault.login(Entry::User, &secret(USER_PIN))?;
    unlocked.records()?;
    Ok((contents(&unlocked), vault.notes()))
}

/// Where the transactions of a file end, the last one first, found by removing bytes from the end.
fn ends(bytes: &[u8]) -> Vec<usize> {
    let committed =
        |length: &usize| examine(&bytes[..*length]).is_ok_and(|(_, notes)| !notes.contains(&Note::TornTail));
    (0..=bytes.len()).rev().filter(committed).collect()
}

/// The file without its commit pointers, as if its last writer had been interrupted before storing one.
fn without_pointers(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[512..576].fill(0);
    bytes
}

#[test]
fn every_byte_prefix_recovers_to_a_committed_state() {
    let bytes = small_token();
    let ends = ends(&bytes);
    assert_eq!(ends.len(), 8, "initialisation, user PIN and six transactions");
    let states: Vec<_> = ends.iter().map(|end| examine(&bytes[..*end]).unwrap().0).collect();
    for source in [bytes.clone(), without_pointers(&bytes)] {
        for length in *ends.last().unwrap()..=source.len() {
            let found = examine(&source[..length]).unwrap_or_else(|error| panic!("{length}: {error}"));
            let expected = ends.iter().position(|end| *end <= length).unwrap();
            assert_eq!(found.0, states[expected], "length {length}");
            let torn = found.1.contains(&Note::TornTail);
            assert_eq!(torn, !ends.contains(&length), "length {length}");
        }
    }
    for length in 0..*ends.last().unwrap() {
        assert!(examine(&bytes[..length]).is_err(), "length {length}");
    }
}

#[test]
fn a_torn_end_is_cut_off_by_the_next_commit() {
    let bytes = without_pointers(&small_token());
    let ends = ends(&bytes);
    for cut in [1, 30, 33, 60, 100] {
        let backend = memory(&bytes[..ends[0] - cut]);
        let vault = open(backend.clone());
        assert_eq!(vault.notes(), [Note::TornTail]);
        let unlocked = user(&vault);
        assert!(unlocked.record(id(4)).unwrap().is_some(), "its deletion was torn");
        add(&unlocked, private(9));
        assert!(vault.notes().is_empty());
        let again = user(&open(backend));
        again.verify(|_, _| {}).unwrap();
        assert_eq!(contents(&again).len(), 5);
    }
}

#[test]
fn one_flipped_bit_anywhere_is_found() {
    let bytes = small_token();
    let (expected, notes) = inspect(&bytes).unwrap();
    assert!(notes.is_empty());
    let mut doctored = bytes.clone();
    for bit in 0..bytes.len() * 8 {
        doctored[bit / 8] ^= 1 << (bit % 8);
        // Outside the fixed areas it is refused. The commit pointers (512..576) and the failure counts (1024..2048) are
        // kept twice, because a crash may tear one: a flip there is reported, and what it holds comes from the other.
        let fixed_area = matches!(bit / 8, 512..576 | 1024..2048);
        match inspect(&doctored) {
            Err(_) => assert!(!fixed_area, "bit {bit}"),
            Ok((found, notes)) => {
                assert!(fixed_area && !notes.is_empty(), "bit {bit} was not found");
                assert_eq!(found, expected, "bit {bit}");
            }
        }
        doctored[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn a_flip_is_found_at_opening_or_login_and_never_changes_a_record() {
    // Without pointers the last transaction may be taken for torn, which loses it as a whole and nothing else.
    let bytes = without_pointers(&small_token());
    let ends = ends(&bytes);
    let expected = inspect(&bytes).unwrap().0;
    let before = inspect(&bytes[..ends[1]]).unwrap().0;
    let mut doctored = bytes.clone();
    for bit in 2048 * 8..bytes.len() * 8 {
        doctored[bit / 8] ^= 1 << (bit % 8);
        match inspect(&doctored) {
            Err(_) => {}
            Ok((found, notes)) => {
                assert!(bit / 8 >= ends[1] && notes == [Note::TornTail], "bit {bit}");
                assert_eq!(found, before, "bit {bit}");
                assert_ne!(found, expected);
            }
        }
        doctored[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn transactions_that_are_swapped_deleted_duplicated_or_replayed_are_found() {
    let bytes = small_token();
    let mut ends = ends(&bytes);
    ends.reverse();
    let pieces: Vec<&[u8]> = ends.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
    let file = |pieces: &[&[u8]]| [&bytes[..ends[0]], &pieces.concat()].concat();
    let expected = inspect(&bytes).unwrap().0;
    let states: Vec<_> =
        (0..=pieces.len()).map(|count| inspect(&bytes[..ends[count]]).map(|found| found.0)).collect();
    // The file with and without its commit pointers; what is accepted must be a state that was committed.
    let check = |what: &str, doctored: Vec<u8>| {
        for doctored in [doctored.clone(), without_pointers(&doctored)] {
            if let Ok((found, _)) = inspect(&doctored) {
                assert!(states.contains(&Ok(found)), "{what} was accepted");
            }
        }
    };
    assert_eq!(inspect(&file(&pieces)).unwrap().0, expected);
    for one in 0..pieces.len() {
        let mut deleted = pieces.clone();
        deleted.remove(one);
        check(&format!("deletion of {one}"), file(&deleted));
        for two in 0..pieces.len() {
            let (mut swapped, mut repeated) = (pieces.clone(), pieces.clone());
            swapped.swap(one, two);
            if one != two {
                check(&format!("swap of {one} and {two}"), file(&swapped));
            }
            repeated.insert(two, pieces[one]);
            check(&format!("replay of {one} at {two}"), file(&repeated));
        }
        let mut appended = pieces.clone();
        appended.push(pieces[one]);
        check(&format!("replay of {one} at the end"), file(&appended));
    }
}

#[test]
fn transactions_of_another_token_with_the_same_pins_are_refused() {
    let (bytes, foreign) = (small_token(), small_token());
    let (mut ends, mut foreign_ends) = (ends(&bytes), ends(&foreign));
    ends.reverse();
    foreign_ends.reverse();
    for (place, piece) in (0..ends.len()).flat_map(|a| (1..foreign_ends.len()).map(move |b| (a, b))) {
        let spliced =
            [&bytes[..ends[place]], &foreign[foreign_ends[piece - 1]..foreign_ends[piece]]].concat();
        let expected = inspect(&bytes[..ends[place]]).map(|found| found.0);
        for spliced in [spliced.clone(), without_pointers(&spliced)] {
            if let Ok((found, notes)) = inspect(&spliced) {
                assert_eq!(Ok(found), expected, "{piece} at {place}");
                assert!(notes.contains(&Note::TornTail));
            }
        }
    }
    // Nor does the header of one fit the records of the other.
    assert!(inspect(&[&bytes[..2048], &foreign[2048..]].concat()).is_err());
}

#[test]
fn a_file_that_became_shorter_or_older_is_noticed_by_who_knew_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.coffer");
    let vault = token(file(&path));
    let unlocked = user(&vault);
    add(&unlocked, private(1));
    let old = std::fs::read(&path).unwrap();
    add(&unlocked, private(2));
    let newest = std::fs::read(&path).unwrap();
    // In the same file.
    std::fs::write(&path, &old).unwrap();
    assert!(matches!(unlocked.commit(vec![Change::Add(private(3))]), Err(Error::Damaged { .. })));
    std::fs::write(&path, &newest).unwrap();
    unlocked.commit(vec![Change::Add(private(3))]).unwrap();
    // As another file under the name.
    let other = folder.path().join("old");
    std::fs::write(&other, &old).unwrap();
    std::fs::rename(&other, &path).unwrap();
    assert!(matches!(unlocked.commit(vec![Change::Add(private(4))]), Err(Error::Damaged { .. })));
    // A process that did not know sees a token of an earlier time.
    assert_eq!(contents(&user(&open(file(&path)))).len(), 1);
}

#[test]
fn a_missing_end_is_reported() {
    let bytes = small_token();
    let ends = ends(&bytes);
    let (_, notes) = examine(&bytes[..ends[1]]).unwrap();
    assert_eq!(notes, [Note::RolledBack]);
}

#[test]
fn files_that_are_no_tokens_are_told_apart() {
    let error = |bytes: &[u8]| Vault::open(memory(bytes), Options::default()).err().unwrap();
    assert_eq!(error(b""), Error::Empty);
    assert_eq!(error(b"-----BEGIN CERTIFICATE-----"), Error::NotOurs);
    assert_eq!(error(&[0; 5000]), Error::NotOurs);
    let mut newer = small_token();
    newer[8] = 2;
    assert_eq!(error(&newer), Error::Version(2));
    assert!(matches!(error(&newer[..7]), Error::Damaged { .. }));
    let missing = Vault::open(Arc::new(MemoryBackend::new()), options()).err().unwrap();
    assert_eq!(missing, Error::Store(coffer_pkcs11::store::Error::NotFound));
}
