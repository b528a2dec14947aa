//! Files with keys and certificates: what they hold, as attributes of PKCS#11 objects.
//!
//! PEM and DER are told apart by looking; in DER, the structure tells what it is.

mod asn1;
pub mod pem;
mod structure;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::crypto::digest::Hash;
use coffer_pkcs11::crypto::{key_file, pkcs8};
use coffer_pkcs11::error::Error;
use coffer_pkcs11::mechanism::private_key_info;
use coffer_pkcs11::object::{Attributes, Value};
use coffer_pkcs11::secret::Secret;

use crate::failure::{Failure, Result};

pub use pem::encode as to_pem;
use structure::Structure;

/// One thing that a file holds.
pub enum Item {
    PrivateKey {
        /// Class, key type and key material.
        attributes: Attributes,
        /// What the file calls it.
        name: Option<String>,
    },
    /// A SubjectPublicKeyInfo (RFC 5280) and the attributes made of it.
    PublicKey {
        info: Vec<u8>,
        attributes: Attributes,
    },
    Certificate(Certificate),
}

/// An X.509 certificate: its DER, and what its attributes are made of.
pub struct Certificate {
    pub der: Vec<u8>,
    pub subject: Vec<u8>,
    pub issuer: Vec<u8>,
    /// DER INTEGER, as CKA_SERIAL_NUMBER wants it.
    pub serial: Vec<u8>,
    /// The SubjectPublicKeyInfo.
    pub public_key_info: Vec<u8>,
}

impl Certificate {
    pub fn attributes(&self) -> Attributes {
        Attributes::from_iter([
            (CKA_CLASS, Value::Ulong(CKO_CERTIFICATE)),
            (CKA_CERTIFICATE_TYPE, Value::Ulong(CKC_X_509)),
            (CKA_SUBJECT, Value::Bytes(self.subject.clone())),
            (CKA_ISSUER, Value::Bytes(self.issuer.clone())),
            (CKA_SERIAL_NUMBER, Value::Bytes(self.serial.clone())),
            (CKA_VALUE, Value::Bytes(self.der.clone())),
        ])
    }
}

/// Everything in a file. `passphrase` is asked only where the file is encrypted.
pub fn read(file: &Secret, passphrase: &dyn Fn() -> Result<Secret>) -> Result<Vec<Item>> {
    if !pem::is_pem(file.as_bytes()) {
        return items(file.as_bytes(), passphrase);
    }
    let mut all = Vec::new();
    for block in pem::blocks(file.as_bytes())? {
        // Tools write the curve before a traditional EC key; the key repeats it.
        if matches!(block.label.as_str(), "EC PARAMETERS" | "DH PARAMETERS") {
            continue;
        }
        all.extend(items(block.der.as_bytes(), passphrase)?);
    }
    Ok(all)
}

fn items(der: &[u8], passphrase: &dyn Fn() -> Result<Secret>) -> Result<Vec<Item>> {
    Ok(match structure::recognise(der) {
        Some(Structure::PrivateKeyInfo) => vec![private_key(pkcs8::decode_private(der))?],
        Some(Structure::EncryptedPrivateKeyInfo) => {
            let opened = key_file::open_pkcs8(der, &passphrase()?).map_err(|_| wrong_passphrase("PKCS#8"))?;
            vec![private_key(pkcs8::decode_private(opened.as_bytes()))?]
        }
        Some(Structure::RsaPrivateKey) => {
            vec![private_key(pkcs8::decode_rsa_private(der).map(pkcs8::Private::Rsa))?]
        }
        Some(Structure::EcPrivateKey) => vec![private_key(pkcs8::decode_ec_private(der))?],
        Some(Structure::PublicKeyInfo) => vec![public_item(der)?],
        Some(Structure::RsaPublicKey) => vec![public_item(&structure::rsa_public_as_info(der))?],
        Some(Structure::Certificate) => vec![Item::Certificate(certificate(der)?)],
        Some(Structure::Pkcs12) => pkcs12_items(der, passphrase)?,
        None => {
            return Err(Failure::new("this is no key or certificate that Coffer knows").advise(
                "PEM or DER files with PKCS#8, PKCS#1, SEC 1 or PKCS#12 keys, public keys and X.509 certificates are; \
                 for the raw bytes of a secret key add --secret aes or --secret generic",
            ));
        }
    })
}

/// An id for the objects of a public key, made from it alone: the first 20 bytes of the SHA-256 of its bits (RFC 7093
/// section 2, method 1). `None` for what is no SubjectPublicKeyInfo.
pub fn key_id(info: &[u8]) -> Option<Vec<u8>> {
    let parts = asn1::sequence(info)?;
    let bits = parts.get(1).filter(|part| part.tag == asn1::BIT_STRING)?.content;
    let digest = Hash::Sha256.digest(bits.get(1..)?).ok()?;
    digest.as_bytes().get(..20).map(<[u8]>::to_vec)
}

fn private_key(key: coffer_pkcs11::crypto::Result<pkcs8::Private>) -> Result<Item> {
    let attributes = key.map_err(Error::from).and_then(private_key_info::attributes_of);
    attributes.map(|attributes| Item::PrivateKey { attributes, name: None }).map_err(|error| {
        Failure::new(format!("the private key cannot be read: {error}")).advise(
            "RSA, EC (with a named curve), Edwards, Montgomery, ML-DSA and ML-KEM keys can be imported",
        )
    })
}

fn public_item(info: &[u8]) -> Result<Item> {
    Ok(Item::PublicKey { info: info.to_vec(), attributes: public_key(info)? })
}

/// Class, key type and key material of a SubjectPublicKeyInfo.
pub fn public_key(info: &[u8]) -> Result<Attributes> {
    let key = pkcs8::decode_public(info).map_err(Error::from);
    key.and_then(private_key_info::public_attributes_of).map_err(|error| {
        Failure::new(format!("the public key cannot be read: {error}")).advise(
            "RSA, EC (with a named curve), Edwards, Montgomery, ML-DSA and ML-KEM keys can be imported",
        )
    })
}

fn pkcs12_items(der: &[u8], passphrase: &dyn Fn() -> Result<Secret>) -> Result<Vec<Item>> {
    let content = key_file::open_pkcs12(der, &passphrase()?).map_err(|_| {
        wrong_passphrase("PKCS#12").advise(
            "check the passphrase (--passphrase-file, --passphrase-fd or COFFER_PASSPHRASE); openssl pkcs12 -in FILE -nodes \
             takes files apart that are not read here, and what it writes can be imported",
        )
    })?;
    let mut items = Vec::new();
    for key in content.private_keys {
        let item = private_key(pkcs8::decode_private(key.info.as_bytes()))?;
        items.push(match item {
            Item::PrivateKey { attributes, .. } => Item::PrivateKey { attributes, name: key.name },
            item => item,
        });
    }
    for der in &content.certificates {
        items.push(Item::Certificate(certificate(der)?));
    }
    Ok(items)
}

fn wrong_passphrase(what: &str) -> Failure {
    Failure::new(format!("the {what} file does not open: the passphrase is wrong, or the file is damaged or encrypted in an unknown way"))
        .advise("check the passphrase (--passphrase-file, --passphrase-fd or COFFER_PASSPHRASE)")
}

fn certificate(der: &[u8]) -> Result<Certificate> {
    use x509_cert::der::{Decode, Encode};
    let failed =
        |error: x509_cert::der::Error| Failure::new(format!("the certificate cannot be read: {error}"));
    let parsed = x509_cert::Certificate::from_der(der).map_err(failed)?;
    let content = parsed.tbs_certificate();
    Ok(Certificate {
        der: der.to_vec(),
        subject: content.subject().to_der().map_err(failed)?,
        issuer: content.issuer().to_der().map_err(failed)?,
        serial: content.serial_number().to_der().map_err(failed)?,
        public_key_info: content.subject_public_key_info().to_der().map_err(failed)?,
    })
}
