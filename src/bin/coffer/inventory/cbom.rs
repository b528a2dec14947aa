//! The inventory as a cryptography bill of materials: CycloneDX 1.6 (ECMA-424), components of the type `cryptographic-asset`.

use std::collections::BTreeMap;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::policy::State;
use serde_json::{Map, Value, json};

use super::last_use::LastUse;
use super::{Asset, iso};
use crate::context::Found;
use crate::failure::{Failure, Result};
use crate::kind;
use crate::output;

/// The document. Data objects are no cryptographic assets and are left out.
pub fn write(token: &Found, assets: &[Asset], now: u64) -> Result<String> {
    let mut algorithms: BTreeMap<String, Value> = BTreeMap::new();
    let mut components = Vec::new();
    for asset in assets {
        match asset.entry.class {
            CKO_CERTIFICATE => components.push(certificate(asset)),
            CKO_PRIVATE_KEY | CKO_PUBLIC_KEY | CKO_SECRET_KEY => {
                let algorithm = Algorithm::of(asset);
                components.push(key(asset, &algorithm.reference()));
                algorithms.entry(algorithm.reference()).or_insert_with(|| algorithm.component());
            }
            _ => {}
        }
    }
    components.extend(algorithms.into_values());
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{}", uuid::Uuid::new_v4()),
        "version": 1,
        "metadata": {
            "timestamp": iso(now),
            "tools": { "components": [
                { "type": "application", "name": "coffer", "version": env!("CARGO_PKG_VERSION") },
            ] },
            "component": {
                "type": "device",
                "bom-ref": "token",
                "name": token.label,
                "description": "a PKCS #11 token in software",
                "properties": [{ "name": "coffer:serial", "value": token.serial }],
            },
        },
        "components": components,
    });
    serde_json::to_string_pretty(&document)
        .map_err(|error| Failure::new(format!("the CBOM cannot be made: {error}")))
}

/// Of the object in this document: objects have a CKA_UNIQUE_ID.
fn reference(asset: &Asset) -> String {
    format!("object:{}", asset.entry.unique_id())
}

fn name(asset: &Asset) -> String {
    let label = asset.entry.label();
    if label.is_empty() { format!("{} {}", asset.entry.kind(), asset.entry.class_name()) } else { label }
}

/// Without the entries that have no value.
fn object(entries: Vec<(&str, Option<Value>)>) -> Value {
    let told = entries.into_iter().filter_map(|(name, value)| Some((name.to_string(), value?)));
    Value::Object(told.collect::<Map<String, Value>>())
}

fn properties(asset: &Asset) -> Value {
    let text = |name: &str, value: &str| {
        (!value.is_empty()).then(|| json!({ "name": format!("coffer:{name}"), "value": value }))
    };
    let extractable = asset.entry.extractable().map(|is| is.to_string()).unwrap_or_default();
    let copies = asset.copies.map(|copies| copies.to_string()).unwrap_or_default();
    let findings: Vec<&str> = asset.findings.iter().map(|finding| finding.code).collect();
    let all = [
        text("id", &output::hex(asset.entry.id())),
        text("uses", &asset.entry.uses().join(" ")),
        text("owner", &asset.owner),
        text("custodian", &asset.custodian),
        text("purpose", &asset.purpose),
        text("extractable", &extractable),
        text("copies", &copies),
        text("last-used", &asset.last_used().map(iso).unwrap_or_default()),
        text("last-used-from", asset.last_use.map(LastUse::witness_name).unwrap_or_default()),
        text("findings", &findings.join(" ")),
    ];
    Value::Array(all.into_iter().flatten().collect())
}

fn key(asset: &Asset, algorithm: &str) -> Value {
    let entry = &asset.entry;
    let kind = match entry.class {
        CKO_PRIVATE_KEY => "private-key",
        CKO_PUBLIC_KEY => "public-key",
        _ => "secret-key",
    };
    let state = asset.state.map(|state| match state {
        // The one name that is spelt differently here.
        State::PreActive => "pre-activation",
        state => state.name(),
    });
    let material = object(vec![
        ("type", Some(kind.into())),
        ("id", Some(entry.unique_id().into())),
        ("state", state.map(Value::from)),
        ("algorithmRef", Some(algorithm.into())),
        ("creationDate", asset.created.map(|time| iso(time).into())),
        ("activationDate", asset.activation.map(|time| iso(time).into())),
        ("expirationDate", asset.protect_stop.map(|time| iso(time).into())),
        ("size", kind::bits(&entry.attributes).map(Value::from)),
        ("securedBy", (entry.class != CKO_PUBLIC_KEY).then(|| json!({ "mechanism": "Software" }))),
    ]);
    json!({
        "type": "cryptographic-asset",
        "bom-ref": reference(asset),
        "name": name(asset),
        "cryptoProperties": { "assetType": "related-crypto-material", "relatedCryptoMaterialProperties": material },
        "properties": properties(asset),
    })
}

fn certificate(asset: &Asset) -> Value {
    use x509_cert::der::Decode;
    let der = asset.entry.attributes.bytes(CKA_VALUE).unwrap_or_default();
    let parsed = x509_cert::Certificate::from_der(der).ok();
    let of =
        |text: fn(&x509_cert::Certificate) -> String| parsed.as_ref().map(|held| Value::from(text(held)));
    let content = object(vec![
        ("subjectName", of(|held| held.tbs_certificate().subject().to_string())),
        ("issuerName", of(|held| held.tbs_certificate().issuer().to_string())),
        ("notValidBefore", asset.activation.map(|time| iso(time).into())),
        ("notValidAfter", asset.protect_stop.map(|time| iso(time).into())),
        ("certificateFormat", Some("X.509".into())),
    ]);
    json!({
        "type": "cryptographic-asset",
        "bom-ref": reference(asset),
        "name": name(asset),
        "cryptoProperties": { "assetType": "certificate", "certificateProperties": content },
        "properties": properties(asset),
    })
}

/// The algorithm of a key, as an asset of its own that keys refer to.
struct Algorithm {
    /// As `list` shows it: `rsa:3072`, `ec:P-256`.
    kind: String,
    key_type: CK_KEY_TYPE,
    strength: Option<u64>,
}

impl Algorithm {
    fn of(asset: &Asset) -> Self {
        let attributes = &asset.entry.attributes;
        Self {
            kind: asset.entry.kind(),
            key_type: attributes.ulong(CKA_KEY_TYPE).unwrap_or(UNAVAILABLE),
            strength: coffer_pkcs11::policy::strength_of(attributes),
        }
    }

    fn reference(&self) -> String {
        format!("algorithm:{}", self.kind)
    }

    /// What the keys of this type are made for, in the words of the schema.
    fn primitive(&self) -> (&'static str, &'static [&'static str]) {
        match self.key_type {
            CKK_RSA => ("pke", &["keygen", "sign", "verify", "encrypt", "decrypt"]),
            CKK_EC => ("signature", &["keygen", "sign", "verify", "keyderive"]),
            CKK_EC_EDWARDS | CKK_DSA | CKK_ML_DSA | CKK_SLH_DSA => {
                ("signature", &["keygen", "sign", "verify"])
            }
            CKK_EC_MONTGOMERY | CKK_DH | CKK_X9_42_DH => ("key-agree", &["keygen", "keyderive"]),
            CKK_ML_KEM => ("kem", &["keygen", "encapsulate", "decapsulate"]),
            CKK_AES | CKK_DES2 | CKK_DES3 | CKK_CAMELLIA | CKK_ARIA => {
                ("block-cipher", &["keygen", "encrypt", "decrypt"])
            }
            CKK_CHACHA20 | CKK_SALSA20 => ("stream-cipher", &["keygen", "encrypt", "decrypt"]),
            CKK_GENERIC_SECRET => ("mac", &["keygen", "tag", "keyderive"]),
            _ => ("unknown", &["unknown"]),
        }
    }

    /// The category of the call for proposals of NIST that a quantum computer leaves: 0 for what it breaks.
    fn quantum_level(&self) -> Option<u64> {
        match (self.key_type, self.strength?) {
            (CKK_ML_DSA | CKK_ML_KEM | CKK_SLH_DSA | CKK_AES | CKK_GENERIC_SECRET, strength) => {
                match strength {
                    0..128 => Some(0),
                    128..192 => Some(1),
                    192..256 => Some(3),
                    _ => Some(5),
                }
            }
            (CKK_RSA | CKK_DSA | CKK_DH | CKK_X9_42_DH | CKK_EC | CKK_EC_EDWARDS | CKK_EC_MONTGOMERY, _) => {
                Some(0)
            }
            _ => None,
        }
    }

    fn component(&self) -> Value {
        let (primitive, functions) = self.primitive();
        let (family, parameter) = self.kind.split_once(':').unwrap_or((&self.kind, ""));
        let parameter = (!parameter.is_empty()).then(|| Value::from(parameter));
        let is_curve = self.key_type == CKK_EC;
        let properties = object(vec![
            ("primitive", Some(primitive.into())),
            ("parameterSetIdentifier", parameter.clone()),
            ("curve", parameter.filter(|_| is_curve)),
            ("executionEnvironment", Some("software-plain-ram".into())),
            ("cryptoFunctions", Some(json!(functions))),
            ("classicalSecurityLevel", self.strength.map(Value::from)),
            ("nistQuantumSecurityLevel", self.quantum_level().map(Value::from)),
        ]);
        json!({
            "type": "cryptographic-asset",
            "bom-ref": self.reference(),
            "name": family.to_uppercase(),
            "cryptoProperties": { "assetType": "algorithm", "algorithmProperties": properties },
        })
    }
}
