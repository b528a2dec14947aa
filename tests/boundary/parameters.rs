//! The parameter of every mechanism with each of its fields wrong: NULL, misaligned, at the end of a page, short, long and
//! absurdly long, and of every size, in each function that the mechanism serves.

use coffer_pkcs11::ck::*;
use coffer_pkcs11::mechanism::{self, Mechanism, ParamKind};

use super::arguments::{Maker, Way};
use super::functions::{FUNCTIONS, Kind, index_of};
use super::interface::*;
use super::layouts::{Field, layout};
use super::memory::{Memory, Pointer};
use super::worker::{Progress, in_slice, is_campaign};
use super::world::{Base, State, World};

/// One case in how many the slice takes.
const SLICE: u64 = 11;

/// How one field is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Number(u64),
    /// A pointer, memory of so many bytes, and the length that is told.
    Bytes(Pointer, u64, u64),
    Pointer(Pointer),
    /// How many structures are told.
    Count(Pointer, u64),
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Usual,
    /// The field with this number, counted through all structures.
    Field(usize, Wrong),
    /// The whole parameter: a pointer and memory of so many bytes, and the length that is told.
    Whole(Pointer, u64, u64),
}

struct Case {
    row: &'static Mechanism,
    function: usize,
    change: Change,
}

const POINTERS: [Pointer; 3] = [Pointer::Null, Pointer::End, Pointer::Odd];

fn ways(field: Field) -> Vec<Wrong> {
    match field {
        Field::Number(numbers) => numbers[1..].iter().map(|number| Wrong::Number(*number)).collect(),
        Field::Bytes(len) | Field::LengthBytes(len) => bytes(len as u64, 1),
        Field::Bits(len) => bytes(len as u64, 8),
        Field::Structure(_) | Field::Place(_) | Field::Room(_) => POINTERS.map(Wrong::Pointer).to_vec(),
        Field::Array(_) | Field::ArrayCount(_) => {
            let told = [0, 1, 1 << 16, 1 << 31, 1 << 32, i64::MAX as u64, u64::MAX];
            let counts =
                POINTERS.into_iter().flat_map(|pointer| told.map(|count| Wrong::Count(pointer, count)));
            counts.collect()
        }
    }
}

fn bytes(usual: u64, unit: u64) -> Vec<Wrong> {
    let lengths = [0, 1, usual.saturating_sub(1), usual, usual + 1, 1 << 16];
    let there = POINTERS
        .into_iter()
        .flat_map(move |pointer| lengths.map(move |len| Wrong::Bytes(pointer, len, len * unit)));
    let huge = [1 << 31, 1 << 32, i64::MAX as u64, u64::MAX].map(|len| Wrong::Bytes(Pointer::Null, 0, len));
    let absurd = [i64::MAX as u64, u64::MAX].map(|len| Wrong::Bytes(Pointer::End, usual, len));
    there.chain(huge).chain(absurd).collect()
}

/// The fields with those of inner structures behind the field that leads to them.
fn all_fields(fields: &'static [Field]) -> Vec<Field> {
    let mut all = Vec::new();
    for field in fields {
        all.push(*field);
        if let Field::Structure(inner)
        | Field::Array(inner)
        | Field::ArrayCount(inner)
        | Field::Place(inner) = field
        {
            all.extend(all_fields(inner));
        }
    }
    all
}

/// Builds a parameter field by field.
struct Builder<'a> {
    memory: &'a mut Memory,
    change: Change,
    /// The number of the next field.
    next: usize,
}

impl Builder<'_> {
    fn structure(&mut self, fields: &[Field]) -> Vec<u64> {
        fields.iter().flat_map(|field| self.field(*field)).collect()
    }

    fn field(&mut self, field: Field) -> Vec<u64> {
        let wrong = match self.change {
            Change::Field(number, wrong) if number == self.next => Some(wrong),
            _ => None,
        };
        self.next += 1;
        let pointer = match wrong {
            Some(Wrong::Pointer(pointer) | Wrong::Count(pointer, _)) => pointer,
            _ => Pointer::End,
        };
        match field {
            Field::Number(numbers) => match wrong {
                Some(Wrong::Number(number)) => vec![number],
                _ => vec![numbers[0]],
            },
            Field::Bytes(len) => self.bytes(len, 1, wrong).to_vec(),
            Field::Bits(len) => self.bytes(len, 8, wrong).to_vec(),
            Field::LengthBytes(len) => {
                let [place, told] = self.bytes(len, 1, wrong);
                vec![told, place]
            }
            Field::Structure(fields) | Field::Place(fields) => {
                let words = self.structure(fields);
                vec![self.words(&words, pointer, matches!(field, Field::Place(_)))]
            }
            Field::Array(fields) | Field::ArrayCount(fields) => {
                let words = self.structure(fields);
                let count = if let Some(Wrong::Count(_, count)) = wrong { count } else { 1 };
                let place = self.words(&words, pointer, false);
                if matches!(field, Field::Array(_)) { vec![count, place] } else { vec![place, count] }
            }
            Field::Room(len) => vec![self.memory.room(len, pointer) as u64],
        }
    }

    /// A pointer and a length.
    fn bytes(&mut self, usual: usize, unit: u64, wrong: Option<Wrong>) -> [u64; 2] {
        let (pointer, len, told) = match wrong {
            Some(Wrong::Bytes(pointer, len, told)) => (pointer, len as usize, told),
            _ => (Pointer::End, usual, usual as u64 * unit),
        };
        [self.memory.place(&vec![0x11; len], pointer, false) as u64, told]
    }

    fn words(&mut self, words: &[u64], pointer: Pointer, writable: bool) -> u64 {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        self.memory.place(&bytes, pointer, writable) as u64
    }
}

/// The functions that a mechanism serves.
fn served(row: &Mechanism) -> Vec<usize> {
    let ops = &row.ops;
    let functions = [
        (ops.encrypt.is_some(), "C_EncryptInit"),
        (ops.decrypt.is_some(), "C_DecryptInit"),
        (ops.digest.is_some(), "C_DigestInit"),
        (ops.sign.is_some(), "C_SignInit"),
        (ops.sign_recover.is_some(), "C_SignRecoverInit"),
        (ops.verify.is_some(), "C_VerifyInit"),
        (ops.verify_recover.is_some(), "C_VerifyRecoverInit"),
        (ops.generate_key.is_some(), "C_GenerateKey"),
        (ops.generate_key_pair.is_some(), "C_GenerateKeyPair"),
        (ops.wrap.is_some(), "C_WrapKey"),
        (ops.unwrap.is_some(), "C_UnwrapKey"),
        (ops.derive.is_some(), "C_DeriveKey"),
    ];
    functions.into_iter().filter(|(has, _)| *has).map(|(_, name)| index_of(name)).collect()
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let with_mechanism =
        |function: &usize| matches!(FUNCTIONS[*function].kinds.get(1), Some(Kind::Mechanism(_)));
    for row in mechanism::all() {
        // Functions that the mechanism does not serve look at the parameter, too.
        let others = (0..FUNCTIONS.len()).filter(with_mechanism).filter(|other| !served(row).contains(other));
        for function in others {
            let changes = [(Pointer::Null, 0, 0), (Pointer::Odd, 16, 16), (Pointer::Null, 0, u64::MAX)];
            cases.extend(changes.map(|(pointer, size, told)| Case {
                row,
                function,
                change: Change::Whole(pointer, size, told),
            }));
        }
        let fields = all_fields(layout(row.params).unwrap_or_default());
        for function in served(row) {
            let mut add = |change| cases.push(Case { row, function, change });
            // Making keys takes long, and is no matter of parameters.
            if !FUNCTIONS[function].name.starts_with("C_Generate") {
                add(Change::Usual);
            }
            for (number, field) in fields.iter().enumerate() {
                for wrong in ways(*field) {
                    add(Change::Field(number, wrong));
                }
            }
            for pointer in POINTERS {
                for size in
                    (1..=20).chain([23, 24, 25, 31, 32, 33, 40, 48, 56, 64, 72, 80, 88, 96, 120, 1 << 16])
                {
                    // Bytes of any length are taken as they are, and structures must not be taken for others.
                    add(Change::Whole(pointer, size, size));
                }
            }
            for told in [1 << 31, 1 << 32, i64::MAX as u64, u64::MAX] {
                add(Change::Whole(Pointer::Null, 0, told));
            }
            for told in [i64::MAX as u64, u64::MAX] {
                add(Change::Whole(Pointer::End, 16, told));
            }
        }
    }
    cases
}

/// The key that comes nearest to what the mechanism needs.
fn key(row: &Mechanism, function: &str, handles: [CK_OBJECT_HANDLE; 5]) -> CK_OBJECT_HANDLE {
    let [aes, generic, rsa_public, rsa_private, ec_private] = handles;
    let public = matches!(function, "C_EncryptInit" | "C_VerifyInit" | "C_VerifyRecoverInit" | "C_WrapKey");
    match row.key.types {
        types if types.contains(&CKK_RSA) && public => rsa_public,
        types if types.contains(&CKK_RSA) => rsa_private,
        types if types.contains(&CKK_EC) => ec_private,
        types if types.contains(&CKK_AES) => aes,
        _ => generic,
    }
}

#[test]
fn every_form_of_parameter_has_a_layout() {
    for row in mechanism::all() {
        assert!(layout(row.params).is_some(), "{}: {:?} has no layout", row.name, row.params);
    }
}

#[test]
fn no_parameter_of_no_mechanism_hurts_the_host() {
    in_own_process("parameters::no_parameter_of_no_mechanism_hurts_the_host", || {
        let functions = load().functions;
        let mut cases = cases();
        if !is_campaign() {
            let mut index = 0;
            cases.retain(|case| {
                index += 1;
                matches!(case.change, Change::Usual) || in_slice(index, SLICE)
            });
        }
        let progress = Progress::shared();
        let deaths = progress.run(cases.len(), |first| work(functions, &cases[first..], progress));
        let deaths: Vec<String> = deaths.into_iter().map(|case| told(&cases[case])).collect();
        progress.judge(&format!("parameters of {} mechanisms", mechanism::all().len()), &deaths);
    });
}

fn told(case: &Case) -> String {
    format!(
        "{} with {} ({:?}), {:?}",
        FUNCTIONS[case.function].name, case.row.name, case.row.params, case.change
    )
}

fn work(functions: &'static CK_FUNCTION_LIST_3_2, cases: &[Case], progress: &Progress) {
    let mut world = World::new(functions);
    for case in cases {
        progress.next();
        world.enter(&State { base: Base::User, calls: &[] });
        world.memory.clear();
        let (place, len) = parameter(&mut world.memory, case);
        let mechanism = [case.row.id, place, len];
        let mechanism: Vec<u8> = mechanism.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let mechanism = world.memory.place(&mechanism, Pointer::End, false) as u64;
        let row = &FUNCTIONS[case.function];
        let key = key(case.row, row.name, world.handles.keys);
        let mut maker =
            Maker { memory: &mut world.memory, handles: &world.handles, slot: world.slot, input: None };
        let mut words = Vec::new();
        let mut first_key = true;
        for kind in row.kinds {
            match kind {
                Kind::Mechanism(_) => words.push(mechanism),
                Kind::Object(_) if std::mem::take(&mut first_key) => words.push(key),
                _ => words.extend(maker.words(*kind, Way::Usual)),
            }
        }
        progress.call(&mut world, case.function, &words, None, || told(case));
    }
}

/// The parameter's address and length.
fn parameter(memory: &mut Memory, case: &Case) -> (u64, u64) {
    if let Change::Whole(pointer, size, told) = case.change {
        return (memory.place(&vec![0; size as usize], pointer, false) as u64, told);
    }
    let bytes = match case.row.params {
        ParamKind::None | ParamKind::OptionalBytes(_) => return (0, 0),
        ParamKind::OptionalEddsa | ParamKind::OptionalOtp | ParamKind::OptionalSignContext
            if matches!(case.change, Change::Usual) =>
        {
            return (0, 0);
        }
        ParamKind::Bytes(len) => vec![0x22; len],
        ParamKind::AnyBytes => vec![0x22; 65],
        kind => {
            let fields = layout(kind).unwrap_or_default();
            let mut builder = Builder { memory: &mut *memory, change: case.change, next: 0 };
            builder.structure(fields).iter().flat_map(|word| word.to_ne_bytes()).collect()
        }
    };
    let len = bytes.len() as u64;
    (memory.place(&bytes, Pointer::Odd, false) as u64, len)
}
