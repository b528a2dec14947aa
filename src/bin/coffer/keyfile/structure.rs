//! What a DER file is, told by its structure.

use super::asn1::{BIT_STRING, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, build, element, sequence};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Structure {
    /// PKCS#8 (RFC 5208, RFC 5958).
    PrivateKeyInfo,
    EncryptedPrivateKeyInfo,
    /// PKCS#1 (RFC 8017 appendix A.1.2), the "RSA PRIVATE KEY" of PEM.
    RsaPrivateKey,
    /// SEC 1 (RFC 5915), the "EC PRIVATE KEY" of PEM.
    EcPrivateKey,
    /// SubjectPublicKeyInfo (RFC 5280 section 4.1).
    PublicKeyInfo,
    /// PKCS#1 (RFC 8017 appendix A.1.1).
    RsaPublicKey,
    /// X.509 (RFC 5280).
    Certificate,
    /// PFX (RFC 7292).
    Pkcs12,
}

/// AlgorithmIdentifier of RSA keys: rsaEncryption with NULL (RFC 8017 appendix A.1).
const RSA_ALGORITHM: &[u8] = &[0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];

/// What the file is; `None` for anything else.
pub fn recognise(der: &[u8]) -> Option<Structure> {
    // PKCS#12 files may be BER with lengths left open, which nothing else here may be.
    if is_indefinite_pfx(der) {
        return Some(Structure::Pkcs12);
    }
    let parts = sequence(der)?;
    let tags: Vec<u8> = parts.iter().map(|part| part.tag).collect();
    let number = parts.first().filter(|part| part.tag == INTEGER).map(|part| part.content);
    let begins_with_identifier = |index: usize| {
        parts
            .get(index)
            .and_then(|part| element(part.content))
            .is_some_and(|(first, _)| first.tag == OBJECT_IDENTIFIER)
    };
    match (tags.as_slice(), number) {
        ([INTEGER, SEQUENCE, OCTET_STRING, ..], Some([0 | 1])) if begins_with_identifier(1) => {
            Some(Structure::PrivateKeyInfo)
        }
        ([INTEGER, SEQUENCE, ..], Some([3])) if begins_with_identifier(1) => Some(Structure::Pkcs12),
        ([INTEGER, OCTET_STRING, ..], Some([1])) => Some(Structure::EcPrivateKey),
        ([INTEGER, INTEGER, INTEGER, INTEGER, ..], Some([0 | 1])) if tags.len() >= 9 => {
            Some(Structure::RsaPrivateKey)
        }
        ([INTEGER, INTEGER], _) => Some(Structure::RsaPublicKey),
        ([SEQUENCE, OCTET_STRING], _) if begins_with_identifier(0) => {
            Some(Structure::EncryptedPrivateKeyInfo)
        }
        ([SEQUENCE, BIT_STRING], _) if begins_with_identifier(0) => Some(Structure::PublicKeyInfo),
        ([SEQUENCE, SEQUENCE, BIT_STRING], _) if begins_with_identifier(1) => Some(Structure::Certificate),
        _ => None,
    }
}

fn is_indefinite_pfx(der: &[u8]) -> bool {
    der.starts_with(&[SEQUENCE, 0x80, INTEGER, 1, 3])
}

/// A PKCS#1 public key as SubjectPublicKeyInfo.
pub fn rsa_public_as_info(der: &[u8]) -> Vec<u8> {
    build(SEQUENCE, &[RSA_ALGORITHM, build(BIT_STRING, &[&[0], der]).as_bytes()]).as_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_told_apart() {
        let algorithm: &[u8] = RSA_ALGORITHM;
        let octets: &[u8] = &[OCTET_STRING, 1, 0];
        let bits: &[u8] = &[BIT_STRING, 1, 0];
        let inner: &[u8] = &[SEQUENCE, 0];
        let zero: &[u8] = &[INTEGER, 1, 0];
        let one: &[u8] = &[INTEGER, 1, 1];
        let three: &[u8] = &[INTEGER, 1, 3];
        for (parts, structure) in [
            (vec![zero, algorithm, octets], Some(Structure::PrivateKeyInfo)),
            (vec![one, algorithm, octets], Some(Structure::PrivateKeyInfo)),
            (vec![algorithm, octets], Some(Structure::EncryptedPrivateKeyInfo)),
            (vec![one, octets], Some(Structure::EcPrivateKey)),
            (vec![zero; 9], Some(Structure::RsaPrivateKey)),
            (vec![one, one], Some(Structure::RsaPublicKey)),
            (vec![algorithm, bits], Some(Structure::PublicKeyInfo)),
            (vec![inner, algorithm, bits], Some(Structure::Certificate)),
            (vec![three, algorithm], Some(Structure::Pkcs12)),
            (vec![octets], None),
        ] {
            assert_eq!(recognise(build(SEQUENCE, &parts).as_bytes()), structure, "{parts:?}");
        }
        assert_eq!(recognise(b"hello"), None);
        assert_eq!(recognise(&[]), None);
        assert_eq!(recognise(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
