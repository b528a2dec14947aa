//! Writes PKCS#12 (RFC 7292): the private key as PBES2 shrouded bag, certificates in the clear, a MAC over both.
//!
//! The engine's own writer knows only the ciphers of 1999, so the few structures are put together here.

use crate::crypto::asn1::{INTEGER, NULL, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, element, explicit};
use crate::crypto::digest::Hash;
use crate::crypto::hmac::hmac;
use crate::crypto::{Error, Result, random};
use crate::secret::Secret;

pub(super) const SET: u8 = 0x31;
pub(super) const BMP_STRING: u8 = 0x1e;

/// id-data, 1.2.840.113549.1.7.1.
pub(super) const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
/// pkcs-12-PKCS-8ShroudedKeyBag and pkcs-12-certBag, 1.2.840.113549.1.12.10.1.2 and .3.
pub(super) const KEY_BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 10, 1, 2];
pub(super) const CERTIFICATE_BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 10, 1, 3];
/// x509Certificate, 1.2.840.113549.1.9.22.1.
const X509: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 22, 1];
/// friendlyName and localKeyId, 1.2.840.113549.1.9.20 and .21.
pub(super) const FRIENDLY_NAME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 20];
const LOCAL_KEY_ID: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 21];
/// id-sha256, 2.16.840.1.101.3.4.2.1.
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];

/// Iterations for the MAC's key, whose derivation is far weaker than PBKDF2's: the passphrase carries the file.
const MAC_ITERATIONS: u32 = 600_000;
const SALT_LEN: usize = 16;

/// A PKCS#12 file with one private key, given as PKCS#8 PrivateKeyInfo, and certificates in DER, the key's own first.
pub fn seal_pkcs12(
    name: &str,
    private_key_info: &[u8],
    certificates: &[Vec<u8>],
    passphrase: &Secret,
) -> Result<Vec<u8>> {
    let shrouded = super::seal_pkcs8(private_key_info, passphrase)?;
    let key_id = match certificates.first() {
        Some(own) => Hash::Sha256.digest(own)?.as_bytes().to_vec(),
        None => vec![1],
    };
    let attributes = attributes(name, &key_id);
    let mut bags = vec![content_info(&bag(KEY_BAG, &shrouded, &attributes))];
    for (index, certificate) in certificates.iter().enumerate() {
        let value = element(
            SEQUENCE,
            &[identifier(X509).as_bytes(), wrapped(element(OCTET_STRING, &[certificate])).as_bytes()],
        );
        let own: &[u8] = if index == 0 { &attributes } else { &[] };
        bags.push(content_info(&bag(CERTIFICATE_BAG, value.as_bytes(), own)));
    }
    let bags: Vec<&[u8]> = bags.iter().map(Vec::as_slice).collect();
    let safe = element(SEQUENCE, &bags);
    pfx(safe.as_bytes(), passphrase, MAC_ITERATIONS)
}

/// A whole file around an AuthenticatedSafe.
pub(super) fn pfx(safe: &[u8], passphrase: &Secret, iterations: u32) -> Result<Vec<u8>> {
    let mac = mac(safe, passphrase, iterations)?;
    let content =
        element(SEQUENCE, &[identifier(DATA).as_bytes(), wrapped(element(OCTET_STRING, &[safe])).as_bytes()]);
    let file = element(SEQUENCE, &[element(INTEGER, &[&[3]]).as_bytes(), content.as_bytes(), &mac]);
    Ok(file.as_bytes().to_vec())
}

/// The part of an AuthenticatedSafe with one key, for tests of files that we do not write.
#[cfg(test)]
pub(super) fn key_part(name: &str, private_key_info: &[u8], passphrase: &Secret) -> Result<Vec<u8>> {
    let shrouded = super::seal_pkcs8(private_key_info, passphrase)?;
    Ok(content_info(&bag(KEY_BAG, &shrouded, &attributes(name, &[1]))))
}

pub(super) fn identifier(bytes: &[u8]) -> Secret {
    element(OBJECT_IDENTIFIER, &[bytes])
}

pub(super) fn wrapped(inner: Secret) -> Secret {
    element(explicit(0), &[inner.as_bytes()])
}

/// A ContentInfo of the type data, with one bag in it.
fn content_info(bag: &Secret) -> Vec<u8> {
    let contents = element(SEQUENCE, &[bag.as_bytes()]);
    let data = wrapped(element(OCTET_STRING, &[contents.as_bytes()]));
    element(SEQUENCE, &[identifier(DATA).as_bytes(), data.as_bytes()]).as_bytes().to_vec()
}

fn bag(kind: &[u8], value: &[u8], attributes: &[u8]) -> Secret {
    element(SEQUENCE, &[identifier(kind).as_bytes(), element(explicit(0), &[value]).as_bytes(), attributes])
}

/// What joins a key and its certificate, and their name.
fn attributes(name: &str, key_id: &[u8]) -> Vec<u8> {
    let one = |kind, value: Secret| {
        element(SEQUENCE, &[identifier(kind).as_bytes(), element(SET, &[value.as_bytes()]).as_bytes()])
    };
    // A BMPString holds no characters beyond the basic plane.
    let name: Vec<u8> = name
        .encode_utf16()
        .filter(|unit| !(0xd800..0xe000).contains(unit))
        .flat_map(u16::to_be_bytes)
        .collect();
    let name = one(FRIENDLY_NAME, element(BMP_STRING, &[&name]));
    let id = one(LOCAL_KEY_ID, element(OCTET_STRING, &[key_id]));
    // DER orders the members of a SET by their encodings.
    let mut members = [name.as_bytes(), id.as_bytes()];
    members.sort();
    element(SET, &members).as_bytes().to_vec()
}

/// MacData: HMAC-SHA-256 over the safe.
fn mac(safe: &[u8], passphrase: &Secret, iterations: u32) -> Result<Vec<u8>> {
    let mut salt = [0; SALT_LEN];
    random::fill(&mut salt)?;
    let key = mac_key(Hash::Sha256, passphrase, &salt, iterations)?;
    let tag = hmac(Hash::Sha256, key.as_bytes(), safe)?;
    let algorithm = element(SEQUENCE, &[identifier(SHA256).as_bytes(), &[NULL, 0]]);
    let info =
        element(SEQUENCE, &[algorithm.as_bytes(), element(OCTET_STRING, &[tag.as_bytes()]).as_bytes()]);
    let iterations = crate::crypto::asn1::unsigned(&iterations.to_be_bytes());
    let salt = element(OCTET_STRING, &[&salt]);
    Ok(element(SEQUENCE, &[info.as_bytes(), salt.as_bytes(), iterations.as_bytes()]).as_bytes().to_vec())
}

/// The key derivation of RFC 7292 appendix B.2 with the diversifier 3, for one block of output.
pub(super) fn mac_key(hash: Hash, passphrase: &Secret, salt: &[u8], iterations: u32) -> Result<Secret> {
    let block = if matches!(hash, Hash::Sha384 | Hash::Sha512) { 128 } else { 64 };
    let text = std::str::from_utf8(passphrase.as_bytes()).map_err(|_| Error::Argument)?;
    let mut password = Secret::zeroed(2 * text.encode_utf16().count() + 2);
    for (place, unit) in password.as_mut_bytes().chunks_exact_mut(2).zip(text.encode_utf16()) {
        place.copy_from_slice(&unit.to_be_bytes());
    }
    let filled = |bytes: &[u8]| {
        Secret::new(bytes.iter().copied().cycle().take(bytes.len().div_ceil(block) * block).collect())
    };
    let mut input = Vec::with_capacity(3 * block + salt.len() + password.len());
    input.resize(block, 3);
    input.extend_from_slice(filled(salt).as_bytes());
    input.extend_from_slice(filled(password.as_bytes()).as_bytes());
    let input = Secret::new(input);
    let mut value = hash.digest(input.as_bytes())?;
    for _ in 1..iterations {
        value = hash.digest(value.as_bytes())?;
    }
    Ok(Secret::copy_of(value.as_bytes()))
}
