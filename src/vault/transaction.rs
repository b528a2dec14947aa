//! Transactions in the making: frames, chain values and the COMMIT that ends them.

use super::Error;
use super::chain::{self, Hash};
use super::format::{FLAG_AUTHENTICATED, Head, Kind, MAXIMUM_BODY};
use super::keys::Keys;
use super::record::Commit;
use super::scan::{CommitSeal, Position};

/// A transaction under construction.
pub(super) struct Builder {
    start: u64,
    generation: u64,
    chain: Hash,
    count: u32,
    bytes: Vec<u8>,
}

/// A finished transaction.
pub(super) struct Made {
    pub(super) bytes: Vec<u8>,
    /// With the COMMIT.
    pub(super) records: u32,
    /// The chain value after it.
    #[cfg_attr(not(test), allow(dead_code, reason = "readers compute it; tests chain transactions with it"))]
    pub(super) chain: Hash,
}

impl Builder {
    /// Begins the transaction that follows `position`.
    pub(super) fn new(position: &Position) -> Self {
        Self {
            start: position.offset,
            generation: position.generation + 1,
            chain: position.chain,
            count: 0,
            bytes: Vec::new(),
        }
    }

    /// The generation that the transaction makes.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Where in the file the next record will begin.
    pub(super) fn offset(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// Appends a record.
    pub(super) fn record(&mut self, kind: Kind, flags: u8, body: &[u8]) -> Result<(), Error> {
        if body.len() > MAXIMUM_BODY {
            return Err(Error::TooLarge);
        }
        let body_length = u32::try_from(body.len()).map_err(|_| Error::TooLarge)?;
        let head = Head { kind, flags, body_length, index: self.count, generation: self.generation };
        let begin = self.bytes.len();
        self.bytes.try_reserve(head.frame_length()).map_err(|_| Error::TooLarge)?;
        self.bytes.extend_from_slice(&head.encode());
        self.bytes.extend_from_slice(body);
        let digest = chain::digest(self.bytes.get(begin..).unwrap_or_default());
        self.chain = chain::next(&self.chain, &digest);
        self.bytes.extend_from_slice(&self.chain);
        self.count = self.count.checked_add(1).ok_or(Error::TooLarge)?;
        Ok(())
    }

    /// What has been written so far, and its chain value, without a COMMIT of our own making.
    #[cfg(any(test, fuzzing))]
    pub(super) fn abandon(self) -> (Vec<u8>, Hash) {
        (self.bytes, self.chain)
    }

    /// Ends the transaction, with an authentication code where there are keys.
    pub(super) fn finish(mut self, root_version: u32, keys: Option<&Keys>) -> Result<Made, Error> {
        let flags = if keys.is_some() { FLAG_AUTHENTICATED } else { 0 };
        let mut commit = Commit { count: self.count, root_version, code: [0; 32] };
        let head = Head {
            kind: Kind::Commit,
            flags,
            body_length: commit.encode().len() as u32,
            index: self.count,
            generation: self.generation,
        };
        if let Some(keys) = keys {
            let offset = self.offset();
            let seal =
                CommitSeal { generation: self.generation, offset, chain_before: self.chain, head, commit };
            commit.code = *keys.commit_code(&seal);
        }
        self.record(Kind::Commit, flags, &commit.encode())?;
        Ok(Made { bytes: self.bytes, records: self.count, chain: self.chain })
    }
}
