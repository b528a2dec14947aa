//! PEM (RFC 7468), read leniently: text around the blocks, any line width, several blocks in one file.

use coffer_pkcs11::secret::Secret;
use pem_rfc7468::LineEnding;

use crate::failure::{Failure, Result};

pub struct Block {
    /// What stands after BEGIN, such as `PRIVATE KEY`.
    pub label: String,
    pub der: Secret,
}

pub fn is_pem(file: &[u8]) -> bool {
    file.windows(BEGIN.len()).any(|window| window == BEGIN.as_bytes())
}

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// The blocks of a file, in their order.
pub fn blocks(file: &[u8]) -> Result<Vec<Block>> {
    let text = std::str::from_utf8(file)
        .map_err(|_| Failure::new("the PEM file contains bytes that are not text"))?;
    let mut blocks = Vec::new();
    let mut open: Option<(String, Vec<&str>)> = None;
    for line in text.lines().map(str::trim) {
        if let Some(label) = line.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(DASHES)) {
            open = Some((label.to_string(), Vec::new()));
        } else if let Some(end) = line.strip_prefix(END).and_then(|rest| rest.strip_suffix(DASHES)) {
            let block = open.take().filter(|(label, _)| label == end);
            let (label, lines) = block
                .ok_or_else(|| Failure::new(format!("the PEM file has an END {end} without its BEGIN")))?;
            blocks.push(decode(label, &lines)?);
        } else if let Some((_, lines)) = &mut open {
            lines.push(line);
        }
    }
    match open {
        Some((label, _)) => Err(Failure::new(format!("the PEM file ends within its {label}"))
            .advise("it was probably cut off; copy it again")),
        None => Ok(blocks),
    }
}

fn decode(label: String, lines: &[&str]) -> Result<Block> {
    if lines.iter().any(|line| line.contains(':')) {
        return Err(Failure::new(format!(
            "the {label} is encrypted in the old way of OpenSSL, which is weak and not read here"
        ))
        .advise("convert it: openssl pkcs8 -topk8 -in KEY -out NEW, and import NEW"));
    }
    // Written anew in the one form that the decoder takes. The text holds the key, so it is wiped.
    let body = Secret::new(lines.concat().into_bytes());
    let mut strict = Vec::with_capacity(body.len() + body.len() / 32 + 2 * label.len() + 64);
    strict.extend_from_slice(format!("{BEGIN}{label}{DASHES}\n").as_bytes());
    for line in body.as_bytes().chunks(64) {
        strict.extend_from_slice(line);
        strict.push(b'\n');
    }
    strict.extend_from_slice(format!("{END}{label}{DASHES}\n").as_bytes());
    let strict = Secret::new(strict);
    let (_, der) = pem_rfc7468::decode_vec(strict.as_bytes())
        .map_err(|error| Failure::new(format!("the {label} in the PEM file cannot be decoded: {error}")))?;
    Ok(Block { label, der: Secret::new(der) })
}

/// One block of PEM.
pub fn encode(label: &'static str, der: &[u8]) -> Result<Secret> {
    pem_rfc7468::encode_string(label, LineEnding::LF, der)
        .map(|text| Secret::new(text.into_bytes()))
        .map_err(|error| Failure::new(format!("the {label} cannot be written as PEM: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_among_text_and_in_any_width() {
        let text = b"Bag Attributes\n  friendlyName: x\n-----BEGIN DATA-----\naGVs\nbG8=\n-----END DATA-----\r\n-----BEGIN MORE-----\r\n\r\naGVsbG8=\r\n-----END MORE-----\n";
        assert!(is_pem(text));
        let blocks = blocks(text).unwrap();
        assert_eq!(blocks.len(), 2);
        assert!(blocks.iter().all(|block| block.der.as_bytes() == b"hello"));
        assert_eq!(blocks[1].label, "MORE");
    }

    #[test]
    fn broken_files_are_refused_with_the_reason() {
        for (text, reason) in [
            ("-----BEGIN A-----\naGVs", "ends within its A"),
            ("-----END A-----\n-----BEGIN ", "without its BEGIN"),
            ("-----BEGIN A-----\n!!!!\n-----END A-----", "cannot be decoded"),
            ("-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\naGVs\n-----END A-----", "old way"),
        ] {
            let error = blocks(text.as_bytes()).err().expect("an error").message;
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let text = encode("PUBLIC KEY", &[7; 100]).unwrap();
        assert_eq!(blocks(text.as_bytes()).unwrap()[0].der.as_bytes(), [7; 100]);
    }
}
