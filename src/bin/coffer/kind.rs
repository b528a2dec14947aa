//! Kinds of keys as people write them: `rsa:3072`, `ec:P-256`, `ed25519`, `ml-dsa-65`, `aes:256`. `generate` takes them, `list` shows them.

use std::fmt;
use std::str::FromStr;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::object::Attributes;

use crate::hss::Levels;

/// A named curve: the name shown, other names taken, and CKA_EC_PARAMS (a DER object identifier).
pub struct Curve {
    pub name: &'static str,
    aliases: &'static [&'static str],
    pub key_type: CK_KEY_TYPE,
    pub params: &'static [u8],
}

const fn curve(
    name: &'static str,
    aliases: &'static [&'static str],
    key_type: CK_KEY_TYPE,
    params: &'static [u8],
) -> Curve {
    Curve { name, aliases, key_type, params }
}

/// Object identifiers: SEC 2 (secp), RFC 5639 (brainpool), RFC 8410 (Edwards and Montgomery).
pub const CURVES: &[Curve] = &[
    curve("P-224", &["secp224r1"], CKK_EC, &[6, 5, 0x2b, 0x81, 4, 0, 0x21]),
    curve("P-256", &["prime256v1", "secp256r1"], CKK_EC, &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]),
    curve("P-384", &["secp384r1"], CKK_EC, &[6, 5, 0x2b, 0x81, 4, 0, 0x22]),
    curve("P-521", &["secp521r1"], CKK_EC, &[6, 5, 0x2b, 0x81, 4, 0, 0x23]),
    curve("secp256k1", &[], CKK_EC, &[6, 5, 0x2b, 0x81, 4, 0, 0x0a]),
    curve("brainpoolP224r1", &[], CKK_EC, &[6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 5]),
    curve("brainpoolP224t1", &[], CKK_EC, &[6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 6]),
    curve("brainpoolP256r1", &[], CKK_EC, &[6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 7]),
    curve("brainpoolP256t1", &[], CKK_EC, &[6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 8]),
    curve("brainpoolP320r1", &[], CKK_EC, &[6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 9]),
    curve("brainpoolP320t1", &[], CKK_EC, &[6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 10]),
    curve("brainpoolP384r1", &[], CKK_EC, &[6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 11]),
    curve("brainpoolP384t1", &[], CKK_EC, &[6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 12]),
    curve("brainpoolP512r1", &[], CKK_EC, &[6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 13]),
    curve("brainpoolP512t1", &[], CKK_EC, &[6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 14]),
    curve("P-192", &["prime192v1", "secp192r1"], CKK_EC, &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 1]),
    curve("brainpoolP160r1", &[], CKK_EC, &[6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 1]),
    curve("brainpoolP160t1", &[], CKK_EC, &[6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 2]),
    curve("brainpoolP192r1", &[], CKK_EC, &[6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 3]),
    curve("brainpoolP192t1", &[], CKK_EC, &[6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 4]),
    curve("ed25519", &["edwards25519"], CKK_EC_EDWARDS, &[6, 3, 0x2b, 0x65, 0x70]),
    curve("ed448", &["edwards448"], CKK_EC_EDWARDS, &[6, 3, 0x2b, 0x65, 0x71]),
    curve("x25519", &["curve25519"], CKK_EC_MONTGOMERY, &[6, 3, 0x2b, 0x65, 0x6e]),
    curve("x448", &["curve448"], CKK_EC_MONTGOMERY, &[6, 3, 0x2b, 0x65, 0x6f]),
];

/// The parameter sets of SLH-DSA (FIPS 205 section 11) and their numbers (CKA_PARAMETER_SET).
pub const SLH_DSA_SETS: &[(&str, CK_SLH_DSA_PARAMETER_SET_TYPE)] = &[
    ("sha2-128s", CKP_SLH_DSA_SHA2_128S),
    ("sha2-128f", CKP_SLH_DSA_SHA2_128F),
    ("sha2-192s", CKP_SLH_DSA_SHA2_192S),
    ("sha2-192f", CKP_SLH_DSA_SHA2_192F),
    ("sha2-256s", CKP_SLH_DSA_SHA2_256S),
    ("sha2-256f", CKP_SLH_DSA_SHA2_256F),
    ("shake-128s", CKP_SLH_DSA_SHAKE_128S),
    ("shake-128f", CKP_SLH_DSA_SHAKE_128F),
    ("shake-192s", CKP_SLH_DSA_SHAKE_192S),
    ("shake-192f", CKP_SLH_DSA_SHAKE_192F),
    ("shake-256s", CKP_SLH_DSA_SHAKE_256S),
    ("shake-256f", CKP_SLH_DSA_SHAKE_256F),
];

/// The kind behind `slh-dsa`: the rest of the text names a parameter set.
fn slh_dsa(set: &str) -> Result<Kind, String> {
    let set = set.trim_start_matches([':', '-']);
    let found = SLH_DSA_SETS.iter().find(|(name, _)| *name == set);
    found.map(|(name, number)| Kind::SlhDsa { name, number: *number }).ok_or_else(|| {
        let names: Vec<&str> = SLH_DSA_SETS.iter().map(|(name, _)| *name).collect();
        format!("slh-dsa needs a parameter set, as in slh-dsa-sha2-128s; there are {}", names.join(", "))
    })
}

/// The curve that a name means.
fn named(name: &str) -> Option<&'static Curve> {
    // NSS and OpenSSH write nistp256.
    let plain = |name: &str| name.to_ascii_lowercase().replace("nist", "").replace('-', "");
    let wanted = plain(name);
    let equal = |known: &str| plain(known) == wanted;
    CURVES.iter().find(|curve| equal(curve.name) || curve.aliases.iter().any(|alias| equal(alias)))
}

/// A parameter set of ML-DSA or ML-KEM: the name, the key type and CKA_PARAMETER_SET.
pub struct ParameterSet {
    name: &'static str,
    pub key_type: CK_KEY_TYPE,
    pub number: CK_ULONG,
}

/// The first of each family is meant where none is told.
const PARAMETER_SETS: &[ParameterSet] = &[
    ParameterSet { name: "ml-dsa-65", key_type: CKK_ML_DSA, number: CKP_ML_DSA_65 },
    ParameterSet { name: "ml-dsa-44", key_type: CKK_ML_DSA, number: CKP_ML_DSA_44 },
    ParameterSet { name: "ml-dsa-87", key_type: CKK_ML_DSA, number: CKP_ML_DSA_87 },
    ParameterSet { name: "ml-kem-768", key_type: CKK_ML_KEM, number: CKP_ML_KEM_768 },
    ParameterSet { name: "ml-kem-512", key_type: CKK_ML_KEM, number: CKP_ML_KEM_512 },
    ParameterSet { name: "ml-kem-1024", key_type: CKK_ML_KEM, number: CKP_ML_KEM_1024 },
];

/// The parameter set that a name means, with or without its hyphens; a family alone means its first.
fn parameter_set(text: &str) -> Option<&'static ParameterSet> {
    let plain = |name: &str| name.replace([':', '-'], "").to_ascii_lowercase();
    let wanted = plain(text);
    let family = matches!(wanted.as_str(), "mldsa" | "mlkem");
    PARAMETER_SETS.iter().find(|set| {
        let name = plain(set.name);
        name == wanted || (family && name.starts_with(&wanted))
    })
}

/// What `generate` can make.
#[derive(Clone, Copy)]
pub enum Kind {
    /// Modulus length in bits.
    Rsa(u64),
    Curve(&'static Curve),
    Lattice(&'static ParameterSet),
    /// A parameter set of SLH-DSA and its CKA_PARAMETER_SET.
    SlhDsa {
        name: &'static str,
        number: u64,
    },
    /// Stateful: only in tokens whose settings have that.
    Hss(Levels),
    /// Length in bits.
    Aes(u64),
    /// Triple DES with three keys.
    Des3,
    ChaCha20,
    /// A generic secret, for HMAC and derivation; length in bits.
    Generic(u64),
}

impl Kind {
    pub fn key_type(self) -> CK_KEY_TYPE {
        match self {
            Kind::Rsa(_) => CKK_RSA,
            Kind::Curve(curve) => curve.key_type,
            Kind::Lattice(set) => set.key_type,
            Kind::SlhDsa { .. } => CKK_SLH_DSA,
            Kind::Hss(_) => CKK_HSS,
            Kind::Aes(_) => CKK_AES,
            Kind::Generic(_) => CKK_GENERIC_SECRET,
            Kind::Des3 => CKK_DES3,
            Kind::ChaCha20 => CKK_CHACHA20,
        }
    }

    pub fn is_pair(self) -> bool {
        matches!(self, Kind::Rsa(_) | Kind::Curve(_) | Kind::Lattice(_) | Kind::SlhDsa { .. } | Kind::Hss(_))
    }

    /// True for keys of X25519 and X448, which neither sign nor decrypt.
    pub fn derives_only(self) -> bool {
        matches!(self, Kind::Curve(curve) if curve.key_type == CKK_EC_MONTGOMERY)
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Rsa(bits) => write!(formatter, "rsa:{bits}"),
            Kind::Curve(curve) if curve.key_type == CKK_EC => write!(formatter, "ec:{}", curve.name),
            Kind::Curve(curve) => write!(formatter, "{}", curve.name),
            Kind::Lattice(set) => formatter.write_str(set.name),
            Kind::SlhDsa { name, .. } => write!(formatter, "slh-dsa-{name}"),
            Kind::Hss(levels) => write!(formatter, "hss:{levels}"),
            Kind::Aes(bits) => write!(formatter, "aes:{bits}"),
            Kind::Des3 => write!(formatter, "des3"),
            Kind::ChaCha20 => write!(formatter, "chacha20"),
            Kind::Generic(bits) => write!(formatter, "generic:{bits}"),
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(set) = parameter_set(text) {
            return Ok(Kind::Lattice(set));
        }
        if let Some(set) = text.to_ascii_lowercase().strip_prefix("slh-dsa") {
            return slh_dsa(set);
        }
        let (family, size) = text.split_once([':', '-']).unwrap_or((text, ""));
        let bits = |default: u64, least: u64, most: u64, step: u64| match size {
            "" => Ok(default),
            _ => {
                size.parse().ok().filter(|bits| (least..=most).contains(bits) && bits % step == 0).ok_or_else(
                    || {
                        format!(
                            "`{size}` is no size for {family}: bits from {least} to {most} in steps of {step}"
                        )
                    },
                )
            }
        };
        match family.to_ascii_lowercase().as_str() {
            "rsa" => return bits(3072, 1024, 8192, 8).map(Kind::Rsa),
            "aes" => return bits(256, 128, 256, 64).map(Kind::Aes),
            "hss" => return size.parse().map(Kind::Hss),
            "des3" | "chacha20" if !size.is_empty() => return Err(format!("{family} has one size alone")),
            "des3" => return Ok(Kind::Des3),
            "chacha20" => return Ok(Kind::ChaCha20),
            "generic" | "hmac" => return bits(256, 8, 8192, 8).map(Kind::Generic),
            "ec" | "ecdsa" | "ecdh" => {
                let curve = if size.is_empty() { "P-256" } else { size };
                return named(curve).map(Kind::Curve).ok_or_else(|| unknown_curve(curve));
            }
            _ => {}
        }
        // A curve alone is clear enough: ed25519, P-256.
        named(text).map(Kind::Curve).ok_or_else(|| {
            format!("`{text}` is no kind of key; write rsa:3072, ec:P-256, ed25519, x25519, ml-dsa-65, ml-kem-768, slh-dsa-sha2-128s, aes:256 or generic:256")
        })
    }
}

fn unknown_curve(name: &str) -> String {
    let names: Vec<&str> = CURVES.iter().map(|curve| curve.name).collect();
    let likely = names
        .iter()
        .max_by(|one, other| strsim::jaro_winkler(name, one).total_cmp(&strsim::jaro_winkler(name, other)));
    let likely = likely.filter(|known| strsim::jaro_winkler(name, known) > 0.75);
    match likely {
        Some(known) => format!("there is no curve {name}; did you mean {known}?"),
        None => format!("there is no curve {name}; there are {}", names.join(", ")),
    }
}

/// The kind of an existing key or certificate, as `list` shows it.
pub fn describe(class: CK_OBJECT_CLASS, attributes: &Attributes) -> String {
    if class == CKO_CERTIFICATE {
        return if attributes.ulong(CKA_CERTIFICATE_TYPE) == Some(CKC_X_509) {
            "x509".into()
        } else {
            "other".into()
        };
    }
    let Some(key_type) = attributes.ulong(CKA_KEY_TYPE) else { return String::new() };
    let bits = attributes.ulong(CKA_VALUE_LEN).map(|bytes| bytes * 8);
    let sized = |name: &str| bits.map_or_else(|| name.to_string(), |bits| format!("{name}:{bits}"));
    match key_type {
        CKK_RSA => match attributes.bytes(CKA_MODULUS) {
            Some(modulus) => Kind::Rsa(bit_length(modulus)).to_string(),
            None => "rsa".into(),
        },
        CKK_EC | CKK_EC_EDWARDS | CKK_EC_MONTGOMERY => {
            let params = attributes.bytes(CKA_EC_PARAMS).unwrap_or_default();
            match curve_of(params) {
                Some(curve) => Kind::Curve(curve).to_string(),
                None => "ec".into(),
            }
        }
        CKK_ML_DSA | CKK_ML_KEM => {
            let set = attributes.ulong(CKA_PARAMETER_SET);
            let mut sets = PARAMETER_SETS.iter();
            match sets.find(|known| (known.key_type, Some(known.number)) == (key_type, set)) {
                Some(set) => set.name.into(),
                None if key_type == CKK_ML_DSA => "ml-dsa".into(),
                None => "ml-kem".into(),
            }
        }
        CKK_SLH_DSA => {
            let set = attributes.ulong(CKA_PARAMETER_SET);
            let known = SLH_DSA_SETS.iter().find(|(_, number)| Some(*number) == set);
            known.map_or_else(|| "slh-dsa".into(), |(name, _)| format!("slh-dsa-{name}"))
        }
        CKK_HSS => "hss".into(),
        CKK_XMSS => "xmss".into(),
        CKK_XMSSMT => "xmss-mt".into(),
        CKK_AES => sized("aes"),
        CKK_GENERIC_SECRET => sized("generic"),
        CKK_DES3 => Kind::Des3.to_string(),
        CKK_CHACHA20 => Kind::ChaCha20.to_string(),
        CKK_DSA => "dsa".into(),
        CKK_DH => "dh".into(),
        other => sized(&format!("type-{other:#x}")),
    }
}

/// The curve of a CKA_EC_PARAMS: an object identifier, or a PrintableString with the name (section 6.3).
pub fn curve_of(params: &[u8]) -> Option<&'static Curve> {
    let by_id = CURVES.iter().find(|curve| curve.params == params);
    by_id.or_else(|| match params {
        [0x13, length, name @ ..] if usize::from(*length) == name.len() => {
            named(std::str::from_utf8(name).ok()?)
        }
        _ => None,
    })
}

/// The size of a key in bits, as its standard counts it; `None` where the attributes do not tell.
pub fn bits(attributes: &Attributes) -> Option<u64> {
    let of = |id| attributes.bytes(id).map(bit_length);
    match attributes.ulong(CKA_KEY_TYPE)? {
        CKK_RSA => of(CKA_MODULUS),
        CKK_DSA | CKK_DH | CKK_X9_42_DH => of(CKA_PRIME),
        CKK_EC | CKK_EC_EDWARDS | CKK_EC_MONTGOMERY => {
            let name = curve_of(attributes.bytes(CKA_EC_PARAMS)?)?.name;
            match name {
                "ed25519" | "x25519" => Some(255),
                "ed448" | "x448" => Some(448),
                // The number in it: P-256, secp256k1, brainpoolP256r1.
                name => {
                    let digits = name.split(|char: char| !char.is_ascii_digit());
                    digits.filter_map(|digits| digits.parse().ok()).find(|bits| *bits > 100)
                }
            }
        }
        CKK_DES3 => Some(192),
        _ => attributes.ulong(CKA_VALUE_LEN).map(|bytes| bytes * 8),
    }
}

fn bit_length(number: &[u8]) -> u64 {
    let significant = number.iter().skip_while(|byte| **byte == 0);
    let first = significant.clone().next().map_or(0, |byte| 8 - byte.leading_zeros());
    u64::from(first) + 8 * (significant.count() as u64).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_and_shown_alike() {
        for (text, shown) in [
            ("rsa:2048", "rsa:2048"),
            ("RSA", "rsa:3072"),
            ("rsa-4096", "rsa:4096"),
            ("ec:P-256", "ec:P-256"),
            ("ec:secp384r1", "ec:P-384"),
            ("P-521", "ec:P-521"),
            ("ec:brainpoolp256r1", "ec:brainpoolP256r1"),
            ("ed25519", "ed25519"),
            ("x25519", "x25519"),
            ("SLH-DSA-SHAKE-192f", "slh-dsa-shake-192f"),
            ("aes:128", "aes:128"),
            ("hmac:512", "generic:512"),
            ("ec:prime192v1", "ec:P-192"),
            ("brainpoolP512t1", "ec:brainpoolP512t1"),
            ("Ed448", "ed448"),
            ("DES3", "des3"),
            ("chacha20", "chacha20"),
            ("ml-dsa-44", "ml-dsa-44"),
            ("ML-DSA", "ml-dsa-65"),
            ("mlkem1024", "ml-kem-1024"),
            ("ml-kem:512", "ml-kem-512"),
        ] {
            assert_eq!(text.parse::<Kind>().unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn bad_kinds_are_refused_with_what_there_is() {
        for (text, reason) in [
            ("dsa", "write rsa:3072"),
            ("rsa:100", "bits from 1024 to 8192"),
            ("aes:250", "in steps of 64"),
            ("des3:192", "one size alone"),
            ("ec:P-257", "did you mean P-25"),
            ("ec:quux", "there are P-224"),
            ("slh-dsa-sha2-128", "there are sha2-128s"),
        ] {
            let error = text.parse::<Kind>().unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn every_curve_of_the_library_has_a_name() {
        for curve in coffer_pkcs11::crypto::ec::Curve::ALL {
            let params = [&[6, curve.oid().len() as u8], curve.oid()].concat();
            let named = curve_of(&params).unwrap_or_else(|| panic!("{curve:?}"));
            assert!(
                curve
                    .names()
                    .iter()
                    .all(|name| super::named(name).is_some_and(|held| held.name == named.name))
            );
        }
    }

    #[test]
    fn every_curve_has_a_size() {
        for curve in CURVES {
            let attributes = Attributes::from_iter([
                (CKA_KEY_TYPE, coffer_pkcs11::object::Value::Ulong(curve.key_type)),
                (CKA_EC_PARAMS, coffer_pkcs11::object::Value::Bytes(curve.params.to_vec())),
            ]);
            let bits = bits(&attributes).unwrap();
            assert!(curve.name.contains(&bits.to_string()) || bits == 255, "{}: {bits}", curve.name);
        }
    }

    #[test]
    fn bit_lengths_ignore_leading_zeros() {
        assert_eq!(bit_length(&[0, 0x80, 0]), 16);
        assert_eq!(bit_length(&[1]), 1);
        assert_eq!(bit_length(&[]), 0);
    }
}
