//! Values in a test case: text in the file, numbers and bytes in the module.

use crate::names::{Names, name_in};
use cryptoki_sys::*;

/// How a value is written.
#[derive(Clone, Copy)]
pub enum Kind {
    Number,
    Bool,
    /// Text, or its bytes as hexadecimal digits behind `0x`; in fixed fields it is filled up with blanks.
    Text,
    /// Hexadecimal digits.
    Bytes,
    /// A constant, without this prefix.
    Name(&'static str, &'static Names),
    /// Constants for bits, without `CKF_`, with `|` or blanks between.
    Flags(&'static Names),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Datum {
    Number(CK_ULONG),
    Bytes(Vec<u8>),
}

impl Datum {
    pub fn number(&self) -> Option<CK_ULONG> {
        match self {
            Datum::Number(number) => Some(*number),
            Datum::Bytes(_) => None,
        }
    }

    /// The bytes that the C interface takes: of a CK_BBOOL one.
    pub fn bytes(&self, kind: Kind) -> Vec<u8> {
        match (self, kind) {
            (Datum::Bytes(bytes), _) => bytes.clone(),
            (Datum::Number(number), Kind::Bool) => vec![*number as u8],
            (Datum::Number(number), _) => number.to_ne_bytes().to_vec(),
        }
    }

    /// The value of an attribute; what does not have the size of its kind stays bytes, and equals nothing of that kind.
    pub fn of_attribute(kind: Kind, bytes: Vec<u8>) -> Datum {
        let number = match kind {
            Kind::Text | Kind::Bytes => None,
            Kind::Bool => <[u8; 1]>::try_from(bytes.as_slice()).ok().map(|[byte]| CK_ULONG::from(byte)),
            _ => bytes.as_slice().try_into().ok().map(CK_ULONG::from_ne_bytes),
        };
        number.map_or(Datum::Bytes(bytes), Datum::Number)
    }
}

/// Reads a value of a test case.
pub fn parse(kind: Kind, text: &str) -> Result<Datum, String> {
    let wrong = || format!("'{text}' is not a value of its kind");
    Ok(match kind {
        Kind::Text => {
            let digits = text.strip_prefix("0x").and_then(unhex);
            Datum::Bytes(digits.unwrap_or_else(|| text.as_bytes().to_vec()))
        }
        Kind::Bytes => Datum::Bytes(unhex(text.strip_prefix("0x").unwrap_or(text)).ok_or_else(wrong)?),
        Kind::Bool => match text {
            "true" | "TRUE" => Datum::Number(1),
            "false" | "FALSE" => Datum::Number(0),
            _ => return Err(wrong()),
        },
        Kind::Number => Datum::Number(number(text).ok_or_else(wrong)?),
        Kind::Name(prefix, names) => {
            Datum::Number(named(prefix, names, text).or_else(|| number(text)).ok_or_else(wrong)?)
        }
        Kind::Flags(names) => {
            let words = text.split(['|', ' ']).filter(|word| !word.is_empty());
            let bits = words.map(|word| named("CKF_", names, word).or_else(|| number(word)));
            Datum::Number(bits.sum::<Option<CK_ULONG>>().ok_or_else(wrong)?)
        }
    })
}

/// A value as a test case would write it.
pub fn show(kind: Kind, datum: &Datum) -> String {
    match (kind, datum) {
        (Kind::Text, Datum::Bytes(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        (_, Datum::Bytes(bytes)) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        (Kind::Bool, Datum::Number(number)) => (*number != 0).to_string(),
        (Kind::Name(prefix, names), Datum::Number(number)) => {
            let name = name_in(names, *number).and_then(|name| name.strip_prefix(prefix));
            name.map_or_else(|| format!("0x{number:x}"), str::to_owned)
        }
        (Kind::Flags(names), Datum::Number(flags)) => {
            let known = names.iter().filter(|(flag, _)| flags & flag != 0);
            let rest = names.iter().fold(*flags, |rest, (flag, _)| rest & !flag);
            let mut words: Vec<String> =
                known.map(|(_, name)| name.trim_start_matches("CKF_").to_owned()).collect();
            if rest != 0 || words.is_empty() {
                words.push(format!("0x{rest:x}"));
            }
            words.join("|")
        }
        (_, Datum::Number(CK_UNAVAILABLE_INFORMATION)) => "UnavailableInformation".into(),
        (_, Datum::Number(number)) => number.to_string(),
    }
}

/// Whether two values are the same; of text, blanks and one zero byte at the end do not count (some tokens count the end of a C
/// string into a label).
pub fn equal(kind: Kind, left: &Datum, right: &Datum) -> bool {
    match (kind, left, right) {
        (Kind::Text, Datum::Bytes(left), Datum::Bytes(right)) => trimmed(left) == trimmed(right),
        (Kind::Bool, Datum::Number(left), Datum::Number(right)) => (*left != 0) == (*right != 0),
        _ => left == right,
    }
}

fn trimmed(text: &[u8]) -> &[u8] {
    text.strip_suffix(&[0]).unwrap_or(text).trim_ascii_end()
}

fn named(prefix: &str, names: &Names, word: &str) -> Option<CK_ULONG> {
    names.iter().find(|(_, name)| name.strip_prefix(prefix) == Some(word)).map(|(number, _)| *number)
}

fn number(text: &str) -> Option<CK_ULONG> {
    match text {
        "UnavailableInformation" => Some(CK_UNAVAILABLE_INFORMATION),
        "EffectivelyInfinite" => Some(CK_EFFECTIVELY_INFINITE),
        _ => match text.strip_prefix("0x") {
            Some(digits) => CK_ULONG::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        },
    }
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        digits.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
    let pairs = digits?;
    if pairs.len() % 2 != 0 {
        return None;
    }
    Some(pairs.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}

#[cfg(test)]
mod tests {
    use super::super::constants::SESSION_FLAGS;
    use super::*;
    use crate::names::MECHANISMS;

    #[test]
    fn values_are_written_as_the_document_says() {
        let name = Kind::Name("CKM_", MECHANISMS);
        for text in ["AES_CBC", "0x00001082", "4226"] {
            assert_eq!(parse(name, text), Ok(Datum::Number(CKM_AES_CBC)), "{text}");
        }
        assert_eq!(parse(Kind::Bytes, "8dCE"), Ok(Datum::Bytes(vec![0x8d, 0xce])));
        assert_eq!(parse(Kind::Bool, "TRUE"), Ok(Datum::Number(1)));
        assert_eq!(parse(Kind::Text, "0x4100"), Ok(Datum::Bytes(b"A\0".to_vec())));
        assert_eq!(parse(Kind::Text, "0x"), Ok(Datum::Bytes(Vec::new())));
        assert_eq!(parse(Kind::Text, "4100"), Ok(Datum::Bytes(b"4100".to_vec())));
        assert_eq!(parse(Kind::Number, "EffectivelyInfinite"), Ok(Datum::Number(0)));
        let flags = Kind::Flags(SESSION_FLAGS);
        let both = Datum::Number(CKF_RW_SESSION | CKF_SERIAL_SESSION);
        assert_eq!(parse(flags, "RW_SESSION|SERIAL_SESSION"), Ok(both.clone()));
        assert_eq!(parse(flags, "SERIAL_SESSION RW_SESSION"), Ok(both.clone()));
        assert_eq!(show(flags, &both), "RW_SESSION|SERIAL_SESSION");
        assert_eq!(parse(flags, "0x0"), Ok(Datum::Number(0)));
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for (kind, text) in [
            (Kind::Bytes, "8dc"),
            (Kind::Bytes, "zz"),
            (Kind::Bool, "yes"),
            (Kind::Number, "-1"),
            (Kind::Name("CKM_", MECHANISMS), "CKM_AES_CBC"),
            (Kind::Flags(SESSION_FLAGS), "RW"),
        ] {
            assert!(parse(kind, text).is_err(), "{text}");
        }
    }

    #[test]
    fn padding_of_text_does_not_count() {
        let text = |bytes: &[u8]| Datum::Bytes(bytes.to_vec());
        assert!(equal(Kind::Text, &text(b"Roots"), &text(b"Roots\0")));
        assert!(equal(Kind::Text, &text(b"token1   "), &text(b"token1")));
        assert!(!equal(Kind::Text, &text(b"Roots"), &text(b"Root")));
        assert!(!equal(Kind::Bytes, &text(b"Roots"), &text(b"Roots\0")));
    }
}
