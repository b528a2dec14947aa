//! The parameter of a mechanism: a good one of the form that the mechanism's row tells, or a bad one.

use coffer_pkcs11::ck::*;
use coffer_pkcs11::mechanism::{self, ParamKind};

use super::arguments::Arguments;
use super::layouts::{Field as Word, layout};

/// One field of a structure, or two that belong together.
enum Field {
    Number(u64),
    /// A pointer, and then its length.
    Bytes(Vec<u8>),
    /// A length, and then its pointer.
    Counted(Vec<u8>),
}
use Field::{Bytes, Counted, Number};

/// The pointer and the length in bytes. Length and pointer always agree.
pub fn parameter(arguments: &mut Arguments, id: CK_MECHANISM_TYPE) -> (*mut u8, u64) {
    let kind = mechanism::lookup(id).map(|row| row.params);
    match arguments.input.byte() {
        0 => good(arguments, kind),
        1 => (std::ptr::null_mut(), 0),
        2 => {
            let length = arguments.input.odd_length(0);
            (std::ptr::null_mut(), length)
        }
        3 => no_pointers(arguments),
        _ => varied(arguments, kind),
    }
}

fn good(arguments: &mut Arguments, kind: Option<ParamKind>) -> (*mut u8, u64) {
    match kind {
        Some(ParamKind::Bytes(length)) => plain(arguments, &vec![7; length]),
        Some(ParamKind::AesCtr) => plain(arguments, &[&32u64.to_ne_bytes()[..], &[7; 16]].concat()),
        // Works without.
        Some(
            ParamKind::OptionalBytes(_)
            | ParamKind::OptionalEddsa
            | ParamKind::OptionalOtp
            | ParamKind::OptionalSignContext,
        ) => (std::ptr::null_mut(), 0),
        Some(kind) => match fields(arguments, kind) {
            Some(fields) => structure(arguments, &fields),
            None => shaped(arguments, kind, false),
        },
        None => (std::ptr::null_mut(), 0),
    }
}

/// A structure as `tests/boundary/layouts.rs` tells its words, with the usual numbers or, varied, with others that it names:
/// the lengths that they tell are there.
fn shaped(arguments: &mut Arguments, kind: ParamKind, vary: bool) -> (*mut u8, u64) {
    let bytes = match kind {
        ParamKind::AnyBytes if vary => arguments.input.piece().to_vec(),
        ParamKind::AnyBytes => peer(arguments),
        kind => match layout(kind) {
            Some(layout) if !layout.is_empty() => words(arguments, layout, vary),
            _ => return (std::ptr::null_mut(), 0),
        },
    };
    plain(arguments, &bytes)
}

fn words(arguments: &mut Arguments, layout: &[Word], vary: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in layout {
        let words = match *word {
            Word::Number(numbers) => {
                let varied = vary && arguments.input.rarely(3);
                vec![numbers[if varied { arguments.input.below(numbers.len()) } else { 0 }]]
            }
            Word::Bytes(length) => {
                let (place, length) = content(arguments, length, vary);
                vec![place, length]
            }
            Word::LengthBytes(length) => {
                let (place, length) = content(arguments, length, vary);
                vec![length, place]
            }
            Word::Bits(length) => {
                let (place, length) = content(arguments, length, vary);
                vec![place, 8 * length]
            }
            Word::Structure(inner) | Word::Place(inner) => {
                let inner = words(arguments, inner, vary);
                vec![arguments.keep(&inner) as u64]
            }
            Word::Array(inner) => {
                let inner = words(arguments, inner, vary);
                vec![1, arguments.keep(&inner) as u64]
            }
            Word::ArrayCount(inner) => {
                let inner = words(arguments, inner, vary);
                vec![arguments.keep(&inner) as u64, 1]
            }
            Word::Room(length) => vec![arguments.keep(&vec![0; length]) as u64],
        };
        bytes.extend(words.into_iter().flat_map(u64::to_ne_bytes));
    }
    bytes
}

/// Bytes and their length. Those of 16 are a counter of 32 bits where they are read as its format; those of 65 the point of a
/// key of ours.
fn content(arguments: &mut Arguments, length: usize, vary: bool) -> (u64, u64) {
    let bytes = match length {
        _ if vary && arguments.input.rarely(3) => arguments.input.piece().to_vec(),
        16 => [0u64, 32].iter().flat_map(|word| word.to_ne_bytes()).collect(),
        65 => peer(arguments),
        length => vec![3; length],
    };
    (arguments.keep(&bytes) as u64, bytes.len() as u64)
}

/// The parameter of one message under the mechanism of the process: with a nonce of the caller's or of the token's.
pub fn message(arguments: &mut Arguments) -> (*mut u8, u64) {
    let kind = mechanism::lookup(arguments.mechanism).map(|row| row.params);
    let (nonce, tag) = (arguments.keep(&[7; 12]) as u64, arguments.keep(&[0; 16]) as u64);
    let generator = match arguments.input.byte() {
        0 => CKG_GENERATE,
        1 => CKG_NO_GENERATE,
        2 => CKG_GENERATE_RANDOM,
        3 => CKG_GENERATE_COUNTER,
        _ => arguments.input.number(),
    };
    let words = match kind {
        Some(ParamKind::Gcm) => vec![nonce, 12, 0, generator, tag, 128],
        Some(ParamKind::Ccm) => vec![32, nonce, 12, 0, generator, tag, 16],
        Some(ParamKind::ChaCha20Poly1305) => vec![nonce, 12, tag],
        _ => return (std::ptr::null_mut(), 0),
    };
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    plain(arguments, &bytes)
}

/// The fields of a structure that works.
fn fields(arguments: &mut Arguments, kind: ParamKind) -> Option<Vec<Field>> {
    let blob = |length: usize| vec![3; length];
    Some(match kind {
        ParamKind::MacGeneral => vec![Number(8)],
        ParamKind::Gcm => {
            vec![Bytes(blob(12)), Number(96), Bytes(blob(5)), Number(128)]
        }
        ParamKind::Pss => vec![Number(CKM_SHA256), Number(CKG_MGF1_SHA256), Number(32)],
        ParamKind::Oaep => {
            vec![Number(CKM_SHA_1), Number(CKG_MGF1_SHA1), Number(CKZ_DATA_SPECIFIED), Bytes(blob(3))]
        }
        // The length of the data comes first: those that are encrypted where the input says nothing else.
        ParamKind::Ccm => vec![Number(32), Bytes(blob(12)), Bytes(blob(5)), Number(16)],
        ParamKind::ChaCha20Poly1305 => vec![Bytes(blob(12)), Bytes(blob(5))],
        ParamKind::StringData => vec![Bytes(blob(16))],
        ParamKind::KeyHandle => {
            let mut secret = arguments.world.keys.iter().filter(|key| key.class == CKO_SECRET_KEY);
            vec![Number(secret.next().map_or(0, |key| key.handle))]
        }
        ParamKind::FirstBit => vec![Number(0)],
        ParamKind::CbcData(iv) => {
            let iv = (0..iv / 8).map(|_| Number(7));
            iv.chain([Bytes(blob(32))]).collect()
        }
        // Extract and expand, each one byte.
        ParamKind::Hkdf => vec![
            Number(0x0101),
            Number(CKM_SHA256),
            Number(CKF_HKDF_SALT_DATA),
            Bytes(blob(16)),
            Number(0),
            Bytes(blob(4)),
        ],
        ParamKind::Ike2PrfPlus => vec![Number(CKM_SHA256_HMAC), Number(0), Number(0), Bytes(blob(16))],
        ParamKind::TlsMac => vec![Number(CKM_SHA256), Number(12), Number(1)],
        ParamKind::Ecdh1 => {
            vec![Number(CKD_NULL), Counted(Vec::new()), Counted(peer(arguments))]
        }
        _ => return None,
    })
}

/// The point of a key of ours, for key agreement.
fn peer(arguments: &mut Arguments) -> Vec<u8> {
    let choice = usize::from(arguments.input.byte()) + usize::from(arguments.favourite[2]);
    let world = arguments.world;
    let points = world.keys.iter().filter(|key| key.class == CKO_PUBLIC_KEY);
    let points: Vec<_> = points.filter_map(|key| world.attribute(key.handle, CKA_EC_POINT)).collect();
    points.get(choice % points.len().max(1)).cloned().unwrap_or_default()
}

/// A good structure whose numbers and bytes were changed, but whose lengths still agree with the pointers.
fn varied(arguments: &mut Arguments, kind: Option<ParamKind>) -> (*mut u8, u64) {
    match kind {
        Some(ParamKind::Bytes(length) | ParamKind::OptionalBytes(length)) => {
            let bytes: Vec<u8> = (0..length).map(|_| arguments.input.byte()).collect();
            plain(arguments, &bytes)
        }
        Some(ParamKind::AesCtr) => {
            let bytes: [u8; 24] = arguments.input.array();
            plain(arguments, &bytes)
        }
        Some(kind) => match fields(arguments, kind) {
            Some(mut fields) => {
                vary(arguments, &mut fields);
                structure(arguments, &fields)
            }
            None if arguments.input.rarely(8) => pointers_only(arguments),
            None => shaped(arguments, kind, true),
        },
        None => pointers_only(arguments),
    }
}

fn vary(arguments: &mut Arguments, fields: &mut [Field]) {
    for field in fields {
        match field {
            Number(number) if arguments.input.rarely(2) => *number = arguments.input.number(),
            Bytes(bytes) | Counted(bytes) if arguments.input.rarely(2) => {
                *bytes = arguments.input.piece().to_vec();
            }
            _ => {}
        }
    }
}

fn structure(arguments: &mut Arguments, fields: &[Field]) -> (*mut u8, u64) {
    let mut words = Vec::new();
    for field in fields {
        match field {
            Number(number) => words.push(*number),
            Bytes(bytes) => words.extend([arguments.keep(bytes) as u64, bytes.len() as u64]),
            Counted(bytes) => words.extend([bytes.len() as u64, arguments.keep(bytes) as u64]),
        }
    }
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    plain(arguments, &bytes)
}

/// A structure of a form that nobody knows: of zeros and of pointers to zeros. As lengths and counts, pointers are
/// larger than any that is accepted; where such memory has pointers of its own, they are NULL.
fn pointers_only(arguments: &mut Arguments) -> (*mut u8, u64) {
    let mut bytes = Vec::new();
    for _ in 0..arguments.input.below(16) {
        let word = if arguments.input.rarely(2) { arguments.keep(&[0; 1 << 10]) as u64 } else { 0 };
        bytes.extend(word.to_ne_bytes());
    }
    plain(arguments, &bytes)
}

/// Bytes of any length that is no structure's.
fn no_pointers(arguments: &mut Arguments) -> (*mut u8, u64) {
    let length = arguments.input.below(64) * 8 + 1;
    let bytes: Vec<u8> = (0..length).map(|_| arguments.input.byte()).collect();
    plain(arguments, &bytes)
}

fn plain(arguments: &mut Arguments, bytes: &[u8]) -> (*mut u8, u64) {
    (arguments.keep(bytes), bytes.len() as u64)
}
