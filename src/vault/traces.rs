//! Whether anything sealed of a record is left in the file: each sealed part begins with random bytes that occur nowhere else.

use super::record::PutHead;
use super::seal::SALT_LENGTH;
use super::types::{RecordId, Visibility};
use super::view::read_body;
use super::{Error, Vault};
use crate::store;

/// The salt of a sealed part.
pub type Trace = [u8; SALT_LENGTH];

impl Vault {
    /// The salts of all sealed parts of a record as it is now. Its object key is sealed in the same bytes in all its
    /// versions under one root key, so that these find older versions, too. Errors: [`Error::NoSuchRecord`].
    pub fn traces(&self, id: RecordId) -> Result<Vec<Trace>, Error> {
        let located = self.locate(id).ok_or(Error::NoSuchRecord)?;
        let body = read_body(&*located.image, &located.slot.place)?;
        let private = located.slot.visibility() == Visibility::Private;
        let damaged = Error::Damaged { offset: located.slot.place.offset, what: "a PUT is malformed" };
        let parts = PutHead::parse(&body, private).and_then(|put| put.parts(&body)).ok_or(damaged)?;
        let sealed_if_private: [&[u8]; 2] = if private { [parts.tag, parts.metadata] } else { [&[], &[]] };
        let sealed = [parts.key, parts.secret].into_iter().chain(sealed_if_private);
        Ok(sealed.filter_map(|part| part.first_chunk().copied()).collect())
    }

    /// True where one of these stands anywhere in the file that the name stands for now. Reads the whole file.
    pub fn holds_any(&self, traces: &[Trace]) -> Result<bool, Error> {
        let contents = store::read_to_end(&*self.backend.open()?, 0)?;
        let mut begins = [false; 256];
        for trace in traces {
            let [first, ..] = trace;
            if let Some(begins) = begins.get_mut(usize::from(*first)) {
                *begins = true;
            }
        }
        let is_trace = |window: &[u8]| traces.iter().any(|trace| window == trace);
        let may = |window: &&[u8]| {
            window.first().and_then(|first| begins.get(usize::from(*first))).is_some_and(|begins| *begins)
        };
        Ok(contents.windows(SALT_LENGTH).filter(may).any(is_trace))
    }
}
