//! Miscellaneous simple key derivations (PKCS#11 section 6.43): concatenation, XOR, and a part of a key.
//!
//! Whoever may choose the length of such a key could make one that holds a single unknown byte, and try its 256
//! values. So a key that cannot be read gives `MIN_HIDDEN` of its bytes or all of them, never fewer.

use crate::ck::*;
use crate::error::{Error, Result};
use crate::object::rules::Inheritance;
use crate::policy::UsableKey;
use crate::secret::Secret;

use super::operation::{Derivation, Derived, End, cut};
use super::params::{ParamKind, Params};
use super::row::{Approval, DeriveFn, KeyNeed, Mechanism, Ops};
use super::{ANY_SECRET, secret_value};

/// Bytes of a key that cannot be read which a part of it has at least: 112 bits (SP 800-131A).
pub(super) const MIN_HIDDEN: usize = 14;

/// The longest key that is put together, in bytes.
const MAX_JOINED: usize = 1 << 20;

pub(super) static ROWS: &[Mechanism] = &[
    row(CKM_CONCATENATE_BASE_AND_KEY, "CKM_CONCATENATE_BASE_AND_KEY", ParamKind::KeyHandle, base_and_key),
    row(CKM_CONCATENATE_BASE_AND_DATA, "CKM_CONCATENATE_BASE_AND_DATA", ParamKind::StringData, |input| {
        joined(input, &[Part::of(input.base)?, Part::data(input.params.bytes())])
    }),
    row(CKM_CONCATENATE_DATA_AND_BASE, "CKM_CONCATENATE_DATA_AND_BASE", ParamKind::StringData, |input| {
        joined(input, &[Part::data(input.params.bytes()), Part::of(input.base)?])
    }),
    row(CKM_XOR_BASE_AND_DATA, "CKM_XOR_BASE_AND_DATA", ParamKind::StringData, xor),
    row(CKM_EXTRACT_KEY_FROM_KEY, "CKM_EXTRACT_KEY_FROM_KEY", ParamKind::FirstBit, extract),
];

const fn row(id: CK_MECHANISM_TYPE, name: &'static str, params: ParamKind, derive: DeriveFn) -> Mechanism {
    Mechanism {
        id,
        name,
        params,
        key: KeyNeed::secret(ANY_SECRET),
        sizes: (0, 0),
        flags: 0,
        approval: Approval::Approved,
        ops: Ops { derive: Some(derive), ..Ops::NONE },
    }
}

/// A piece of the new key.
struct Part<'a> {
    bytes: &'a [u8],
    /// True for the value of a key that cannot be read.
    hidden: bool,
}

impl<'a> Part<'a> {
    fn of(key: &'a UsableKey) -> Result<Self> {
        Ok(Self { bytes: secret_value(key)?, hidden: is_hidden(key) })
    }

    fn data(bytes: &'a [u8]) -> Self {
        Self { bytes, hidden: false }
    }
}

/// True where the key's value cannot be read.
pub(super) fn is_hidden(key: &UsableKey) -> bool {
    key.object().is_true(CKA_SENSITIVE) || !key.object().is_true(CKA_EXTRACTABLE)
}

fn base_and_key(input: &Derivation) -> Result<Derived> {
    let [other] = input.keys else { return Err(Error::MechanismParamInvalid) };
    joined(input, &[Part::of(input.base)?, Part::of(other)?])
}

/// The leading bytes of all parts. Errors: CKR_KEY_SIZE_RANGE for more bytes than there are, and for fewer bytes of
/// hidden keys than they must give.
fn joined(input: &Derivation, parts: &[Part]) -> Result<Derived> {
    let total = parts.iter().try_fold(0usize, |sum, part| sum.checked_add(part.bytes.len()));
    let total = total.filter(|total| *total <= MAX_JOINED).ok_or(Error::KeySizeRange)?;
    let length = input.wanted.unwrap_or(total);
    let (mut start, mut hidden, mut taken) = (0, 0, 0);
    for part in parts {
        if part.hidden {
            hidden += part.bytes.len();
            taken += part.bytes.len().min(length.saturating_sub(start));
        }
        start += part.bytes.len();
    }
    if taken < hidden.min(MIN_HIDDEN) {
        return Err(Error::KeySizeRange);
    }
    let mut value = Vec::new();
    value.try_reserve_exact(total)?;
    parts.iter().for_each(|part| value.extend_from_slice(part.bytes));
    let value = cut(Secret::new(value), input.wanted, End::Leading)?;
    Ok(Derived::key(value).inheriting(Inheritance::Strictest))
}

/// As long as the shorter of both.
fn xor(input: &Derivation) -> Result<Derived> {
    let key = Part::of(input.base)?;
    let value = key.bytes.iter().zip(input.params.bytes()).map(|(left, right)| left ^ right).collect();
    let value = cut(Secret::new(value), input.wanted, End::Leading)?;
    if key.hidden && value.len() < key.bytes.len().min(MIN_HIDDEN) {
        return Err(Error::KeySizeRange);
    }
    Ok(Derived::key(value).inheriting(Inheritance::Strictest))
}

/// Bits from the one that the parameter names, the first after the last. Errors: CKR_TEMPLATE_INCOMPLETE without a
/// length; CKR_KEY_SIZE_RANGE; CKR_MECHANISM_PARAM_INVALID for a bit that the key does not have.
fn extract(input: &Derivation) -> Result<Derived> {
    let Params::FirstBit(first) = input.params else { return Err(Error::MechanismParamInvalid) };
    let length = input.wanted.ok_or(Error::TemplateIncomplete)?;
    let key = Part::of(input.base)?;
    if length > key.bytes.len() || (key.hidden && length < key.bytes.len().min(MIN_HIDDEN)) {
        return Err(Error::KeySizeRange);
    }
    let first = usize::try_from(*first).map_err(|_| Error::MechanismParamInvalid)?;
    let (skipped, shift) = (first / 8, first % 8);
    if skipped >= key.bytes.len() {
        return Err(Error::MechanismParamInvalid);
    }
    let from = key.bytes.iter().cycle().skip(skipped);
    let next = from.clone().skip(1);
    let bits = |(high, low): (&u8, &u8)| ((u16::from_be_bytes([*high, *low]) << shift) >> 8) as u8;
    let value = Secret::new(from.zip(next).map(bits).take(length).collect());
    Ok(Derived::key(value).inheriting(Inheritance::Strictest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanism::lookup;
    use crate::mechanism::testing::{derive_from, refused, secret_key, unhex, with};

    const OPEN: &[(CK_ATTRIBUTE_TYPE, bool)] = &[(CKA_EXTRACTABLE, true)];

    fn open(value: &str) -> UsableKey {
        with(&secret_key(CKK_GENERIC_SECRET, &unhex(value)), OPEN)
    }

    fn hidden(value: &[u8]) -> UsableKey {
        with(&secret_key(CKK_GENERIC_SECRET, value), &[(CKA_SENSITIVE, true)])
    }

    fn data(hex: &str) -> Params {
        Params::Bytes(unhex(hex))
    }

    fn run(
        id: CK_MECHANISM_TYPE,
        base: &UsableKey,
        params: &Params,
        wanted: Option<usize>,
    ) -> Result<String> {
        derive_from(id, base, &[], params, wanted).map(hex::encode)
    }

    #[test]
    fn the_examples_of_the_standard_come_out() {
        let base = open("01234567");
        let right = data("89abcdef");
        let both = derive_from(CKM_CONCATENATE_BASE_AND_KEY, &base, &[open("89abcdef")], &Params::None, None);
        assert_eq!(both, Ok(unhex("0123456789abcdef")));
        let run = |id| run(id, &base, &right, None).unwrap();
        assert_eq!(run(CKM_CONCATENATE_BASE_AND_DATA), "0123456789abcdef");
        assert_eq!(run(CKM_CONCATENATE_DATA_AND_BASE), "89abcdef01234567");
        assert_eq!(run(CKM_XOR_BASE_AND_DATA), "88888888");
        let part =
            super::tests::run(CKM_EXTRACT_KEY_FROM_KEY, &open("329f84a9"), &Params::FirstBit(21), Some(2));
        assert_eq!(part.unwrap(), "9526");
    }

    #[test]
    fn a_shorter_key_is_the_leading_bytes_and_a_longer_one_is_refused() {
        let base = open("01234567");
        for (id, whole, length) in [
            (CKM_CONCATENATE_BASE_AND_DATA, "0123456789ab", 6),
            (CKM_CONCATENATE_DATA_AND_BASE, "89ab01234567", 6),
            (CKM_XOR_BASE_AND_DATA, "8888", 2),
        ] {
            let run = |wanted| run(id, &base, &data("89ab"), Some(wanted));
            assert_eq!(run(length).as_deref(), Ok(whole));
            assert_eq!(run(1).as_deref(), Ok(&whole[..2]));
            assert_eq!(run(length + 1), Err(Error::KeySizeRange));
        }
        assert_eq!(
            run(CKM_EXTRACT_KEY_FROM_KEY, &base, &Params::FirstBit(0), Some(5)),
            refused(Error::KeySizeRange)
        );
    }

    #[test]
    fn a_part_wraps_around_and_starts_within_the_key() {
        let base = open("329f84a9");
        let run = |first, wanted| run(CKM_EXTRACT_KEY_FROM_KEY, &base, &Params::FirstBit(first), wanted);
        assert_eq!(run(31, Some(4)).unwrap(), "994fc254");
        assert_eq!(run(0, Some(4)).unwrap(), "329f84a9");
        assert_eq!(run(32, Some(1)), Err(Error::MechanismParamInvalid));
        assert_eq!(run(u64::MAX, Some(1)), Err(Error::MechanismParamInvalid));
        assert_eq!(run(0, None), Err(Error::TemplateIncomplete));
    }

    #[test]
    fn a_hidden_key_cannot_be_read_byte_by_byte() {
        let base = hidden(&[7; 32]);
        let too_short = |id, params: &Params, wanted| {
            assert_eq!(run(id, &base, params, Some(wanted)), Err(Error::KeySizeRange), "{id:#x} {wanted}");
        };
        too_short(CKM_CONCATENATE_BASE_AND_DATA, &data("00"), 1);
        too_short(CKM_CONCATENATE_BASE_AND_DATA, &data("00"), 13);
        too_short(CKM_CONCATENATE_DATA_AND_BASE, &Params::Bytes(vec![0; 20]), 33);
        too_short(CKM_XOR_BASE_AND_DATA, &Params::Bytes(vec![0; 32]), 13);
        too_short(CKM_EXTRACT_KEY_FROM_KEY, &Params::FirstBit(8), 13);
        assert_eq!(run(CKM_XOR_BASE_AND_DATA, &base, &data("00"), None), Err(Error::KeySizeRange));
        assert!(run(CKM_EXTRACT_KEY_FROM_KEY, &base, &Params::FirstBit(8), Some(14)).is_ok());
        assert!(run(CKM_CONCATENATE_DATA_AND_BASE, &base, &data("00"), Some(15)).is_ok());
    }

    #[test]
    fn a_hidden_key_behind_an_open_one_counts_alone() {
        let join = |base: &UsableKey, other: &UsableKey, wanted| {
            derive_from(
                CKM_CONCATENATE_BASE_AND_KEY,
                base,
                std::slice::from_ref(other),
                &Params::None,
                Some(wanted),
            )
        };
        let (open, hidden) = (open("00010203040506070809"), hidden(&[7; 16]));
        assert_eq!(join(&open, &hidden, 11), Err(Error::KeySizeRange));
        assert_eq!(join(&open, &hidden, 24).unwrap().len(), 24);
        assert_eq!(join(&hidden, &open, 14).unwrap(), [7; 14]);
        let none = derive_from(CKM_CONCATENATE_BASE_AND_KEY, &open, &[], &Params::None, None);
        assert_eq!(none, Err(Error::MechanismParamInvalid));
    }

    #[test]
    fn every_row_is_for_derivation_alone() {
        for row in ROWS {
            assert_eq!(lookup(row.id).unwrap().info_flags(), CKF_DERIVE);
        }
    }
}
