//! A token file of each released format version, which must open for ever, and a reader of the format that shares no code
//! with ours.

use std::process::Command;

use coffer_pkcs11::vault::{Change, Entry, Kdf, NewToken, Options, Put, SecretPart, Vault};

use super::*;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/token-v1.coffer");
const READER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/read_token.py");

/// What the golden file holds: `public` 2 and `private` 1 from before its compaction; 4 (changed once), 5 (public, with a
/// secret) and 3 (added without a login) from after it.
fn expected() -> Contents {
    let text = |what: &str, number: u8| format!("{what} {number}").into_bytes();
    let record = |number, metadata, secret| (id(number), text("tag", number), metadata, secret);
    vec![
        record(1, text("metadata", 1), Some(text("secret", 1))),
        record(2, text("metadata", 2), None),
        record(3, text("metadata", 3), None),
        record(4, b"changed metadata".to_vec(), Some(text("secret", 4))),
        record(5, text("metadata", 5), Some(text("secret", 5))),
    ]
}

/// Makes the file. Only to be run for a format version that has no golden file yet: an existing one is never replaced.
#[test]
#[ignore = "makes the golden file of a new format version"]
fn make_the_golden_file() {
    let (so_pin, kdf) = (secret(SO_PIN), Kdf::Pbkdf2Sha512 { iterations: 10_000 });
    let new = NewToken { kdf, ..new_token(&so_pin) };
    let vault = Vault::create(file(Path::new(PATH)), Options::default(), new).unwrap();
    let officer = vault.login(Entry::SecurityOfficer, &so_pin).unwrap();
    officer.set_entry(Entry::User, &secret(USER_PIN), kdf).unwrap();
    let unlocked = user(&vault);
    unlocked.commit(vec![Change::Add(private(1)), Change::Add(public(2)), Change::Add(private(9))]).unwrap();
    unlocked.commit(vec![Change::Delete(id(9))]).unwrap();
    unlocked.rotate_root().unwrap();
    add(&unlocked, private(4));
    vault.add_unauthenticated(vec![public(3)]).unwrap();
    let put = Put { metadata: b"changed metadata".to_vec(), secret: SecretPart::Keep, ..private(4) };
    unlocked.commit(vec![Change::Replace { put, expected: None }]).unwrap();
    add(&unlocked, Put { visibility: Visibility::Public, ..private(5) });
    unlocked.commit(vec![Change::Info(b"golden".to_vec())]).unwrap();
}

#[test]
fn the_golden_file_of_version_1_opens_for_ever() {
    let bytes = std::fs::read(PATH).unwrap();
    for (entry, pin) in [(Entry::User, USER_PIN), (Entry::SecurityOfficer, SO_PIN)] {
        // On a copy, because a login counts.
        let vault = Vault::open(memory(&bytes), Options::default()).unwrap();
        assert!(vault.notes().is_empty());
        assert_eq!(vault.info(), b"golden");
        let unlocked = vault.login(entry, &secret(pin)).unwrap();
        unlocked.verify(|_, _| {}).unwrap();
        assert_eq!(contents(&unlocked), expected());
        let marked: Vec<_> =
            vault.records().into_iter().filter(|record| !record.authenticated).map(|r| r.id).collect();
        assert_eq!(marked, [id(3)]);
    }
}

#[test]
fn a_reader_written_from_the_description_alone_reads_it_too() {
    let Ok(output) = Command::new("python3").args([READER, PATH, "2", "1234"]).output() else {
        eprintln!("skipped: there is no python3 to run the independent reader with");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(' ').collect()).collect();
    let expected = expected();
    assert_eq!(lines.len(), expected.len());
    for (line, (id, tag, metadata, secret)) in lines.iter().zip(&expected) {
        let secret = secret.as_ref().map_or("-".to_string(), hex::encode);
        assert_eq!(line[0], hex::encode(id.0));
        assert_eq!(line[2..5], [hex::encode(tag), hex::encode(metadata), secret]);
        assert_eq!(line.len() == 6, *id == super::id(3), "the mark");
    }
}
