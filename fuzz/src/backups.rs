//! What custodians type, and what comes from wherever backups were kept: shares, backups, recipients' keys.

use coffer_pkcs11::crypto::digest::Hash;
use coffer_pkcs11::lifecycle::backup::{Entry, Header, PublicHalf, Seed, Share, survey};

use crate::targets::Target;

const SHARE: &[u8] = include_bytes!("../../tests/golden/backup-v1/share-1-Alice.txt");
const BACKUP: &[u8] = include_bytes!("../../tests/golden/backup-v1/backup");

pub fn targets() -> Vec<Target> {
    vec![
        Target { name: "recovery_share", run: share, seeds: || vec![body()] },
        Target { name: "recovery_share_text", run: share_text, seeds: || vec![SHARE.to_vec()] },
        Target { name: "backup_file", run: backup_file, seeds: || vec![BACKUP.to_vec()] },
        Target { name: "backup_header", run: header, seeds: || vec![BACKUP[..header_length()].to_vec()] },
        Target { name: "backup_entry", run: entry, seeds: entries },
        Target { name: "recipient_key", run: recipient, seeds: recipients },
    ]
}

/// The body of a share without its checksum.
fn body() -> Vec<u8> {
    let body = Share::from_text(SHARE).expect("a good share").encode().expect("what was decoded is encoded");
    body.as_bytes()[..body.len() - 4].to_vec()
}

fn header_length() -> usize {
    u32::from_le_bytes(BACKUP[12..16].try_into().expect("four bytes")) as usize
}

/// A body with the right checksum, so that what is behind it is reached.
fn share(data: &[u8]) -> bool {
    let checksum = Hash::Sha256.digest(data).expect("a digest");
    let Ok(share) = Share::decode(&[data, &checksum.as_bytes()[..4]].concat()) else { return false };
    let text = share.to_text().expect("what was decoded is encoded");
    assert_eq!(Share::from_text(text.as_bytes()).expect("what was written is read"), share);
    // A closed one costs as much as it says.
    if !share.is_closed() {
        let _ = share.open(None);
    }
    true
}

fn share_text(data: &[u8]) -> bool {
    let Ok(share) = Share::from_text(data) else { return false };
    let text = share.to_text().expect("what was decoded is encoded");
    assert_eq!(Share::from_text(text.as_bytes()).expect("what was written is read"), share);
    true
}

fn backup_file(data: &[u8]) -> bool {
    survey(data).is_ok_and(|survey| survey.length == data.len() as u64)
}

fn header(data: &[u8]) -> bool {
    Header::decode(data).is_ok_and(|header| !header.opens_with("why").is_empty())
}

fn entry(data: &[u8]) -> bool {
    let Some((kind, body)) = data.split_first() else { return false };
    let Ok(entry) = Entry::decode(*kind, body) else { return false };
    assert_eq!(&entry.encode().expect("what was decoded is encoded").as_bytes()[5..], body);
    true
}

fn entries() -> Vec<Vec<u8>> {
    vec![
        [&[1, 0, 2, 0, 0, 0][..], b"attributes"].concat(),
        [&[2, 0, 0, 0, 0, 0, 0, 0, 0, 2][..], b"idlabel"].concat(),
        [&[3, 1, 2][..], b"idlabel"].concat(),
        vec![4, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ]
}

fn recipient(data: &[u8]) -> bool {
    let half = PublicHalf::new(data).is_ok_and(|half| half.key_id().is_ok());
    half || Seed::is_closed(data).is_ok_and(|closed| closed || Seed::from_file(data, None).is_ok())
}

fn recipients() -> Vec<Vec<u8>> {
    let seed = Seed::random().expect("random numbers");
    let half = seed.public_half().expect("a public half");
    vec![half.as_bytes().to_vec(), seed.to_file(None).expect("a key file").as_bytes().to_vec()]
}
