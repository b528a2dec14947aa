//! Attributes as bytes, for the token file: `docs/object-encoding.md`.
//!
//! What is decoded may be hostile: it can be read before a login. Nothing is reserved beyond the bytes at hand, lists
//! within lists are bounded in depth, and one object has one encoding. Attributes that this version does not know are
//! kept.

use crate::ck::*;
use crate::error::{Error, Result};
use crate::secret::Secret;

use super::value::{Attributes, Value};

const VERSION: u8 = 1;
/// How deep lists may stand within lists: one more than templates may (`template::MAX_DEPTH`).
const MAX_DEPTH: usize = 4;

const FALSE: u8 = 0;
const TRUE: u8 = 1;
const ULONG: u8 = 2;
const BYTES: u8 = 3;
const SECRET: u8 = 4;
const MECHANISMS: u8 = 5;
const LIST: u8 = 6;

/// The attributes as one record. Error: CKR_HOST_MEMORY.
pub fn encode(attributes: &Attributes) -> Result<Secret> {
    // Measured first, so that growing leaves no copies of secrets behind.
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(encoded_len(attributes)).map_err(|_| Error::HostMemory)?;
    bytes.push(VERSION);
    write_list(&mut bytes, attributes);
    Ok(Secret::new(bytes))
}

/// Bytes of the record that `encode` makes; also the answer to C_GetObjectSize.
pub fn encoded_len(attributes: &Attributes) -> usize {
    1 + list_len(attributes)
}

/// The attributes of one record. Error: CKR_DEVICE_ERROR for anything that `encode` does not make.
pub fn decode(record: &[u8]) -> Result<Attributes> {
    let mut reader = Reader { rest: record };
    if reader.byte()? != VERSION {
        return Err(Error::DeviceError);
    }
    let attributes = reader.list(MAX_DEPTH)?;
    if reader.rest.is_empty() { Ok(attributes) } else { Err(Error::DeviceError) }
}

fn write_list(bytes: &mut Vec<u8>, attributes: &Attributes) {
    write_number(bytes, attributes.len() as u64);
    for (id, value) in attributes.iter() {
        write_number(bytes, id);
        match value {
            Value::Bool(false) => bytes.push(FALSE),
            Value::Bool(true) => bytes.push(TRUE),
            Value::Ulong(number) => {
                bytes.push(ULONG);
                write_number(bytes, *number);
            }
            Value::Bytes(value) => write_bytes(bytes, BYTES, value),
            Value::Secret(value) => write_bytes(bytes, SECRET, value.as_bytes()),
            Value::Mechanisms(list) => {
                bytes.push(MECHANISMS);
                write_number(bytes, list.len() as u64);
                list.iter().for_each(|mechanism| write_number(bytes, *mechanism));
            }
            Value::Template(nested) => {
                bytes.push(LIST);
                write_list(bytes, nested);
            }
        }
    }
}

fn write_bytes(bytes: &mut Vec<u8>, tag: u8, value: &[u8]) {
    bytes.push(tag);
    write_number(bytes, value.len() as u64);
    bytes.extend_from_slice(value);
}

fn write_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn list_len(attributes: &Attributes) -> usize {
    let entry = |(id, value): (CK_ATTRIBUTE_TYPE, &Value)| {
        let value = match value {
            Value::Bool(_) => 0,
            Value::Ulong(number) => number_len(*number),
            Value::Bytes(value) => number_len(value.len() as u64) + value.len(),
            Value::Secret(value) => number_len(value.len() as u64) + value.len(),
            Value::Mechanisms(list) => {
                number_len(list.len() as u64) + list.iter().map(|number| number_len(*number)).sum::<usize>()
            }
            Value::Template(nested) => list_len(nested),
        };
        number_len(id) + 1 + value
    };
    number_len(attributes.len() as u64) + attributes.iter().map(entry).sum::<usize>()
}

fn number_len(number: u64) -> usize {
    (64 - (number | 1).leading_zeros() as usize).div_ceil(7)
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8> {
        let (byte, rest) = self.rest.split_first().ok_or(Error::DeviceError)?;
        self.rest = rest;
        Ok(*byte)
    }

    fn bytes(&mut self) -> Result<&'a [u8]> {
        let length = usize::try_from(self.number()?).map_err(|_| Error::DeviceError)?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Error::DeviceError)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn owned(&mut self) -> Result<Vec<u8>> {
        let bytes = self.bytes()?;
        let mut owned = Vec::new();
        owned.try_reserve_exact(bytes.len()).map_err(|_| Error::HostMemory)?;
        owned.extend_from_slice(bytes);
        Ok(owned)
    }

    /// A number in its shortest form.
    fn number(&mut self) -> Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits || (byte == 0 && shift > 0) {
                return Err(Error::DeviceError);
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Error::DeviceError)
    }

    /// A count of things that take `least` bytes each, which must be at hand.
    fn count(&mut self, least: usize) -> Result<usize> {
        let count = usize::try_from(self.number()?).map_err(|_| Error::DeviceError)?;
        if count > self.rest.len() / least { Err(Error::DeviceError) } else { Ok(count) }
    }

    fn list(&mut self, depth: usize) -> Result<Attributes> {
        let depth = depth.checked_sub(1).ok_or(Error::DeviceError)?;
        let mut attributes = Attributes::new();
        let mut last = None;
        for _ in 0..self.count(2)? {
            let id = self.number()?;
            if last.is_some_and(|last| last >= id) {
                return Err(Error::DeviceError);
            }
            last = Some(id);
            attributes.set(id, self.value(depth)?);
        }
        Ok(attributes)
    }

    fn value(&mut self, depth: usize) -> Result<Value> {
        match self.byte()? {
            FALSE => Ok(Value::Bool(false)),
            TRUE => Ok(Value::Bool(true)),
            ULONG => Ok(Value::Ulong(self.number()?)),
            BYTES => Ok(Value::Bytes(self.owned()?)),
            SECRET => Ok(Value::Secret(Secret::new(self.owned()?))),
            MECHANISMS => {
                let count = self.count(1)?;
                (0..count).map(|_| self.number()).collect::<Result<_>>().map(Value::Mechanisms)
            }
            LIST => Ok(Value::Template(self.list(depth)?)),
            _ => Err(Error::DeviceError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Attributes {
        let nested = Attributes::from_iter([
            (CKA_SENSITIVE, Value::Bool(true)),
            (CKA_UNWRAP_TEMPLATE, Value::Template(Attributes::new())),
        ]);
        Attributes::from_iter([
            (CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)),
            (CKA_TOKEN, Value::Bool(true)),
            (CKA_PRIVATE, Value::Bool(false)),
            (CKA_LABEL, Value::Bytes("Schlüssel".into())),
            (CKA_KEY_GEN_MECHANISM, Value::Ulong(UNAVAILABLE)),
            (CKA_ID, Value::Bytes(Vec::new())),
            (CKA_VALUE, Value::Secret(Secret::copy_of(&[0xa5; 200]))),
            (CKA_ALLOWED_MECHANISMS, Value::Mechanisms(vec![CKM_AES_GCM, 0, u64::MAX])),
            (CKA_UNWRAP_TEMPLATE, Value::Template(nested)),
            (CKA_VENDOR_DEFINED | 0xcafe, Value::Bytes(vec![1])),
        ])
    }

    #[test]
    fn what_is_encoded_is_decoded_and_was_measured() {
        for attributes in [sample(), Attributes::new()] {
            let record = encode(&attributes).unwrap();
            assert_eq!(decode(record.as_bytes()).unwrap(), attributes);
            assert_eq!(record.len(), encoded_len(&attributes));
        }
    }

    #[test]
    fn a_record_of_version_1_stays_readable() {
        let record = [1, 3, 0, 2, 4, 1, 1, 3, 3, 2, b'h', b'i'];
        let attributes = decode(&record).unwrap();
        assert_eq!(attributes.ulong(CKA_CLASS), Some(CKO_SECRET_KEY));
        assert!(attributes.is_true(CKA_TOKEN));
        assert_eq!(attributes.bytes(CKA_LABEL), Some(&b"hi"[..]));
        assert_eq!(encode(&attributes).unwrap().as_bytes(), record);
    }

    #[test]
    fn the_example_of_the_document_is_read_and_written() {
        let document = include_str!("../../docs/object-encoding.md");
        let (_, example) = document.split_once("## Example").unwrap();
        let columns = example.lines().filter_map(|line| line.get(4..40.min(line.len())));
        let record: Vec<u8> = columns.flat_map(|hex| hex::decode(hex.replace(' ', "")).unwrap()).collect();
        let rule = Attributes::from_iter([(CKA_EXTRACTABLE, Value::Bool(false))]);
        let expected = Attributes::from_iter([
            (CKA_CLASS, Value::Ulong(CKO_SECRET_KEY)),
            (CKA_TOKEN, Value::Bool(true)),
            (CKA_LABEL, Value::Bytes(b"key".to_vec())),
            (CKA_KEY_TYPE, Value::Ulong(CKK_AES)),
            (CKA_UNWRAP_TEMPLATE, Value::Template(rule)),
            (CKA_ALLOWED_MECHANISMS, Value::Mechanisms(vec![CKM_AES_GCM, CKM_AES_CBC_PAD])),
        ]);
        assert_eq!(decode(&record).unwrap(), expected);
        assert_eq!(encode(&expected).unwrap().as_bytes(), record);
    }

    #[test]
    fn the_deepest_template_survives() {
        let mut nested = Attributes::new();
        for _ in 0..MAX_DEPTH - 1 {
            nested = Attributes::from_iter([(CKA_WRAP_TEMPLATE, Value::Template(nested))]);
        }
        assert_eq!(decode(encode(&nested).unwrap().as_bytes()).unwrap(), nested);
    }

    #[test]
    fn every_prefix_and_every_longer_record_is_refused() {
        let record = encode(&sample()).unwrap();
        for length in 0..record.len() {
            assert_eq!(decode(&record.as_bytes()[..length]), Err(Error::DeviceError), "{length}");
        }
        assert_eq!(decode(&[record.as_bytes(), &[0]].concat()), Err(Error::DeviceError));
    }

    #[test]
    fn every_bit_flip_is_an_error_or_another_object_with_one_encoding() {
        let record = encode(&sample()).unwrap();
        // Miri takes a thousand times as long: there, and in the tests of the vault, it sees a part.
        for bit in (0..record.len() * 8).step_by(if cfg!(miri) { 97 } else { 1 }) {
            let mut flipped = record.as_bytes().to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(attributes) = decode(&flipped) {
                assert_ne!(attributes, sample());
                assert_eq!(encode(&attributes).unwrap().as_bytes(), flipped, "bit {bit}");
            }
        }
    }

    #[test]
    fn random_records_never_panic() {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        for length in 0..if cfg!(miri) { 40 } else { 2000usize } {
            let mut next = || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 24) as u8 & 0x87
            };
            let mut record: Vec<u8> = (0..length % 64).map(|_| next()).collect();
            record.insert(0, VERSION);
            if let Ok(attributes) = decode(&record) {
                assert_eq!(encode(&attributes).unwrap().as_bytes(), record);
            }
        }
    }

    #[test]
    fn counts_and_lengths_that_are_not_there_are_refused_before_memory_is_taken() {
        let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        for head in [&[VERSION][..], &[VERSION, 1, 3, BYTES], &[VERSION, 1, 3, MECHANISMS]] {
            assert_eq!(decode(&[head, &huge].concat()), Err(Error::DeviceError));
        }
    }

    #[test]
    fn lists_within_lists_are_bounded() {
        let mut record = vec![VERSION];
        for _ in 0..MAX_DEPTH {
            record.extend([1, 5, LIST]);
        }
        record.push(0);
        assert_eq!(decode(&record), Err(Error::DeviceError));
    }

    #[test]
    fn unordered_or_repeated_types_and_long_numbers_are_refused() {
        assert_eq!(decode(&[VERSION, 2, 3, TRUE, 2, TRUE]), Err(Error::DeviceError));
        assert_eq!(decode(&[VERSION, 2, 3, TRUE, 3, TRUE]), Err(Error::DeviceError));
        assert_eq!(decode(&[VERSION, 1, 0x83, 0, TRUE]), Err(Error::DeviceError));
        assert_eq!(decode(&[2, 0]), Err(Error::DeviceError));
        assert_eq!(decode(&[VERSION, 1, 3, 7]), Err(Error::DeviceError));
    }
}
