//! The records of a token file, found as `docs/token-format.md` describes them, and files put together from records.
//!
//! An attacker without the keys can compute the keyless chain, so doctored files come in two kinds: as they are, and
//! *mended*, with generations, places and chain values put right. Against the mended ones only the keys help.

use sha2::{Digest, Sha256};

pub const HEADER: usize = 2048;
const HEAD: usize = 24;
const CHAIN: usize = 32;
pub const COMMIT: u8 = 7;

/// One record: 24 bytes of head, body, chain value.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame(pub Vec<u8>);

impl Frame {
    pub fn kind(&self) -> u8 {
        self.0[4]
    }

    /// COMMIT: carries an authentication code.
    pub fn authenticated(&self) -> bool {
        self.0[5] & 1 != 0
    }
}

pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

/// The records of a sound file.
pub fn frames(file: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut at = HEADER;
    while at < file.len() {
        let body = u32::from_le_bytes(file[at + 8..at + 12].try_into().unwrap()) as usize;
        let end = at + HEAD + body + CHAIN;
        frames.push(Frame(file[at..end].to_vec()));
        at = end;
    }
    frames
}

/// A file of these records as they are.
pub fn raw(header: &[u8], frames: &[Frame]) -> Vec<u8> {
    let mut file = header[..HEADER].to_vec();
    frames.iter().for_each(|frame| file.extend_from_slice(&frame.0));
    file
}

/// A file of these records with everything put right that needs no key: generations, places, the counts of COMMIT,
/// chain values.
pub fn mended(header: &[u8], frames: &[Frame]) -> Vec<u8> {
    let mut file = header[..HEADER].to_vec();
    let mut chain = sha256(&[b"coffer chain v1", &header[..512]]);
    let (mut index, mut generation) = (0_u32, None);
    for frame in frames {
        let mut bytes = frame.0.clone();
        let number = *generation.get_or_insert_with(|| u64::from_le_bytes(bytes[16..24].try_into().unwrap()));
        bytes[12..16].copy_from_slice(&index.to_le_bytes());
        bytes[16..24].copy_from_slice(&number.to_le_bytes());
        if bytes[4] == COMMIT {
            bytes[HEAD..HEAD + 4].copy_from_slice(&index.to_le_bytes());
        }
        let end = bytes.len() - CHAIN;
        chain = sha256(&[&chain, &sha256(&[&bytes[..end]])]);
        bytes[end..].copy_from_slice(&chain);
        file.extend_from_slice(&bytes);
        index += 1;
        if bytes[4] == COMMIT {
            index = 0;
            generation = Some(number + 1);
        }
    }
    file
}

/// The file without its commit pointers, as if its last writer had been interrupted before storing one.
pub fn without_pointers(file: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    file[512..576].fill(0);
    file
}

/// Where each transaction of a sound file ends, the first one first.
pub fn ends(file: &[u8]) -> Vec<usize> {
    let mut at = HEADER;
    let mut ends = Vec::new();
    for frame in frames(file) {
        at += frame.0.len();
        if frame.kind() == COMMIT {
            ends.push(at);
        }
    }
    ends
}
