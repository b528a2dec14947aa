//! Key derivation of NIST SP 800-108 (PKCS#11 section 6.42): counter, feedback and double-pipeline mode, with HMAC and CMAC.

use zeroize::Zeroizing;

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::rules::{self, Inheritance};
use crate::object::{Attributes, Template, Value};
use crate::policy::UsableKey;
use crate::secret::Secret;

use super::operation::{Derivation, Derived};
use super::params::{ParamKind, Params};
use super::prf::{self, Keyed, Prf, row};
use super::row::Mechanism;
use super::secret_value;

/// The most keying material of one call, in bytes.
const MAX_DERIVED: usize = 1 << 20;

/// CK_SP800_108_KDF_PARAMS and CK_SP800_108_FEEDBACK_KDF_PARAMS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sp800108Params {
    /// The mechanism of the pseudo-random function.
    pub prf: CK_MECHANISM_TYPE,
    pub data: Vec<PrfData>,
    /// K(0) of the feedback mode, empty for none.
    pub iv: Vec<u8>,
    /// The templates of the additional derived keys.
    pub additional: Vec<Template>,
}

/// CK_PRF_DATA_PARAM: a segment of the input of the pseudo-random function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrfData {
    /// CK_SP800_108_ITERATION_VARIABLE: in counter mode a number of this form, else K(i-1) or A(i).
    Iteration(Option<Number>),
    /// CK_SP800_108_COUNTER.
    Counter(Number),
    /// CK_SP800_108_DKM_LENGTH: of all keys, or of all segments that they take.
    Length { segments: bool, form: Number },
    /// CK_SP800_108_BYTE_ARRAY.
    Bytes(Vec<u8>),
    /// CK_SP800_108_KEY_HANDLE: the next of the keys that the parameter names.
    Key,
}

/// The form of a number: 8 to 64 bits, whole bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    pub little_endian: bool,
    pub bits: u64,
}

impl Number {
    /// The largest number of the form, `None` for a form that is none.
    fn largest(self) -> Option<u64> {
        match self.bits {
            8 | 16 | 24 | 32 | 40 | 48 | 56 | 64 => Some(u64::MAX >> (64 - self.bits)),
            _ => None,
        }
    }

    fn encode(self, number: u64) -> Vec<u8> {
        let width = (self.bits / 8) as usize;
        let bytes = number.to_le_bytes();
        let bytes = bytes.iter().copied().take(width);
        if self.little_endian { bytes.collect() } else { bytes.rev().collect() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Counter,
    Feedback,
    DoublePipeline,
}

pub(super) static ROWS: &[Mechanism] = &[
    row(CKM_SP800_108_COUNTER_KDF, "CKM_SP800_108_COUNTER_KDF", ParamKind::Sp800108, |input| {
        derive(input, Mode::Counter)
    }),
    row(CKM_SP800_108_FEEDBACK_KDF, "CKM_SP800_108_FEEDBACK_KDF", ParamKind::Sp800108Feedback, |input| {
        derive(input, Mode::Feedback)
    }),
    row(
        CKM_SP800_108_DOUBLE_PIPELINE_KDF,
        "CKM_SP800_108_DOUBLE_PIPELINE_KDF",
        ParamKind::Sp800108,
        |input| derive(input, Mode::DoublePipeline),
    ),
];

/// Every key begins with a segment of its own ("all keys must be created from disjoint segments"). Errors:
/// CKR_MECHANISM_PARAM_INVALID, CKR_KEY_TYPE_INCONSISTENT for a key that the pseudo-random function cannot have,
/// CKR_TEMPLATE_INCOMPLETE for a key without a length, CKR_KEY_SIZE_RANGE for more than the counter can count.
fn derive(input: &Derivation, mode: Mode) -> Result<Derived> {
    let Params::Sp800108(params) = input.params else { return Err(Error::MechanismParamInvalid) };
    let prf = prf_of(params.prf, input.base.object().key_type())?;
    let mut lengths = vec![input.wanted.ok_or(Error::TemplateIncomplete)?];
    for template in &params.additional {
        lengths.push(rules::value_len(template.attributes())?.ok_or(Error::TemplateIncomplete)?);
    }
    let plan = Plan::new(mode, params, prf, &lengths)?;
    let fixed = segments_of(params, input.keys, &plan)?;
    let material = material(mode, &prf.keyed(secret_value(input.base)?)?, &fixed, &params.iv, plan.segments)?;

    let mut keys = Vec::new();
    let mut start = 0;
    for length in lengths {
        let value = material.as_bytes().get(start..start + length).ok_or(Error::GeneralError)?;
        keys.push(Attributes::from_iter([(CKA_VALUE, Value::Secret(Secret::copy_of(value)))]));
        start += length.next_multiple_of(prf.output_len());
    }
    let mut keys = keys.into_iter();
    let main = keys.next();
    let further = params.additional.iter().cloned().zip(keys).collect();
    Ok(Derived { main, further, ..Derived::nothing() }.inheriting(Inheritance::Base))
}

/// The functions of section 6.42. A cipher wants its own keys, HMAC any others: CKR_KEY_TYPE_INCONSISTENT.
fn prf_of(id: CK_MECHANISM_TYPE, key_type: Option<CK_KEY_TYPE>) -> Result<Prf> {
    let prf = prf::of_parameter(id)?;
    let fits = match (prf, key_type) {
        (Prf::AesXcbc, _) => return Err(Error::MechanismParamInvalid),
        (Prf::AesCmac, key_type) => key_type == Some(CKK_AES),
        (Prf::Des3Cmac, key_type) => matches!(key_type, Some(CKK_DES2 | CKK_DES3)),
        (Prf::Hmac(..), key_type) => !matches!(key_type, Some(CKK_AES | CKK_DES2 | CKK_DES3)),
    };
    if fits { Ok(prf) } else { Err(Error::KeyTypeInconsistent) }
}

/// How much is made.
struct Plan {
    /// Outputs of the pseudo-random function.
    segments: u64,
    /// Bits of all keys, and of all segments.
    bits: (u64, u64),
}

impl Plan {
    fn new(mode: Mode, params: &Sp800108Params, prf: Prf, lengths: &[usize]) -> Result<Self> {
        let size = prf.output_len();
        let taken = |sum: usize, length: &usize| sum.checked_add(length.checked_next_multiple_of(size)?);
        let whole = lengths.iter().try_fold(0, taken).filter(|bytes| *bytes <= MAX_DERIVED);
        let whole = whole.ok_or(Error::KeySizeRange)?;
        let plan = Self {
            segments: (whole / size) as u64,
            bits: (lengths.iter().sum::<usize>() as u64 * 8, whole as u64 * 8),
        };
        if lengths.contains(&0) || plan.segments > most_segments(mode, &params.data)? {
            return Err(Error::KeySizeRange);
        }
        Ok(plan)
    }
}

/// Checks the segments of data against the tables of section 6.42; answers how far the counter counts.
fn most_segments(mode: Mode, data: &[PrfData]) -> Result<u64> {
    let (mut iterations, mut counters, mut lengths) = (0, 0, 0);
    let mut most = u64::from(u32::MAX);
    for segment in data {
        let form = match (segment, mode) {
            (PrfData::Iteration(form @ Some(_)), Mode::Counter) => {
                iterations += 1;
                *form
            }
            (PrfData::Iteration(None), Mode::Feedback | Mode::DoublePipeline) => {
                iterations += 1;
                None
            }
            (PrfData::Counter(form), Mode::Feedback | Mode::DoublePipeline) => {
                counters += 1;
                Some(*form)
            }
            (PrfData::Length { form, .. }, _) => {
                lengths += 1;
                form.largest().ok_or(Error::MechanismParamInvalid)?;
                None
            }
            (PrfData::Bytes(bytes), _) if !bytes.is_empty() => None,
            (PrfData::Key, _) => None,
            _ => return Err(Error::MechanismParamInvalid),
        };
        if let Some(form) = form {
            let largest = form.largest().filter(|largest| *largest <= u64::from(u32::MAX));
            most = most.min(largest.ok_or(Error::MechanismParamInvalid)?);
        }
    }
    match (iterations, counters, lengths) {
        (1, 0 | 1, 0 | 1) => Ok(most),
        _ => Err(Error::MechanismParamInvalid),
    }
}

/// A segment with its bytes, where they are the same in every round.
enum Segment {
    Iteration,
    Counter(Number),
    Fixed(Zeroizing<Vec<u8>>),
}

fn segments_of(params: &Sp800108Params, keys: &[UsableKey], plan: &Plan) -> Result<Vec<Segment>> {
    let mut keys = keys.iter();
    let segment = |data: &PrfData| {
        Ok(match data {
            // In counter mode the iteration variable is the counter.
            PrfData::Iteration(Some(form)) | PrfData::Counter(form) => Segment::Counter(*form),
            PrfData::Iteration(None) => Segment::Iteration,
            PrfData::Length { segments, form } => {
                let bits = if *segments { plan.bits.1 } else { plan.bits.0 };
                if form.largest().is_none_or(|largest| bits > largest) {
                    return Err(Error::MechanismParamInvalid);
                }
                Segment::Fixed(form.encode(bits).into())
            }
            PrfData::Bytes(bytes) => Segment::Fixed(bytes.clone().into()),
            PrfData::Key => {
                let key = keys.next().ok_or(Error::MechanismParamInvalid)?;
                Segment::Fixed(secret_value(key)?.to_vec().into())
            }
        })
    };
    params.data.iter().map(segment).collect()
}

/// SP 800-108r1 sections 4.1 to 4.3: K(1), K(2) … one behind the other.
fn material(mode: Mode, prf: &Keyed, data: &[Segment], iv: &[u8], segments: u64) -> Result<Secret> {
    let mut output = Zeroizing::new(Vec::new());
    // K(i-1) in feedback mode, A(i) in double-pipeline mode.
    let mut iteration = Zeroizing::new(iv.to_vec());
    for counter in 1..=segments {
        if mode == Mode::DoublePipeline {
            let before = if counter == 1 { input_of(data, None) } else { iteration };
            iteration = prf.output(&[&before])?.as_bytes().to_vec().into();
        }
        let segment = prf.output(&[&input_of(data, Some((&iteration, counter)))])?;
        output.extend_from_slice(segment.as_bytes());
        if mode == Mode::Feedback {
            iteration = segment.as_bytes().to_vec().into();
        }
    }
    Ok(Secret::copy_of(&output))
}

/// The input of one round, of its iteration variable and counter; without a round A(0), which has neither of them.
fn input_of(data: &[Segment], round: Option<(&[u8], u64)>) -> Zeroizing<Vec<u8>> {
    let mut input = Zeroizing::new(Vec::new());
    for segment in data {
        match (segment, round) {
            (Segment::Fixed(bytes), _) => input.extend_from_slice(bytes),
            (Segment::Iteration, Some((iteration, _))) => input.extend_from_slice(iteration),
            (Segment::Counter(form), Some((_, counter))) => input.extend(form.encode(counter)),
            (Segment::Iteration | Segment::Counter(_), None) => {}
        }
    }
    input
}

#[cfg(test)]
mod tests;
