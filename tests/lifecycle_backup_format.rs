//! Shares and backups of format version 1 open for ever, and somebody who has read docs/backup-format.md alone can open them.

mod common;

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Command;

use coffer_pkcs11::lifecycle::backup::{
    self, Choice, Contents, Entry, NewSet, Opened, Plan, Rules, Seed, Share,
};
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::session::Output;
use coffer_pkcs11::token::SlotId;

use coffer_pkcs11::ck::*;

use common::*;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/backup-v1").join(name)
}

fn share(name: &str) -> Opened {
    Share::from_text(&std::fs::read(golden(name)).unwrap()).unwrap().open(None).unwrap()
}

/// What the reader in Python says of a backup: the lines of its entries.
fn read_by_a_stranger(backup: &Path, shares: &[PathBuf]) -> Vec<String> {
    let reader = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/read_backup.py");
    let output =
        Command::new("python3").arg(reader).arg(backup).args(shares).output().expect("python3 is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().skip(2).map(str::to_owned).collect()
}

/// The same lines, as this version reads them.
fn read_here(backup: &[u8], seed: &Seed) -> Vec<String> {
    let survey = backup::survey(backup).unwrap();
    let mut contents = Contents::open(backup, &survey, seed).unwrap();
    let mut lines = Vec::new();
    while let Some(entry) = contents.next_entry().unwrap() {
        let encoded = entry.encode().unwrap();
        lines.push(format!("{} {}", encoded.as_bytes()[0], hex::encode(&encoded.as_bytes()[5..])));
        assert!(matches!(entry, Entry::Object(_) | Entry::Destroyed(_) | Entry::LeftOut(_) | Entry::End(_)));
    }
    lines
}

#[test]
fn the_golden_backup_opens_with_its_shares_and_its_recipient_and_its_key_signs_as_it_did() {
    let file = std::fs::read(golden("backup")).unwrap();
    let survey = backup::survey(&file[..]).unwrap();
    assert_eq!(survey.header.label_text(), "Golden");
    let quorum = backup::combine(&[share("share-1-Alice.txt"), share("share-3-Carol.txt")]).unwrap();
    let pem = std::fs::read_to_string(golden("recipient")).unwrap();
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let recipient = Seed::from_file(&openssl_base64(&base64), None).unwrap();
    for seed in [quorum, recipient] {
        let fixture = Fixture::new();
        let session = fixture.user_session();
        let token = fixture.module.token(SlotId(0)).unwrap();
        let rules = Rules { own: true, officer: true, resurrect: false, destroyed: Default::default() };
        let restored = backup::restore(&token, &mut Cursor::new(&file), &survey, &seed, &rules, |_| {})
            .unwrap()
            .restored;
        assert_eq!(
            restored.iter().map(|name| name.label.as_str()).collect::<Vec<_>>(),
            ["signer", "mac", "note"]
        );
        session.sign_init(CKM_SHA256_HMAC, &Params::None, find_label(&session, "mac")[0]).unwrap();
        let mut code = [0; 32];
        session.sign(b"data", &mut Output::buffer(&mut code)).unwrap();
        assert_eq!(hex::encode(code), "c79917678cc6880af4ecd3301997f73ea4bfe0e7f153c125d0d38d12b5b27856");
    }
}

/// The private key's file in PEM, decoded by somebody else.
fn openssl_base64(text: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("base64");
    std::fs::write(&path, format!("{text}\n")).unwrap();
    let output = Command::new("openssl").args(["base64", "-d", "-A", "-in"]).arg(&path).output().unwrap();
    assert!(output.status.success());
    output.stdout
}

#[test]
fn a_reader_written_from_the_page_alone_reads_the_golden_backup_and_one_of_now() {
    let shares = ["share-1-Alice.txt", "share-2-Bob.txt"];
    let seed = backup::combine(&shares.map(share)).unwrap();
    let lines = read_by_a_stranger(&golden("backup"), &shares.map(golden));
    assert_eq!(lines, read_here(&std::fs::read(golden("backup")).unwrap(), &seed));

    let fixture = Fixture::new();
    let session = fixture.user_session();
    // More than one chunk.
    let large = template(&[
        (CKA_CLASS, coffer_pkcs11::object::Value::Ulong(CKO_DATA)),
        (CKA_TOKEN, coffer_pkcs11::object::Value::Bool(true)),
        (CKA_VALUE, bytes(&vec![7; 100_000])),
    ]);
    session.create_object(&large).unwrap();
    let token = fixture.module.token(SlotId(0)).unwrap();
    let custodians = ["Alice", "Bob", "Carol", "Dave"].map(String::from);
    let set = NewSet::make(&token, 3, &custodians, 1_900_000_000).unwrap();
    set.keep(&token).unwrap();
    let keys = vec![backup::recovery_recipient(&backup::recovery_sets(&token).unwrap()).unwrap()];
    let plan = Plan { keys, choice: Choice::default(), destroyed: Vec::new(), now: 1_900_000_000 };
    let (file, _) = backup::write(&token, Vec::new(), &plan, |_, _| {}).unwrap();
    let path = fixture.folder.path().join("backup");
    std::fs::write(&path, &file).unwrap();
    let write = |opened: &Opened| {
        let path = fixture.folder.path().join(&opened.custodian);
        std::fs::write(&path, opened.keep(None).unwrap().to_text().unwrap().as_bytes()).unwrap();
        path
    };
    let paths: Vec<PathBuf> = set.shares[1..].iter().map(write).collect();
    let seed = backup::combine(&set.shares[..3]).unwrap();
    assert_eq!(read_by_a_stranger(&path, &paths), read_here(&file, &seed));
}
