//! Reads PKCS#12 (RFC 7292) with several private keys, which the engine's own reader refuses. DER only; keys and encrypted
//! parts are still opened by the engine, one by one.

use crate::crypto::asn1::{INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, element, explicit};
use crate::crypto::digest::Hash;
use crate::crypto::hmac::hmac;
use crate::crypto::{Error, Result, equal};
use crate::secret::Secret;

use super::pkcs12::{BMP_STRING, CERTIFICATE_BAG, DATA, FRIENDLY_NAME, KEY_BAG, SET, mac_key, pfx};
use super::{Content, Key};

/// pkcs-12-keyBag, 1.2.840.113549.1.12.10.1.1.
const OPEN_KEY_BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 10, 1, 1];
/// Hashes of the MAC by their object identifiers: 1.3.14.3.2.26 and 2.16.840.1.101.3.4.2.n.
const HASHES: &[(&[u8], Hash)] = &[
    (&[0x2b, 0x0e, 3, 2, 26], Hash::Sha1),
    (&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1], Hash::Sha256),
    (&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2], Hash::Sha384),
    (&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3], Hash::Sha512),
    (&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 4], Hash::Sha224),
];
/// A file must not keep us busy for longer than a few seconds.
const MAX_ITERATIONS: u32 = 10_000_000;

/// Everything in the file, its MAC verified. `Data` for what is no such file, `Decrypt` for a wrong passphrase.
pub(super) fn open(der: &[u8], passphrase: &Secret) -> Result<Content> {
    let mut file = Reader::only(der, SEQUENCE)?;
    if file.unsigned()? != [3] {
        return Err(Error::Data);
    }
    let safe = data(file.sequence()?)?;
    check_mac(safe, file.sequence()?, passphrase)?;
    let mut content = Content { private_keys: Vec::new(), certificates: Vec::new() };
    let mut sealed: Vec<&[u8]> = Vec::new();
    let mut parts = Reader::only(safe, SEQUENCE)?;
    while parts.next_is(SEQUENCE) {
        let (whole, inside) = parts.any()?;
        let mut part = Reader::new(inside);
        if part.element(OBJECT_IDENTIFIER)? == DATA {
            bags(Reader::only(data(Reader::new(inside))?, SEQUENCE)?, passphrase, &mut content)?;
        } else {
            sealed.push(whole);
        }
    }
    parts.end()?;
    // What is encrypted as a whole is handed to the engine as a file of its own.
    if !sealed.is_empty() {
        let file = pfx(element(SEQUENCE, &sealed).as_bytes(), passphrase, 1)?;
        let more = super::open_simple_pkcs12(&file, passphrase)?;
        content.private_keys.extend(more.private_keys);
        content.certificates.extend(more.certificates);
    }
    Ok(content)
}

/// The bytes of a ContentInfo of the type data.
fn data(mut info: Reader<'_>) -> Result<&[u8]> {
    if info.element(OBJECT_IDENTIFIER)? != DATA {
        return Err(Error::Data);
    }
    Reader::new(info.element(explicit(0))?).element(OCTET_STRING)
}

fn check_mac(safe: &[u8], mut mac: Reader<'_>, passphrase: &Secret) -> Result<()> {
    let mut digest = mac.sequence()?;
    let identifier = digest.sequence()?.element(OBJECT_IDENTIFIER)?;
    let hash = HASHES.iter().find(|(known, _)| *known == identifier).map(|(_, hash)| *hash);
    let (hash, expected) = (hash.ok_or(Error::Unsupported)?, digest.element(OCTET_STRING)?);
    let salt = mac.element(OCTET_STRING)?;
    let iterations = match mac.next_is(INTEGER) {
        true => mac
            .unsigned()?
            .iter()
            .try_fold(0u32, |sum, digit| sum.checked_mul(256)?.checked_add(u32::from(*digit))),
        false => Some(1),
    };
    let iterations = iterations.filter(|count| (1..=MAX_ITERATIONS).contains(count)).ok_or(Error::Data)?;
    let key = mac_key(hash, passphrase, salt, iterations)?;
    let actual = hmac(hash, key.as_bytes(), safe)?;
    if equal(actual.as_bytes(), expected) { Ok(()) } else { Err(Error::Decrypt) }
}

/// Keys and certificates of a SafeContents. `Unsupported` for bags within bags; other bags are nothing that we keep.
fn bags(mut all: Reader<'_>, passphrase: &Secret, content: &mut Content) -> Result<()> {
    while all.next_is(SEQUENCE) {
        let mut bag = all.sequence()?;
        let kind = bag.element(OBJECT_IDENTIFIER)?;
        let value = bag.element(explicit(0))?;
        match kind {
            KEY_BAG | OPEN_KEY_BAG => {
                let info = match kind {
                    KEY_BAG => super::open_pkcs8(value, passphrase)?,
                    _ => Secret::copy_of(value),
                };
                content.private_keys.push(Key { info, name: name(bag) });
            }
            CERTIFICATE_BAG => {
                let mut certificate = Reader::only(value, SEQUENCE)?;
                certificate.element(OBJECT_IDENTIFIER)?;
                let der = Reader::new(certificate.element(explicit(0))?).element(OCTET_STRING)?;
                content.certificates.push(der.to_vec());
            }
            // pkcs-12-safeContentsBag, 1.2.840.113549.1.12.10.1.6.
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 10, 1, 6] => return Err(Error::Unsupported),
            _ => {}
        }
    }
    all.end()
}

/// The friendlyName among the attributes of a bag.
fn name(mut bag: Reader<'_>) -> Option<String> {
    let mut attributes = Reader::new(bag.element(SET).ok()?);
    while let Ok(mut attribute) = attributes.sequence() {
        if attribute.element(OBJECT_IDENTIFIER).ok()? == FRIENDLY_NAME {
            let text = Reader::new(attribute.element(SET).ok()?).element(BMP_STRING).ok()?;
            let units: Vec<u16> = text
                .chunks_exact(2)
                .map(|pair| pair.iter().fold(0, |sum, byte| sum << 8 | u16::from(*byte)))
                .collect();
            return String::from_utf16(&units).ok().filter(|name| !name.is_empty());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::pkcs12::key_part;
    use super::*;

    /// Ed25519 PrivateKeyInfo (RFC 8410 section 10.3), with its last byte as told.
    fn key(last: u8) -> Vec<u8> {
        let mut key = hex::decode(
            "302e020100300506032b657004220420d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842",
        )
        .unwrap();
        *key.last_mut().unwrap() = last;
        key
    }

    fn file(passphrase: &Secret) -> Vec<u8> {
        let parts: Vec<Vec<u8>> = [("one", 1), ("zwei ü", 2)]
            .map(|(name, last)| key_part(name, &key(last), passphrase).unwrap())
            .to_vec();
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        pfx(element(SEQUENCE, &parts).as_bytes(), passphrase, 3).unwrap()
    }

    #[test]
    fn several_keys_come_out_with_their_names_and_only_under_their_passphrase() {
        let passphrase = Secret::copy_of("pässe".as_bytes());
        let file = file(&passphrase);
        let content = open(&file, &passphrase).unwrap();
        let names: Vec<_> = content.private_keys.iter().map(|key| key.name.clone().unwrap()).collect();
        assert_eq!(names, ["one", "zwei ü"]);
        assert_eq!(content.private_keys[1].info.as_bytes(), key(2));
        assert_eq!(open(&file, &Secret::copy_of(b"other")).err(), Some(Error::Decrypt));
        assert_eq!(super::super::open_pkcs12(&file, &passphrase).unwrap().private_keys.len(), 2);
    }

    #[test]
    fn a_file_that_was_cut_or_changed_is_refused() {
        let passphrase = Secret::copy_of(b"x");
        let file = file(&passphrase);
        for length in (0..file.len()).step_by(7) {
            assert!(open(&file[..length], &passphrase).is_err());
        }
        for place in (0..file.len()).step_by(5) {
            let mut changed = file.clone();
            changed[place] ^= 1;
            assert!(open(&changed, &passphrase).is_err(), "{place}");
        }
    }
}
