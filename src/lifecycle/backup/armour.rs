//! Bytes as numbered lines that survive paper: Base32 in groups of four, each line with a check of its own.

use super::bytes::digest;
use super::error::{Result, damaged};

/// The symbols of five bits each: no I, L, O and U, which are taken for others.
const SYMBOLS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Bytes of a line.
const PIECE: usize = 20;
/// Symbols of a group, and of the check at the end of a line.
const GROUP: usize = 4;
/// More lines than any share has.
const MAX_LINES: usize = 64;

/// The lines, without line ends.
pub(super) fn lines(bytes: &[u8]) -> Result<Vec<String>> {
    let line = |(number, piece): (u8, &[u8])| {
        let mut symbols = encode(piece);
        symbols.extend(check(number, piece)?);
        let groups: Vec<&[u8]> = groups(&symbols);
        let groups: Vec<String> =
            groups.iter().map(|group| String::from_utf8_lossy(group).into_owned()).collect();
        Ok(format!("{number:2}  {}", groups.join(" ")))
    };
    (1_u8..).zip(bytes.chunks(PIECE)).map(line).collect()
}

/// Groups of four from the front; the check behind a shorter last piece stands alone.
fn groups(symbols: &[u8]) -> Vec<&[u8]> {
    let (content, check) = symbols.split_at(symbols.len().saturating_sub(GROUP));
    content.chunks(GROUP).chain([check]).collect()
}

/// The bytes of numbered lines, which may be in any order. Errors name the line.
pub(super) fn bytes(lines: &[&str]) -> Result<Vec<u8>> {
    if lines.len() > MAX_LINES {
        return Err(damaged("there are too many lines"));
    }
    let mut pieces: Vec<(u8, Vec<u8>)> = lines.iter().map(|line| piece(line)).collect::<Result<_>>()?;
    pieces.sort_by_key(|(number, _)| *number);
    for (expected, (number, bytes)) in (1_u8..).zip(&pieces) {
        if *number > expected {
            return Err(damaged(format!("line {expected} is missing")));
        }
        if *number < expected {
            return Err(damaged(format!("line {number} is there twice")));
        }
        let is_last = usize::from(expected) == pieces.len();
        if bytes.len() != PIECE && !is_last {
            return Err(damaged(format!("line {number} is too short")));
        }
    }
    Ok(pieces.into_iter().flat_map(|(_, bytes)| bytes).collect())
}

/// The number and the bytes of one line.
fn piece(line: &str) -> Result<(u8, Vec<u8>)> {
    let mut words = line.split_whitespace();
    let number = words.next().and_then(|word| word.parse::<u8>().ok()).filter(|number| *number > 0);
    let number = number
        .ok_or_else(|| damaged(format!("the line `{}` does not begin with its number", line.trim())))?;
    let wrong = |what: &str| damaged(format!("line {number} {what}"));
    let values: Option<Vec<u8>> = words.flat_map(str::chars).map(value).collect();
    let values = values.ok_or_else(|| wrong("has a character that is none of the 32 symbols"))?;
    let longest = PIECE * 8 / 5 + GROUP;
    if values.len() <= GROUP || values.len() > longest {
        return Err(wrong("has too few or too many symbols"));
    }
    let (content, given) = values.split_at(values.len() - GROUP);
    let piece = decode(content).ok_or_else(|| wrong("does not decode"))?;
    let expected = check(number, &piece)?;
    if given.iter().map(|value| symbol(*value)).ne(expected) {
        return Err(wrong("does not fit its check: a symbol of it was mistyped, or its number"));
    }
    Ok((number, piece))
}

/// The first 20 bits of a digest, as four symbols.
fn check(number: u8, piece: &[u8]) -> Result<Vec<u8>> {
    let digest = digest(&[b"coffer share line v1", &[number], piece])?;
    Ok(encode(&digest).into_iter().take(GROUP).collect())
}

fn symbol(value: u8) -> u8 {
    SYMBOLS.get(usize::from(value)).copied().unwrap_or(b'?')
}

fn value(char: char) -> Option<u8> {
    let char = match char.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let place = SYMBOLS.iter().position(|symbol| char::from(*symbol) == char)?;
    u8::try_from(place).ok()
}

fn encode(bytes: &[u8]) -> Vec<u8> {
    let (mut held, mut bits, mut symbols) = (0_u16, 0, Vec::with_capacity(bytes.len() * 8 / 5 + 1 + GROUP));
    for byte in bytes {
        held = held << 8 | u16::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            symbols.push(symbol((held >> bits) as u8 & 31));
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        symbols.push(symbol((held << (5 - bits)) as u8 & 31));
    }
    symbols
}

/// `None` where the bits that fill the last symbol are not zero, or are more than needed.
fn decode(values: &[u8]) -> Option<Vec<u8>> {
    let (mut held, mut bits, mut bytes) = (0_u16, 0, Vec::with_capacity(values.len()));
    for value in values {
        held = held << 5 | u16::from(*value);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    (held == 0 && bits < 5).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_whatever_its_length() {
        for length in 1..200 {
            let content: Vec<u8> = (0..length).map(|byte| byte as u8 ^ 0x5a).collect();
            let lines = lines(&content).unwrap();
            let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            assert_eq!(bytes(&lines).unwrap(), content);
            lines.reverse();
            assert_eq!(bytes(&lines).unwrap(), content);
        }
    }

    #[test]
    fn what_people_mistype_is_read_or_named() {
        let content: Vec<u8> = (0..40).collect();
        let text = lines(&content).unwrap();
        let line = |at: usize, from: &str, to: &str| {
            let mut changed = text.clone();
            changed[at] = changed[at].replacen(from, to, 1);
            bytes(&changed.iter().map(String::as_str).collect::<Vec<_>>())
        };
        assert_eq!(text[0], " 1  000G 40R4 0M30 E209 185G R38E 1W81 24GK E8RP");
        let relaxed = text.iter().map(|line| line.to_lowercase().replace('0', "o").replace(" 1  ", "1 "));
        let relaxed: Vec<String> = relaxed.collect();
        assert_eq!(bytes(&relaxed.iter().map(String::as_str).collect::<Vec<_>>()).unwrap(), content);
        for (at, from, to, named) in [
            (0, "40R4", "40R5", "line 1 does not fit its check"),
            (0, "40R4 0M30", "0M30 40R4", "line 1 does not fit its check"),
            (1, " 2 ", " 1 ", "line 1 does not fit its check"),
            (1, " 2 ", " 7 ", "line 7 does not fit its check"),
            (0, "40R4", "40U4", "none of the 32 symbols"),
            (0, "40R4 ", "", "line 1"),
            (0, " 1  ", "", "does not begin with its number"),
        ] {
            let error = line(at, from, to).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
        assert!(bytes(&[&text[1]]).unwrap_err().to_string().contains("line 1 is missing"));
        assert!(bytes(&[&text[0], &text[0]]).unwrap_err().to_string().contains("line 1 is there twice"));
    }
}
