//! The little of DER (X.690) that telling key files apart takes.

use coffer_pkcs11::secret::Secret;

pub const INTEGER: u8 = 0x02;
pub const BIT_STRING: u8 = 0x03;
pub const OCTET_STRING: u8 = 0x04;
pub const OBJECT_IDENTIFIER: u8 = 0x06;
pub const SEQUENCE: u8 = 0x30;

/// One element: its tag and its content.
#[derive(Clone, Copy)]
pub struct Element<'a> {
    pub tag: u8,
    pub content: &'a [u8],
}

/// The first element of `bytes`, and what follows it. `None` where lengths do not fit.
pub fn element(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if digits.is_empty() || digits.len() > 4 {
            return None;
        }
        (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((Element { tag, content }, after))
}

/// The elements of a whole sequence, or `None` where `bytes` is none.
pub fn sequence(bytes: &[u8]) -> Option<Vec<Element<'_>>> {
    let (outer, after) = element(bytes)?;
    if outer.tag != SEQUENCE || !after.is_empty() {
        return None;
    }
    elements(outer.content)
}

/// The elements that stand one after the other in `bytes`.
pub fn elements(mut bytes: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let (next, rest) = element(bytes)?;
        all.push(next);
        bytes = rest;
    }
    Some(all)
}

/// An element of the given parts. The parts may be secret, so the result is.
pub fn build(tag: u8, parts: &[&[u8]]) -> Secret {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut bytes = Vec::with_capacity(length + 6);
    bytes.push(tag);
    if length < 0x80 {
        bytes.push(length as u8);
    } else {
        let digits = length.to_be_bytes();
        let zeros = digits.iter().take_while(|digit| **digit == 0).count();
        let significant = digits.get(zeros..).unwrap_or_default();
        bytes.push(0x80 | significant.len() as u8);
        bytes.extend_from_slice(significant);
    }
    for part in parts {
        bytes.extend_from_slice(part);
    }
    Secret::new(bytes)
}
