//! The arguments of a call: the usual ones, and every way in which one of them can be wrong.

use coffer_pkcs11::ck::*;

use super::functions::{Bytes, Key, Kind, Make, Use};
use super::interface::{SO_PIN, USER_PIN};
use super::memory::{Memory, Pointer};

pub const POINTERS: [Pointer; 3] = [Pointer::Null, Pointer::End, Pointer::Odd];
/// Lengths that no caller can have; the first two exist, but not in these tests.
const HUGE: [u64; 4] = [1 << 31, 1 << 32, i64::MAX as u64, u64::MAX];
/// The two that the library must refuse, or not use, before it touches a byte.
const ABSURD: [u64; 2] = [i64::MAX as u64, u64::MAX];

/// Words of CK_GCM_MESSAGE_PARAMS.
const GCM_MESSAGE_WORDS: usize = 6;

/// How an argument is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Usual,
    Number(u64),
    /// A pointer with memory of this length, and the length.
    True(Pointer, u64),
    /// A length that is told, with memory of the usual length.
    Told(Pointer, u64),
    /// Output: without a place for the length, or with one that lies oddly, or in the buffer.
    Length(Pointer),
    LengthWithin,
    /// Output over the first input, so many bytes before it.
    Over(usize),
    /// An attribute of a template.
    Attribute(usize, Fault),
    Parameter(Pointer, u64),
}

/// What is wrong with an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    NullValue,
    OddValue,
    Length(u64),
    Type(u64),
    /// Its value lies over the array itself, from its beginning or where the next one's pointer is.
    Within,
    OverNext,
}

/// What the arguments refer to.
pub struct Handles {
    pub session: CK_SESSION_HANDLE,
    pub closed: CK_SESSION_HANDLE,
    pub keys: [CK_OBJECT_HANDLE; 5],
}

/// Every way of an argument, the usual one first.
pub fn ways(kind: Kind) -> Vec<Way> {
    let mut ways = vec![Way::Usual];
    match kind {
        Kind::Session => ways.extend(numbers(&[0, u64::MAX, 1 << 31, 1 << 32])),
        Kind::Slot => ways.extend(numbers(&[1, 2, 1 << 31, u64::MAX])),
        Kind::Object(_) => ways.extend(numbers(&[0, 1, 1 << 31, u64::MAX - 1, u64::MAX])),
        Kind::Number(values) => ways.extend(numbers(&values[1..])),
        Kind::Input(bytes) => {
            ways.extend(read(content(bytes).len() as u64));
            if !matches!(bytes, Bytes::Data(_)) {
                // The cap of a PIN is 64 KiB.
                ways.extend(HUGE.map(|length| Way::Told(Pointer::End, length)));
            }
        }
        Kind::Fill(len) => ways.extend(read(len as u64)),
        Kind::Message => ways.extend(read(GCM_MESSAGE_WORDS as u64 * 8)),
        Kind::Output(len) => {
            ways.extend(written(len as u64, 1 << 16));
            ways.extend([0, 1, 8, 16].map(Way::Over));
        }
        Kind::List(_) => ways.extend(written(3, 2048)),
        Kind::Handles => {
            for pointer in POINTERS {
                ways.extend([0, 1, 2, 3, 4, 511].map(|count| Way::True(pointer, count)));
                ways.extend(HUGE.map(|count| Way::Told(pointer, count)));
            }
        }
        Kind::Place(_) | Kind::Structure(..) => ways.extend(POINTERS.map(|pointer| Way::True(pointer, 0))),
        Kind::Text(_) => {
            ways.extend([Way::True(Pointer::Null, 0), Way::True(Pointer::Odd, 0), Way::Number(0)])
        }
        Kind::Template(_) | Kind::Query => {
            let count = attributes(kind).len() as u64;
            for pointer in POINTERS {
                ways.extend((0..=count).map(|count| Way::True(pointer, count)));
                ways.extend([1 << 16].into_iter().chain(HUGE).map(|count| Way::Told(pointer, count)));
            }
            for index in 0..count as usize {
                let faults = [
                    Fault::NullValue,
                    Fault::OddValue,
                    Fault::Within,
                    Fault::OverNext,
                    Fault::Type(u64::MAX),
                ];
                let types = [0x4000_0211, 0x600, 0x4000_0600].map(Fault::Type);
                let lengths = [0, 1, 7, 8, 9].into_iter().chain(HUGE).map(Fault::Length);
                let all = faults.into_iter().chain(types).chain(lengths);
                ways.extend(all.map(|fault| Way::Attribute(index, fault)));
            }
        }
        Kind::Mechanism(_) => {
            ways.extend(POINTERS.map(|pointer| Way::True(pointer, 0)));
            ways.extend(numbers(&[0x7fff_ffff, u64::MAX]));
            for pointer in POINTERS {
                for length in [0, 1, 8, 15, 16, 17, 48, 1 << 16] {
                    ways.push(Way::Parameter(pointer, length));
                }
            }
            ways.extend(HUGE.map(|length| Way::Parameter(Pointer::Null, length)));
        }
    }
    ways
}

/// The way in which an argument with a pointer lies so, with this length or number where it has one.
pub fn everywhere(kind: Kind, pointer: Pointer, length: u64) -> Way {
    match kind {
        Kind::Session | Kind::Slot | Kind::Object(_) | Kind::Number(_) => Way::Usual,
        Kind::Place(_) | Kind::Structure(..) | Kind::Text(_) | Kind::Mechanism(_) => Way::True(pointer, 0),
        _ => Way::True(pointer, length),
    }
}

fn numbers(values: &[u64]) -> impl Iterator<Item = Way> {
    values.iter().map(|value| Way::Number(*value))
}

fn lengths(exact: u64) -> impl Iterator<Item = u64> {
    [0, 1, exact.saturating_sub(1), exact, exact + 1, 1 << 16].into_iter()
}

/// Bytes that are read or filled: what is told is there, but for lengths that must be refused.
fn read(exact: u64) -> Vec<Way> {
    let there =
        POINTERS.into_iter().flat_map(|pointer| lengths(exact).map(move |len| Way::True(pointer, len)));
    let null = HUGE.map(|len| Way::Told(Pointer::Null, len));
    let absurd = ABSURD.map(|len| Way::Told(Pointer::End, len));
    there.chain(null).chain(absurd).collect()
}

/// A buffer for output: more may be told than is there, because no more is written than the result.
fn written(exact: u64, most: u64) -> Vec<Way> {
    let there = POINTERS
        .into_iter()
        .flat_map(|pointer| lengths(exact).map(move |len| Way::True(pointer, len.min(most))));
    let huge = POINTERS.into_iter().flat_map(|pointer| HUGE.map(move |len| Way::Told(pointer, len)));
    let length = POINTERS.into_iter().map(Way::Length).chain([Way::LengthWithin]);
    there.chain(huge).chain(length).collect()
}

fn content(bytes: Bytes) -> Vec<u8> {
    match bytes {
        Bytes::Data(len) => vec![0x5a; len],
        Bytes::UserPin => USER_PIN.to_vec(),
        Bytes::SoPin => SO_PIN.to_vec(),
    }
}

/// Attributes and their values. Those of a query are room.
fn attributes(kind: Kind) -> Vec<(CK_ATTRIBUTE_TYPE, Vec<u8>)> {
    let number = |value: CK_ULONG| value.to_ne_bytes().to_vec();
    match kind {
        Kind::Template(Make::Data) => vec![
            (CKA_CLASS, number(CKO_DATA)),
            (CKA_LABEL, b"boundary".to_vec()),
            (CKA_VALUE, b"some value".to_vec()),
        ],
        Kind::Template(Make::Label) => vec![(CKA_LABEL, b"aes".to_vec())],
        Kind::Template(Make::Search) => vec![(CKA_CLASS, number(CKO_SECRET_KEY))],
        Kind::Template(Make::AesKey) => vec![
            (CKA_CLASS, number(CKO_SECRET_KEY)),
            (CKA_KEY_TYPE, number(CKK_AES)),
            (CKA_VALUE_LEN, number(16)),
        ],
        Kind::Template(Make::EcPublic) => {
            vec![(CKA_EC_PARAMS, vec![6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7])]
        }
        Kind::Template(Make::EcPrivate) => vec![(CKA_SENSITIVE, vec![CK_TRUE])],
        _ => vec![
            (CKA_CLASS, vec![0; 8]),
            (CKA_LABEL, vec![0; 3]),
            (CKA_VALUE, vec![0; 16]),
            (CKA_ID, vec![0; 3]),
        ],
    }
}

/// Makes the words of one argument.
pub struct Maker<'a> {
    pub memory: &'a mut Memory,
    pub handles: &'a Handles,
    pub slot: CK_SLOT_ID,
    /// The first input, over which output may be laid, and how long it is.
    pub input: Option<(*mut u8, usize)>,
}

impl Maker<'_> {
    pub fn words(&mut self, kind: Kind, way: Way) -> Vec<u64> {
        if let Way::Number(number) = way
            && !matches!(kind, Kind::Mechanism(_) | Kind::Text(_))
        {
            return vec![number];
        }
        match kind {
            Kind::Session => vec![self.handles.session],
            Kind::Slot => vec![self.slot],
            Kind::Object(key) => {
                vec![self.handles.keys[Key::ALL.iter().position(|one| *one == key).unwrap()]]
            }
            Kind::Number(values) => vec![values[0]],
            Kind::Input(bytes) => self.elements(&content(bytes), 1, way, false),
            Kind::Fill(len) => self.elements(&vec![0; len], 1, way, true),
            Kind::Message => {
                let parameter = self.gcm_message();
                self.elements(&parameter, 1, way, true)
            }
            Kind::Output(len) => self.output(len, way, 1),
            Kind::List(size) => self.output(64, way, size),
            Kind::Handles => self.elements(&[0; 64], 8, way, true),
            Kind::Place(size) => vec![address(self.memory.room(size, pointer(way)))],
            Kind::Structure(size, byte) => {
                vec![address(self.memory.place(&structure(size, byte), pointer(way), false))]
            }
            Kind::Text(text) => {
                let text = if way == Way::Number(0) { "" } else { text };
                let bytes = [text.as_bytes(), &[0]].concat();
                vec![address(self.memory.place(&bytes, pointer(way), false))]
            }
            Kind::Template(_) | Kind::Query => self.template(kind, way),
            Kind::Mechanism(usage) => vec![self.mechanism(usage, way)],
        }
    }

    /// Elements of `unit` bytes and their number.
    fn elements(&mut self, usual: &[u8], unit: usize, way: Way, writable: bool) -> Vec<u64> {
        let (pointer, len, told) = match way {
            Way::True(pointer, told) => (pointer, told as usize * unit, told),
            Way::Told(pointer, told) => (pointer, if writable { 4000 } else { usual.len() }, told),
            _ => (Pointer::End, usual.len(), (usual.len() / unit) as u64),
        };
        let content: Vec<u8> = usual.iter().copied().chain(std::iter::repeat(0)).take(len).collect();
        let place = self.memory.place(&content, pointer, writable);
        if !writable && self.input.is_none() && !place.is_null() {
            self.input = Some((place, len));
        }
        vec![address(place), told]
    }

    /// CK_GCM_MESSAGE_PARAMS with a nonce of the token's: its place, bytes, fixed bits, generator, place of the tag, bits.
    fn gcm_message(&mut self) -> Vec<u8> {
        let (nonce, tag) = (self.memory.room(12, Pointer::End), self.memory.room(16, Pointer::End));
        let words: [u64; GCM_MESSAGE_WORDS] = [address(nonce), 12, 0, CKG_GENERATE, address(tag), 128];
        words.iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    fn output(&mut self, usual: usize, way: Way, unit: usize) -> Vec<u64> {
        let (pointer, len, told) = match way {
            Way::True(pointer, told) => (pointer, told as usize * unit, told),
            Way::Told(pointer, told) => (pointer, 1 << 16, told),
            _ => (Pointer::End, usual * unit, usual as u64),
        };
        let mut place = self.memory.room(len, pointer);
        let mut told = told;
        if let (Way::Over(before), Some((input, input_len))) = (way, self.input) {
            (place, told) = (input.wrapping_sub(before), (before + input_len) as u64);
            self.memory.allow(place, told as usize);
        }
        let length = match way {
            Way::Length(pointer) => self.memory.place(&told.to_ne_bytes(), pointer, true),
            Way::LengthWithin => {
                // SAFETY: the buffer has eight bytes and more.
                unsafe { place.cast::<u64>().write_unaligned(told) };
                place
            }
            _ => self.memory.place(&told.to_ne_bytes(), Pointer::End, true),
        };
        vec![address(place), address(length)]
    }

    fn template(&mut self, kind: Kind, way: Way) -> Vec<u64> {
        let writable = kind == Kind::Query;
        let mut array = Vec::new();
        for (index, (id, value)) in attributes(kind).into_iter().enumerate() {
            let mut one =
                CK_ATTRIBUTE { type_: id, pValue: std::ptr::null_mut(), ulValueLen: value.len() as u64 };
            let mut place = Pointer::End;
            if let Way::Attribute(faulty, fault) = way
                && faulty == index
            {
                match fault {
                    Fault::NullValue => place = Pointer::Null,
                    Fault::OddValue => place = Pointer::Odd,
                    Fault::Type(other) => one.type_ = other,
                    Fault::Length(len) => one.ulValueLen = len,
                    Fault::Within | Fault::OverNext => {}
                }
            }
            // Room for what is told, as far as that is not absurd.
            let room = usize::try_from(one.ulValueLen).unwrap().min(4000);
            let bytes: Vec<u8> = value.iter().copied().chain(std::iter::repeat(0)).take(room).collect();
            one.pValue = self.memory.place(&bytes, place, writable).cast();
            array.push(one);
        }
        let usual = array.len() as u64;
        let (pointer, told) = match way {
            Way::True(pointer, told) | Way::Told(pointer, told) => (pointer, told),
            _ => (Pointer::End, usual),
        };
        if matches!(way, Way::True(..)) {
            array.truncate(told as usize);
        }
        let place = self.memory.place(as_bytes(&array), pointer, writable);
        if let Way::Attribute(index, fault @ (Fault::Within | Fault::OverNext)) = way {
            let next = if fault == Fault::OverNext && index + 1 < array.len() { index + 1 } else { 0 };
            // The next one's pointer to its value.
            let offset = if next > 0 { next * size_of::<CK_ATTRIBUTE>() + 8 } else { 0 };
            array[index].pValue = place.wrapping_add(offset).cast();
            array[index].ulValueLen = (size_of_val(&array[..]) - offset) as u64;
            // SAFETY: the array lies there.
            unsafe { std::ptr::copy_nonoverlapping(array.as_ptr().cast(), place, size_of_val(&array[..])) };
        }
        vec![address(place), told]
    }

    fn mechanism(&mut self, usage: Use, way: Way) -> u64 {
        let (id, mut parameter) = mechanism(usage);
        if usage == Use::AeadWrap {
            parameter = self.gcm_message();
        }
        let usual = if parameter.is_empty() { Pointer::Null } else { Pointer::End };
        let (place, len) = match way {
            Way::Parameter(place, len) => (place, len),
            _ => (usual, parameter.len() as u64),
        };
        let bytes: Vec<u8> =
            parameter.into_iter().chain(std::iter::repeat(0)).take(len.min(1 << 16) as usize).collect();
        let mechanism = CK_MECHANISM {
            mechanism: if let Way::Number(other) = way { other } else { id },
            pParameter: self.memory.place(&bytes, place, false).cast(),
            ulParameterLen: len,
        };
        address(self.memory.place(as_bytes(&[mechanism]), pointer(way), false))
    }
}

/// The mechanism for a use, with the bytes of its parameter.
fn mechanism(usage: Use) -> (CK_MECHANISM_TYPE, Vec<u8>) {
    match usage {
        Use::Cipher => (CKM_AES_CBC, vec![7; 16]),
        Use::Aead | Use::AeadWrap => (CKM_AES_GCM, Vec::new()),
        Use::Digest => (CKM_SHA256, Vec::new()),
        Use::Mac => (CKM_SHA256_HMAC, Vec::new()),
        Use::Recover => (CKM_RSA_PKCS, Vec::new()),
        Use::GenerateKey => (CKM_AES_KEY_GEN, Vec::new()),
        Use::GeneratePair => (CKM_EC_KEY_PAIR_GEN, Vec::new()),
        Use::Wrap => (CKM_AES_KEY_WRAP, Vec::new()),
        Use::Derive => (CKM_SHA256_KEY_DERIVATION, Vec::new()),
        Use::Kem => (CKM_RSA_PKCS, Vec::new()),
    }
}

fn structure(size: usize, byte: u8) -> Vec<u8> {
    // A version: 3.2.
    if size == 2 { vec![byte, 2] } else { vec![byte; size] }
}

fn pointer(way: Way) -> Pointer {
    match way {
        Way::True(pointer, _) => pointer,
        _ => Pointer::End,
    }
}

fn address(place: *mut u8) -> u64 {
    place as u64
}

fn as_bytes<T>(items: &[T]) -> &[u8] {
    // SAFETY: structures of numbers and pointers without gaps.
    unsafe { std::slice::from_raw_parts(items.as_ptr().cast(), size_of_val(items)) }
}
