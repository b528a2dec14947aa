//! The failure counts: a fixed, checksummed area of the header, outside the chain.
//!
//! There are two places, written in turn, so that a crash in the middle of a write leaves the other one. An attempt is
//! counted durably before the PIN is looked at; a crash in between gains nothing. The counts protect the interface:
//! whoever can write the file can set them back, and whoever can copy it can guess without them.

use super::Error;
use super::bytes::{Reader, slice_at};
use super::chain::sha256;
use super::format::{PIN_STATE_LENGTH, PIN_STATE_OFFSET, is_zero};
use crate::store::{self, Image};

/// So many roles have a count.
const COUNTS: usize = 16;
const CHECKED: usize = PIN_STATE_LENGTH - 32;

/// The counts as one place holds them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// The place with the higher number is the valid one.
    sequence: u64,
    /// (role, failures); a role that is not listed has none.
    failures: Vec<(u32, u32)>,
}

impl Counts {
    pub(super) fn of(&self, entry: u32) -> u32 {
        self.failures.iter().find(|(role, _)| *role == entry).map_or(0, |(_, failures)| *failures)
    }

    fn set(&mut self, entry: u32, failures: u32) -> Result<(), Error> {
        self.failures.retain(|(role, _)| *role != entry);
        if failures > 0 {
            self.failures.push((entry, failures));
        }
        if self.failures.len() > COUNTS { Err(Error::TooLarge) } else { Ok(()) }
    }

    #[cfg(test)]
    pub(super) fn for_vector(sequence: u64, failures: Vec<(u32, u32)>) -> Self {
        Self { sequence, failures }
    }

    pub(super) fn encode(&self, instance: &[u8; 16]) -> [u8; PIN_STATE_LENGTH] {
        let mut bytes = Vec::with_capacity(PIN_STATE_LENGTH);
        bytes.extend_from_slice(&self.sequence.to_le_bytes());
        for (role, failures) in self.failures.iter().take(COUNTS) {
            bytes.extend_from_slice(&role.to_le_bytes());
            bytes.extend_from_slice(&failures.to_le_bytes());
        }
        bytes.resize(CHECKED, 0);
        let check = sha256(&[b"coffer pin state v1", instance, &bytes]);
        bytes.extend_from_slice(&check);
        bytes.try_into().unwrap_or([0; PIN_STATE_LENGTH])
    }

    fn parse(place: &[u8], instance: &[u8; 16]) -> Option<Self> {
        let (checked, check) = place.split_at_checked(CHECKED)?;
        if sha256(&[b"coffer pin state v1", instance, checked]) != check {
            return None;
        }
        let mut reader = Reader::new(checked);
        let sequence = reader.u64()?;
        let mut failures = Vec::new();
        for _ in 0..COUNTS {
            let (role, count) = (reader.u32()?, reader.u32()?);
            if role != 0 {
                failures.push((role, count));
            }
        }
        is_zero(reader.rest()).then_some(Self { sequence, failures })
    }
}

/// Both places of a new token: no failures.
pub(super) fn initial(instance: &[u8; 16]) -> Vec<u8> {
    let place = |sequence| Counts { sequence, failures: Vec::new() }.encode(instance);
    [place(1), place(2)].concat()
}

fn places<'a>(header: &'a [u8], instance: &[u8; 16]) -> Vec<Option<Counts>> {
    let place = |number: usize| -> Option<&'a [u8]> {
        slice_at(header, PIN_STATE_OFFSET + number * PIN_STATE_LENGTH, PIN_STATE_LENGTH)
    };
    (0..2).map(|number| place(number).and_then(|bytes| Counts::parse(bytes, instance))).collect()
}

/// How many of the two places in these bytes of the header do not verify.
pub(super) fn spoiled_places(header: &[u8], instance: &[u8; 16]) -> usize {
    places(header, instance).iter().filter(|place| place.is_none()).count()
}

/// Reads the counts from the file, and the number of the place that is to be written next.
fn read(image: &dyn Image, instance: &[u8; 16]) -> Result<(Counts, u64), Error> {
    let mut header = vec![0; PIN_STATE_OFFSET + 2 * PIN_STATE_LENGTH];
    let (_, area) = header.split_at_mut(PIN_STATE_OFFSET);
    store::read_up_to(image, area, PIN_STATE_OFFSET as u64)?;
    let mut newest: Option<(Counts, u64)> = None;
    for (number, counts) in (0_u64..).zip(places(&header, instance)) {
        if let Some(counts) = counts
            && newest.as_ref().is_none_or(|(newest, _)| newest.sequence < counts.sequence)
        {
            newest = Some((counts, 1 - number));
        }
    }
    newest.ok_or(Error::Damaged { offset: PIN_STATE_OFFSET as u64, what: "the failure counts do not verify" })
}

/// The counts, fresh from the file.
pub(super) fn counts(image: &dyn Image, instance: &[u8; 16]) -> Result<Counts, Error> {
    Ok(read(image, instance)?.0)
}

/// Sets one count. The caller holds the lock. `durable`: wait until it has reached the device.
pub(super) fn set(
    image: &dyn Image,
    instance: &[u8; 16],
    entry: u32,
    failures: u32,
    durable: bool,
) -> Result<(), Error> {
    let (mut counts, place) = read(image, instance)?;
    counts.set(entry, failures)?;
    counts.sequence = counts.sequence.saturating_add(1);
    let offset = PIN_STATE_OFFSET as u64 + place * PIN_STATE_LENGTH as u64;
    store::write_all(image, &counts.encode(instance), offset)?;
    if durable {
        store::sync(image)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Backend, MemoryBackend};

    const INSTANCE: [u8; 16] = [3; 16];

    fn image() -> std::sync::Arc<dyn Image> {
        let mut bytes = vec![0; PIN_STATE_OFFSET];
        bytes.extend_from_slice(&initial(&INSTANCE));
        MemoryBackend::with_contents(bytes).open().unwrap()
    }

    #[test]
    fn counts_are_kept_for_each_role() {
        let image = image();
        for failures in 1..=5 {
            set(&*image, &INSTANCE, 1, failures, true).unwrap();
            set(&*image, &INSTANCE, 2, failures * 2, true).unwrap();
        }
        let found = counts(&*image, &INSTANCE).unwrap();
        assert_eq!((found.of(1), found.of(2), found.of(3)), (5, 10, 0));
    }

    #[test]
    fn a_torn_write_leaves_the_count_of_before() {
        let image = image();
        set(&*image, &INSTANCE, 1, 3, true).unwrap();
        let before = counts(&*image, &INSTANCE).unwrap();
        let (_, place) = read(&*image, &INSTANCE).unwrap();
        let offset = PIN_STATE_OFFSET as u64 + place * PIN_STATE_LENGTH as u64;
        store::write_all(&*image, &[0xff; 100], offset).unwrap();
        assert_eq!(counts(&*image, &INSTANCE).unwrap(), before);
        set(&*image, &INSTANCE, 1, 4, true).unwrap();
        assert_eq!(counts(&*image, &INSTANCE).unwrap().of(1), 4);
    }

    #[test]
    fn counts_of_which_neither_place_verifies_are_damage_and_not_zero() {
        let image = image();
        store::write_all(&*image, &[1; 2 * PIN_STATE_LENGTH], PIN_STATE_OFFSET as u64).unwrap();
        assert!(matches!(counts(&*image, &INSTANCE), Err(Error::Damaged { .. })));
    }
}
