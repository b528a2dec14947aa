//! A whole new file: that of a new token, and that of a compaction or rotation.

use super::Error;
use super::chain;
use super::encoding::{IndexEntry, encode_index};
use super::event::{EventText, Tally, seal_event};
use super::format::{
    HEADER_LENGTH, IDENTITY_LENGTH, Kind, PIN_STATE_LENGTH, PIN_STATE_OFFSET, POINTERS_OFFSET, Pointer,
};
use super::keys::Keys;
use super::record::{Base, Wrap};
use super::scan::Position;
use super::transaction::Builder;
use crate::reserve;

/// A file under construction: the header, and a first transaction that is still open.
pub(super) struct Snapshot {
    header: Vec<u8>,
    instance: [u8; 16],
    builder: Builder,
    root_version: u32,
    index: Vec<IndexEntry<'static>>,
}

impl Snapshot {
    /// Begins a file. `identity`: the identity block; `pin_state`: both places of the failure counts.
    pub(super) fn begin(
        identity: &[u8; IDENTITY_LENGTH],
        instance: [u8; 16],
        pin_state: &[u8],
        base: &Base,
        info: &[u8],
    ) -> Result<Self, Error> {
        let mut header = identity.to_vec();
        header.resize(PIN_STATE_OFFSET, 0);
        header.extend_from_slice(pin_state.get(..2 * PIN_STATE_LENGTH).ok_or(Error::TooLarge)?);
        let position = Position {
            offset: HEADER_LENGTH as u64,
            generation: base.generation,
            chain: chain::genesis(identity),
        };
        let mut builder = Builder::new(&position);
        builder.record(Kind::Base, 0, &base.encode())?;
        builder.record(Kind::Info, 0, info)?;
        Ok(Self { header, instance, builder, root_version: base.root_version, index: Vec::new() })
    }

    pub(super) fn wrap(&mut self, wrap: &Wrap) -> Result<(), Error> {
        self.builder.record(Kind::Wrap, 0, &wrap.encode())
    }

    /// Appends the events that are kept: `before` is the tally before the first one.
    pub(super) fn events(
        &mut self,
        keys: &Keys,
        before: Tally,
        events: impl IntoIterator<Item = Result<EventText, Error>>,
    ) -> Result<(), Error> {
        let mut tally = before;
        self.tally(&before)?;
        for event in events {
            let (body, after) = seal_event(keys, &tally, &event?)?;
            self.builder.record(Kind::Event, 0, &body)?;
            tally = after;
        }
        Ok(())
    }

    /// Appends the tally before the first event, if there has been one.
    pub(super) fn tally(&mut self, before: &Tally) -> Result<(), Error> {
        if before.count == 0 { Ok(()) } else { self.builder.record(Kind::Tally, 0, &before.encode()) }
    }

    /// Appends an event as it stands in another file under the same keys.
    pub(super) fn copied_event(&mut self, body: &[u8]) -> Result<(), Error> {
        self.builder.record(Kind::Event, 0, body)
    }

    /// Appends a PUT and notes it for the INDEX.
    pub(super) fn put(
        &mut self,
        id: [u8; 16],
        sequence: u64,
        tag: Vec<u8>,
        flags: u8,
        body: &[u8],
    ) -> Result<(), Error> {
        reserve::check();
        reserve::need(self.index.try_reserve(1));
        self.index.push(IndexEntry { id, sequence, offset: self.builder.offset(), tag: tag.into() });
        self.builder.record(Kind::Put, flags, body)
    }

    /// Ends the file: INDEX (where there are records, and the keys to seal it), COMMIT, commit pointer. Returns its contents.
    pub(super) fn finish(mut self, keys: &Keys) -> Result<Vec<u8>, Error> {
        if !self.index.is_empty() && keys.open_objects() {
            let sealed = keys.seal_index(self.builder.generation(), encode_index(&self.index)?.as_bytes())?;
            self.builder.record(Kind::Index, 0, &sealed)?;
        }
        let generation = self.builder.generation();
        let made = self.builder.finish(self.root_version, Some(keys))?;
        let mut contents = self.header;
        contents.try_reserve(made.bytes.len()).map_err(|_| Error::TooLarge)?;
        contents.extend_from_slice(&made.bytes);
        let pointer = Pointer { generation, length: contents.len() as u64 };
        let place = usize::try_from(pointer.offset()).unwrap_or(POINTERS_OFFSET);
        let encoded = pointer.encode(&self.instance);
        if let Some(to) = contents.get_mut(place..place + encoded.len()) {
            to.copy_from_slice(&encoded);
        }
        Ok(contents)
    }
}
