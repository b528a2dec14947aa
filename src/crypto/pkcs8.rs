//! Key files: PrivateKeyInfo (RFC 5958, PKCS #8), SubjectPublicKeyInfo (RFC 5280), and the older RSAPrivateKey
//! (RFC 8017) and ECPrivateKey (RFC 5915), for RSA, elliptic curves, the curves of RFC 8410, finite fields, ML-DSA (RFC 9881),
//! ML-KEM (RFC 9935) and SLH-DSA (RFC 9909); public keys of HSS (RFC 9708) and XMSS (RFC 9802) too.
//!
//! The bytes may come from anybody: what is read here is well formed, but whether its numbers make a key is checked by
//! who makes one of them.

use super::asn1::{self, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, element, explicit};
use super::ec::Curve;
use super::hash_based::Stateful;
use super::lattice;
use super::{Error, Result, edwards, montgomery, rsa, slh_dsa};
use crate::secret::Secret;

/// rsaEncryption, 1.2.840.113549.1.1.1.
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// id-ecPublicKey, 1.2.840.10045.2.1.
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

/// The tag [0] of a primitive value, IMPLICIT.
const IMPLICIT_0: u8 = 0x80;

/// Which scheme a key over a finite field is for, by its object identifier (PKCS#11 section 6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Dsa,
    /// PKCS #3.
    Dh,
    /// ANSI X9.42.
    X942Dh,
}

impl Field {
    const ALL: &'static [Field] = &[Field::Dsa, Field::Dh, Field::X942Dh];

    /// id-dsa 1.2.840.10040.4.1, dhKeyAgreement 1.2.840.113549.1.3.1, dhpublicnumber 1.2.840.10046.2.1.
    fn oid(self) -> &'static [u8] {
        match self {
            Field::Dsa => &[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01],
            Field::Dh => &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x03, 0x01],
            Field::X942Dh => &[0x2a, 0x86, 0x48, 0xce, 0x3e, 0x02, 0x01],
        }
    }
}

/// Domain parameters of a finite field; PKCS #3 has no subprime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub field: Field,
    pub prime: Vec<u8>,
    pub subprime: Option<Vec<u8>>,
    pub base: Vec<u8>,
}

impl Group {
    /// Dss-Parms (p, q, g), DHParameter (p, g) or DomainParameters (p, g, q). What follows is passed over: the length of
    /// private values, the cofactor and the seed, which PKCS#11 does not keep.
    fn read(field: Field, algorithm: &mut Reader) -> Result<Self> {
        if !algorithm.next_is(SEQUENCE) {
            // Parameters that are inherited from a certificate's issuer.
            return Err(Error::Parameters);
        }
        let mut numbers = algorithm.sequence()?;
        let mut next = || numbers.unsigned().map(<[u8]>::to_vec);
        let (prime, second) = (next()?, next()?);
        let (subprime, base) = match field {
            Field::Dsa => (Some(second), next()?),
            Field::Dh => (None, second),
            Field::X942Dh => (Some(next()?), second),
        };
        if field == Field::Dsa {
            numbers.end()?;
        }
        Ok(Self { field, prime, subprime, base })
    }

    fn write(&self) -> Secret {
        let (prime, base) = (asn1::unsigned(&self.prime), asn1::unsigned(&self.base));
        let subprime = asn1::unsigned(self.subprime.as_deref().unwrap_or(&[]));
        let numbers: &[&Secret] = match self.field {
            Field::Dsa => &[&prime, &subprime, &base],
            Field::Dh => &[&prime, &base],
            Field::X942Dh => &[&prime, &base, &subprime],
        };
        element(SEQUENCE, &numbers.iter().map(|number| number.as_bytes()).collect::<Vec<_>>())
    }
}

/// A private key as key files tell it.
#[derive(Clone)]
pub enum Private {
    Rsa(rsa::Components),
    /// The private value, big-endian, and the point if the file has it.
    Ec {
        curve: Curve,
        value: Secret,
        point: Option<Vec<u8>>,
    },
    /// The seed, as long as the curve's points.
    Edwards {
        curve: edwards::Curve,
        seed: Secret,
    },
    Montgomery {
        curve: montgomery::Curve,
        value: Secret,
    },
    Field {
        group: Group,
        value: Secret,
    },
    /// The seed, the expanded form, or both.
    Lattice {
        algorithm: lattice::Algorithm,
        seed: Option<Secret>,
        expanded: Option<Secret>,
    },
    SlhDsa {
        set: slh_dsa::ParameterSet,
        value: Secret,
    },
}

/// A public key as key files tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Public {
    Rsa {
        modulus: Vec<u8>,
        public_exponent: Vec<u8>,
    },
    /// The point in the form of SEC 1, compressed or not.
    Ec {
        curve: Curve,
        point: Vec<u8>,
    },
    Edwards {
        curve: edwards::Curve,
        point: Vec<u8>,
    },
    Montgomery {
        curve: montgomery::Curve,
        value: Vec<u8>,
    },
    Field {
        group: Group,
        value: Vec<u8>,
    },
    Lattice {
        algorithm: lattice::Algorithm,
        value: Vec<u8>,
    },
    SlhDsa {
        set: slh_dsa::ParameterSet,
        value: Vec<u8>,
    },
    Stateful {
        scheme: Stateful,
        value: Vec<u8>,
    },
}

/// The algorithms that both structures name.
enum Algorithm {
    Rsa,
    Ec(Curve),
    Edwards(edwards::Curve),
    Montgomery(montgomery::Curve),
    Field(Group),
    Lattice(lattice::Algorithm),
    SlhDsa(slh_dsa::ParameterSet),
    Stateful(Stateful),
}

impl Algorithm {
    /// AlgorithmIdentifier. Errors: `Data`; `Curve`, `Parameters` (a curve that is not named); `Unsupported`.
    fn read(reader: &mut Reader) -> Result<Self> {
        let mut algorithm = reader.sequence()?;
        let found = match algorithm.element(OBJECT_IDENTIFIER)? {
            RSA_ENCRYPTION => {
                // NULL, which some leave out.
                if algorithm.next_is(asn1::NULL) && !algorithm.element(asn1::NULL)?.is_empty() {
                    return Err(Error::Data);
                }
                Algorithm::Rsa
            }
            EC_PUBLIC_KEY => Algorithm::Ec(named_curve(&mut algorithm)?),
            other => match Field::ALL.iter().find(|field| field.oid() == other) {
                Some(field) => Algorithm::Field(Group::read(*field, &mut algorithm)?),
                None => Self::alone(other).ok_or(Error::Unsupported)?,
            },
        };
        algorithm.end()?;
        Ok(found)
    }

    /// The curves and parameter sets that are algorithms themselves and have no parameters.
    fn alone(oid: &[u8]) -> Option<Self> {
        let edwards = edwards::Curve::ALL.iter().copied().find(|curve| curve.oid() == oid);
        let montgomery = montgomery::Curve::ALL.iter().copied().find(|curve| curve.oid() == oid);
        let curve = edwards.map(Algorithm::Edwards).or(montgomery.map(Algorithm::Montgomery));
        let slh_dsa = slh_dsa::ParameterSet::ALL.iter().copied().find(|set| set.oid() == oid);
        let stateful = Stateful::ALL.iter().copied().find(|scheme| scheme.oid() == oid);
        curve
            .or(slh_dsa.map(Algorithm::SlhDsa))
            .or(stateful.map(Algorithm::Stateful))
            .or_else(|| lattice::Algorithm::of_oid(oid).map(Algorithm::Lattice))
    }

    fn write(&self) -> Secret {
        let oid = |oid| element(OBJECT_IDENTIFIER, &[oid]);
        match self {
            Algorithm::Rsa => {
                element(SEQUENCE, &[oid(RSA_ENCRYPTION).as_bytes(), element(asn1::NULL, &[]).as_bytes()])
            }
            Algorithm::Ec(curve) => {
                element(SEQUENCE, &[oid(EC_PUBLIC_KEY).as_bytes(), oid(curve.oid()).as_bytes()])
            }
            Algorithm::Edwards(curve) => element(SEQUENCE, &[oid(curve.oid()).as_bytes()]),
            Algorithm::Montgomery(curve) => element(SEQUENCE, &[oid(curve.oid()).as_bytes()]),
            Algorithm::Lattice(algorithm) => element(SEQUENCE, &[oid(&algorithm.oid()).as_bytes()]),
            Algorithm::SlhDsa(set) => element(SEQUENCE, &[oid(set.oid()).as_bytes()]),
            Algorithm::Stateful(scheme) => element(SEQUENCE, &[oid(scheme.oid()).as_bytes()]),
            Algorithm::Field(group) => {
                element(SEQUENCE, &[oid(group.field.oid()).as_bytes(), group.write().as_bytes()])
            }
        }
    }
}

fn named_curve(reader: &mut Reader) -> Result<Curve> {
    if !reader.next_is(OBJECT_IDENTIFIER) {
        return Err(Error::Parameters);
    }
    Curve::from_oid(reader.element(OBJECT_IDENTIFIER)?).ok_or(Error::Curve)
}

/// PrivateKeyInfo or OneAsymmetricKey; attributes and a public key after the private one are passed over. Errors:
/// `Data`, `Curve`, `Parameters`, `Unsupported`.
pub fn decode_private(der: &[u8]) -> Result<Private> {
    let mut info = Reader::only(der, SEQUENCE)?;
    // Version 0, or 1 where a public key follows.
    if !matches!(info.unsigned()?, [] | [1]) {
        return Err(Error::Data);
    }
    let algorithm = Algorithm::read(&mut info)?;
    let key = info.element(OCTET_STRING)?;
    for optional in [explicit(0), 0x81, explicit(1)] {
        if info.next_is(optional) {
            info.any()?;
        }
    }
    info.end()?;
    match algorithm {
        Algorithm::Rsa => decode_rsa_private(key).map(Private::Rsa),
        Algorithm::Ec(curve) => ec_private(key, Some(curve)),
        Algorithm::Edwards(curve) => {
            raw_private(key, curve.point_len()).map(|seed| Private::Edwards { curve, seed })
        }
        Algorithm::Montgomery(curve) => {
            raw_private(key, curve.value_len()).map(|value| Private::Montgomery { curve, value })
        }
        Algorithm::Field(group) => {
            only_number(key).map(|value| Private::Field { group, value: Secret::copy_of(value) })
        }
        Algorithm::Lattice(algorithm) => lattice_private(algorithm, key),
        // RFC 9909 section 6: the bytes alone, without an OCTET STRING of their own.
        Algorithm::SlhDsa(set) => Ok(Private::SlhDsa { set, value: Secret::copy_of(key) }),
        Algorithm::Stateful(_) => Err(Error::Unsupported),
    }
}

/// PrivateKeyInfo. An RSA key without CRT parts cannot be written: `Key`.
pub fn encode_private(key: &Private) -> Result<Secret> {
    let (algorithm, contents) = match key {
        Private::Rsa(numbers) => (Algorithm::Rsa, encode_rsa_private(numbers)?),
        Private::Ec { curve, value, point } => {
            (Algorithm::Ec(*curve), write_ec_private(*curve, value, point.as_deref())?)
        }
        Private::Edwards { curve, seed } => {
            (Algorithm::Edwards(*curve), element(OCTET_STRING, &[seed.as_bytes()]))
        }
        Private::Montgomery { curve, value } => {
            (Algorithm::Montgomery(*curve), element(OCTET_STRING, &[value.as_bytes()]))
        }
        Private::Field { group, value } => {
            (Algorithm::Field(group.clone()), asn1::unsigned(value.as_bytes()))
        }
        Private::Lattice { algorithm, seed, expanded } => {
            (Algorithm::Lattice(*algorithm), write_lattice_private(seed.as_ref(), expanded.as_ref())?)
        }
        Private::SlhDsa { set, value } => (Algorithm::SlhDsa(*set), value.clone()),
    };
    let version = asn1::unsigned(&[]);
    let key = element(OCTET_STRING, &[contents.as_bytes()]);
    Ok(element(SEQUENCE, &[version.as_bytes(), algorithm.write().as_bytes(), key.as_bytes()]))
}

/// SubjectPublicKeyInfo. Errors as for `decode_private`.
pub fn decode_public(der: &[u8]) -> Result<Public> {
    let mut info = Reader::only(der, SEQUENCE)?;
    let algorithm = Algorithm::read(&mut info)?;
    let key = info.bytes_of_bits()?;
    info.end()?;
    Ok(match algorithm {
        Algorithm::Rsa => {
            let mut numbers = Reader::only(key, SEQUENCE)?;
            let (modulus, public_exponent) = (numbers.unsigned()?.to_vec(), numbers.unsigned()?.to_vec());
            numbers.end()?;
            Public::Rsa { modulus, public_exponent }
        }
        Algorithm::Ec(curve) => Public::Ec { curve, point: key.to_vec() },
        Algorithm::Edwards(curve) => Public::Edwards { curve, point: key.to_vec() },
        Algorithm::Montgomery(curve) => Public::Montgomery { curve, value: key.to_vec() },
        Algorithm::Field(group) => Public::Field { group, value: only_number(key)?.to_vec() },
        Algorithm::Lattice(algorithm) => Public::Lattice { algorithm, value: key.to_vec() },
        Algorithm::SlhDsa(set) => Public::SlhDsa { set, value: key.to_vec() },
        Algorithm::Stateful(scheme) => Public::Stateful { scheme, value: key.to_vec() },
    })
}

/// SubjectPublicKeyInfo.
pub fn encode_public(key: &Public) -> Vec<u8> {
    let (algorithm, contents) = match key {
        Public::Rsa { modulus, public_exponent } => {
            let (n, e) = (asn1::unsigned(modulus), asn1::unsigned(public_exponent));
            (Algorithm::Rsa, element(SEQUENCE, &[n.as_bytes(), e.as_bytes()]))
        }
        Public::Ec { curve, point } => (Algorithm::Ec(*curve), Secret::copy_of(point)),
        Public::Edwards { curve, point } => (Algorithm::Edwards(*curve), Secret::copy_of(point)),
        Public::Montgomery { curve, value } => (Algorithm::Montgomery(*curve), Secret::copy_of(value)),
        Public::Field { group, value } => (Algorithm::Field(group.clone()), asn1::unsigned(value)),
        Public::Lattice { algorithm, value } => (Algorithm::Lattice(*algorithm), Secret::copy_of(value)),
        Public::SlhDsa { set, value } => (Algorithm::SlhDsa(*set), Secret::copy_of(value)),
        Public::Stateful { scheme, value } => (Algorithm::Stateful(*scheme), Secret::copy_of(value)),
    };
    let bits = element(asn1::BIT_STRING, &[&[0], contents.as_bytes()]);
    element(SEQUENCE, &[algorithm.write().as_bytes(), bits.as_bytes()]).as_bytes().to_vec()
}

/// The CHOICE of RFC 9881 section 6 and RFC 9935 section 6: seed [0], expandedKey, or both. `Data`: another length.
fn lattice_private(algorithm: lattice::Algorithm, key: &[u8]) -> Result<Private> {
    let mut choice = Reader::new(key);
    let (mut seed, mut expanded) = (None, None);
    if choice.next_is(IMPLICIT_0) {
        seed = Some(choice.element(IMPLICIT_0)?);
    } else if choice.next_is(SEQUENCE) {
        let mut both = choice.sequence()?;
        seed = Some(both.element(OCTET_STRING)?);
        expanded = Some(both.element(OCTET_STRING)?);
        both.end()?;
    } else {
        expanded = Some(choice.element(OCTET_STRING)?);
    }
    choice.end()?;
    let fits = |bytes: Option<&[u8]>, len| bytes.is_none_or(|bytes| bytes.len() == len);
    if !fits(seed, algorithm.seed_len()) || !fits(expanded, algorithm.expanded_len()) {
        return Err(Error::Data);
    }
    let (seed, expanded) = (seed.map(Secret::copy_of), expanded.map(Secret::copy_of));
    Ok(Private::Lattice { algorithm, seed, expanded })
}

/// The seed alone where there is one, as both documents recommend. `Key`: neither form.
fn write_lattice_private(seed: Option<&Secret>, expanded: Option<&Secret>) -> Result<Secret> {
    match (seed, expanded) {
        (Some(seed), _) => Ok(element(IMPLICIT_0, &[seed.as_bytes()])),
        (None, Some(expanded)) => Ok(element(OCTET_STRING, &[expanded.as_bytes()])),
        (None, None) => Err(Error::Key),
    }
}

/// The SubjectPublicKeyInfo inside an X.509 certificate (RFC 5280 section 4.1), as it stands there.
pub fn of_certificate(der: &[u8]) -> Result<&[u8]> {
    let mut certificate = Reader::only(der, SEQUENCE)?;
    let mut fields = certificate.sequence()?;
    if fields.next_is(explicit(0)) {
        fields.any()?;
    }
    // Serial number, signature algorithm, issuer, validity, subject.
    for _ in 0..5 {
        fields.any()?;
    }
    match fields.any()? {
        (whole @ [SEQUENCE, ..], _) => Ok(whole),
        _ => Err(Error::Data),
    }
}

/// RSAPrivateKey with two primes (RFC 8017 appendix A.1.2): "BEGIN RSA PRIVATE KEY".
pub fn decode_rsa_private(der: &[u8]) -> Result<rsa::Components> {
    let mut numbers = Reader::only(der, SEQUENCE)?;
    if !numbers.unsigned()?.is_empty() {
        return Err(Error::Unsupported);
    }
    let (modulus, public_exponent) = (numbers.unsigned()?.to_vec(), numbers.unsigned()?.to_vec());
    let mut secret = || numbers.unsigned().map(Secret::copy_of);
    let private_exponent = secret()?;
    let crt = rsa::Crt {
        prime_1: secret()?,
        prime_2: secret()?,
        exponent_1: secret()?,
        exponent_2: secret()?,
        coefficient: secret()?,
    };
    numbers.end()?;
    // Some write zeros for what they do not know.
    let crt = (!crt.prime_1.is_empty() && !crt.prime_2.is_empty()).then_some(crt);
    Ok(rsa::Components { modulus, public_exponent, private_exponent, crt })
}

/// RSAPrivateKey. `Key`: a CRT part is missing.
pub fn encode_rsa_private(numbers: &rsa::Components) -> Result<Secret> {
    let crt = numbers.crt.as_ref().ok_or(Error::Key)?;
    let secrets = [
        &numbers.private_exponent,
        &crt.prime_1,
        &crt.prime_2,
        &crt.exponent_1,
        &crt.exponent_2,
        &crt.coefficient,
    ];
    if secrets.iter().any(|secret| secret.is_empty()) {
        return Err(Error::Key);
    }
    let mut parts =
        vec![asn1::unsigned(&[]), asn1::unsigned(&numbers.modulus), asn1::unsigned(&numbers.public_exponent)];
    parts.extend(secrets.iter().map(|secret| asn1::unsigned(secret.as_bytes())));
    Ok(element(SEQUENCE, &parts.iter().map(Secret::as_bytes).collect::<Vec<_>>()))
}

/// ECPrivateKey with its curve inside (RFC 5915): "BEGIN EC PRIVATE KEY".
pub fn decode_ec_private(der: &[u8]) -> Result<Private> {
    ec_private(der, None)
}

fn ec_private(der: &[u8], outer: Option<Curve>) -> Result<Private> {
    let mut key = Reader::only(der, SEQUENCE)?;
    if key.unsigned()? != [1] {
        return Err(Error::Data);
    }
    let value = Secret::copy_of(key.element(OCTET_STRING)?);
    let mut curve = outer;
    if key.next_is(explicit(0)) {
        let mut parameters = Reader::new(key.element(explicit(0))?);
        let inner = named_curve(&mut parameters)?;
        parameters.end()?;
        if outer.is_some_and(|outer| outer != inner) {
            return Err(Error::Data);
        }
        curve = Some(inner);
    }
    let mut point = None;
    if key.next_is(explicit(1)) {
        let mut public = Reader::new(key.element(explicit(1))?);
        point = Some(public.bytes_of_bits()?.to_vec());
        public.end()?;
    }
    key.end()?;
    Ok(Private::Ec { curve: curve.ok_or(Error::Parameters)?, value, point })
}

/// ECPrivateKey without parameters, which stand outside (PKCS#11 section 6.7). `Key`: the value is too long.
fn write_ec_private(curve: Curve, value: &Secret, point: Option<&[u8]>) -> Result<Secret> {
    let zeros = value.as_bytes().iter().take_while(|byte| **byte == 0).count();
    let digits = value.as_bytes().get(zeros..).unwrap_or(&[]);
    let missing = curve.order_len().checked_sub(digits.len()).ok_or(Error::Key)?;
    let value = element(OCTET_STRING, &[&vec![0; missing], digits]);
    let public = match point {
        Some(point) => {
            let bits = element(asn1::BIT_STRING, &[&[0], point]);
            element(explicit(1), &[bits.as_bytes()])
        }
        None => Secret::default(),
    };
    Ok(element(SEQUENCE, &[asn1::unsigned(&[1]).as_bytes(), value.as_bytes(), public.as_bytes()]))
}

/// The INTEGER that a private or public value over a finite field is.
fn only_number(der: &[u8]) -> Result<&[u8]> {
    let mut reader = Reader::new(der);
    let value = reader.unsigned()?;
    reader.end()?;
    Ok(value)
}

/// CurvePrivateKey (RFC 8410 section 7): an OCTET STRING of this length.
fn raw_private(der: &[u8], length: usize) -> Result<Secret> {
    let mut reader = Reader::new(der);
    let value = reader.element(OCTET_STRING)?;
    reader.end()?;
    if value.len() != length {
        return Err(Error::Data);
    }
    Ok(Secret::copy_of(value))
}

#[cfg(test)]
mod lattice_tests;
#[cfg(test)]
pub(crate) mod tests;
