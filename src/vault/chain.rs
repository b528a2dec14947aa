//! The keyless chain: SHA-256 over everything in the file, record by record.
//!
//! Anyone can extend it. It decides whether a record is whole and in its place, with or without a login; who wrote it is
//! told by the authentication code of a COMMIT, which covers the chain.

use sha2::{Digest, Sha256};

use super::format::IDENTITY_LENGTH;

/// A value of the chain, or the digest of one record.
pub(super) type Hash = [u8; 32];

/// SHA-256 over the concatenation of the parts.
pub(super) fn sha256(parts: &[&[u8]]) -> Hash {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// The value before the first record, which binds the identity block of the header.
pub(super) fn genesis(identity: &[u8; IDENTITY_LENGTH]) -> Hash {
    sha256(&[b"coffer chain v1", identity])
}

/// The digest of one record: of its head and body.
pub(super) fn digest(head_and_body: &[u8]) -> Hash {
    sha256(&[head_and_body])
}

/// The value after a record.
pub(super) fn next(previous: &Hash, digest: &Hash) -> Hash {
    sha256(&[previous, digest])
}
