//! Arrays of CK_ATTRIBUTE: templates that make and change objects, and such that ask for values.

use std::ptr;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::object::{Kind, attribute};

use super::arguments::Arguments;

/// A template to begin with: numbers, flags and bytes.
type Preset = &'static [(CK_ATTRIBUTE_TYPE, &'static [u8])];

const fn number(number: CK_ULONG) -> [u8; 8] {
    number.to_ne_bytes()
}

const P256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const ED25519: &[u8] = &[6, 3, 0x2b, 0x65, 0x70];
const X25519: &[u8] = &[6, 3, 0x2b, 0x65, 0x6e];
const YES: &[u8] = &[CK_TRUE];
const NO: &[u8] = &[CK_FALSE];

pub const PRESETS: &[Preset] = &[
    &[],
    &[(CKA_LABEL, b"label")],
    &[(CKA_CLASS, &number(CKO_DATA)), (CKA_VALUE, b"value"), (CKA_LABEL, b"label")],
    &[(CKA_CLASS, &number(CKO_SECRET_KEY)), (CKA_KEY_TYPE, &number(CKK_AES)), (CKA_VALUE, &[7; 16])],
    &[
        (CKA_CLASS, &number(CKO_SECRET_KEY)),
        (CKA_KEY_TYPE, &number(CKK_GENERIC_SECRET)),
        (CKA_VALUE_LEN, &number(16)),
        (CKA_EXTRACTABLE, YES),
    ],
    &[(CKA_CLASS, &number(CKO_SECRET_KEY)), (CKA_KEY_TYPE, &number(CKK_AES)), (CKA_VALUE_LEN, &number(32))],
    &[(CKA_CLASS, &number(CKO_SECRET_KEY)), (CKA_KEY_TYPE, &number(CKK_AES))],
    &[(CKA_CLASS, &number(CKO_SECRET_KEY)), (CKA_KEY_TYPE, &number(CKK_GENERIC_SECRET))],
    &[(CKA_CLASS, &number(CKO_PRIVATE_KEY)), (CKA_KEY_TYPE, &number(CKK_EC))],
    &[(CKA_CLASS, &number(CKO_PRIVATE_KEY)), (CKA_KEY_TYPE, &number(CKK_RSA))],
    &[(CKA_VALUE_LEN, &number(16))],
    &[(CKA_VALUE_LEN, &number(32)), (CKA_TOKEN, YES)],
    &[(CKA_EC_PARAMS, P256)],
    &[(CKA_EC_PARAMS, ED25519)],
    &[(CKA_EC_PARAMS, X25519)],
    &[(CKA_MODULUS_BITS, &number(1024))],
    &[(CKA_PARAMETER_SET, &number(1))],
    &[
        (CKA_CLASS, &number(CKO_PRIVATE_KEY)),
        (CKA_KEY_TYPE, &number(CKK_EC)),
        (CKA_EC_PARAMS, P256),
        (CKA_VALUE, &[5; 32]),
    ],
    &[
        (CKA_CLASS, &number(CKO_CERTIFICATE)),
        (CKA_CERTIFICATE_TYPE, &number(CKC_X_509)),
        (CKA_SUBJECT, b"0\0"),
        (CKA_VALUE, b"0\0"),
        (CKA_TOKEN, YES),
    ],
    &[(CKA_SENSITIVE, YES), (CKA_EXTRACTABLE, NO), (CKA_PRIVATE, YES)],
];

/// An attribute in the making.
struct Made {
    id: CK_ATTRIBUTE_TYPE,
    value: *mut u8,
    length: u64,
}

/// A template: a preset, and what the input adds, replaces and takes away.
pub fn template(arguments: &mut Arguments) -> (*mut CK_ATTRIBUTE, u64) {
    let choice = match arguments.input.byte() {
        0 => arguments.favourite[1 + arguments.templates.min(1)],
        choice => choice,
    };
    arguments.templates += 1;
    let mut list = Vec::new();
    for (id, value) in PRESETS[usize::from(choice) % PRESETS.len()] {
        let place = arguments.keep(value);
        list.push(Made { id: *id, value: place, length: value.len() as u64 });
    }
    edit(arguments, &mut list, 0);
    lay_out(arguments, &list)
}

/// Up to fifteen further attributes.
fn edit(arguments: &mut Arguments, list: &mut Vec<Made>, depth: usize) {
    for _ in 0..arguments.input.byte() % 16 {
        if arguments.input.rarely(16) {
            list.pop();
            continue;
        }
        let made = made(arguments, depth);
        list.push(made);
    }
}

fn made(arguments: &mut Arguments, depth: usize) -> Made {
    let known = attribute::all();
    let id = match arguments.input.byte() {
        0xff => arguments.input.number(),
        choice => known[usize::from(choice) % known.len()].id,
    };
    let kind = attribute::lookup(id).map_or(Kind::Bytes, |info| info.kind);
    let bytes = match (arguments.input.byte(), kind) {
        (0xff, _) => {
            // NULL with a length.
            let length = arguments.input.odd_length(0);
            return Made { id, value: ptr::null_mut(), length };
        }
        (0xfe, _) => arguments.input.piece().to_vec(),
        (_, Kind::Template) if depth < 5 => {
            let mut nested = Vec::new();
            edit(arguments, &mut nested, depth + 1);
            let (value, count) = lay_out(arguments, &nested);
            return Made { id, value: value.cast(), length: count * size_of::<CK_ATTRIBUTE>() as u64 };
        }
        // Only bytes that cannot be taken for pointers.
        (_, Kind::Template) => Vec::new(),
        (_, Kind::Bool) => vec![arguments.input.byte() % 3],
        (_, Kind::Ulong) => number(u64::from(arguments.input.byte())).to_vec(),
        (_, Kind::Date) => b"20260101".to_vec(),
        (_, _) => arguments.input.piece().to_vec(),
    };
    // Templates hold pointers, which bytes of the fuzzer's choice must not stand for.
    let pointers = id & CKF_ARRAY_ATTRIBUTE != 0 || kind == Kind::Template;
    let bytes = if pointers && id != CKA_ALLOWED_MECHANISMS { vec![0; bytes.len()] } else { bytes };
    let length = bytes.len() as u64;
    Made { id, value: arguments.keep(&bytes), length }
}

/// A query: attributes with room for values of some lengths, or with none.
pub fn query(arguments: &mut Arguments) -> (*mut CK_ATTRIBUTE, u64) {
    let known = attribute::all();
    let mut list = Vec::new();
    let room = arguments.keep(&[0; 64]);
    list.push(Made { id: CKA_CLASS, value: room, length: 64 });
    for _ in 0..arguments.input.byte() % 32 {
        let id = match arguments.input.byte() {
            0xff => arguments.input.number(),
            choice => known[usize::from(choice) % known.len()].id,
        };
        let length = usize::from(arguments.input.byte()) * 4;
        // What asks for a template has room for pointers, zeroed.
        let value =
            if arguments.input.rarely(4) { ptr::null_mut() } else { arguments.keep(&vec![0; length]) };
        list.push(Made { id, value, length: length as u64 });
    }
    lay_out(arguments, &list)
}

fn lay_out(arguments: &mut Arguments, list: &[Made]) -> (*mut CK_ATTRIBUTE, u64) {
    let mut bytes = Vec::new();
    for made in list {
        bytes.extend(made.id.to_ne_bytes());
        bytes.extend((made.value as usize).to_ne_bytes());
        bytes.extend(made.length.to_ne_bytes());
    }
    (arguments.keep(&bytes).cast(), list.len() as u64)
}
