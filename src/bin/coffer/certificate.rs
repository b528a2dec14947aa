//! The certificate of destruction: a JSON document, signed by the token, and the same as a text.
//!
//! The signature is over the document without its member `signature`, in the canonical form of RFC 8785 (names in order, no
//! blanks). The document holds nothing but texts, whole numbers, lists and objects, so that this form is simple.

use coffer_pkcs11::ck::CKA_KEY_TYPE;
use coffer_pkcs11::lifecycle::copies::Copies;
use coffer_pkcs11::lifecycle::destruction::{Destruction, Rewritten};
use coffer_pkcs11::lifecycle::signer;
use coffer_pkcs11::object;
use coffer_pkcs11::token::KeyName;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::context::Found;
use crate::dates::moment;
use crate::failure::{Failure, Result};
use crate::kind;
use crate::output;

/// The schema of the document.
pub const SCHEMA: &str = "coffer.certificate-of-destruction";
const VERSION: u64 = 1;

#[derive(Serialize)]
struct Certificate {
    schema: &'static str,
    version: u64,
    id: String,
    token: TokenName,
    keys: Vec<Key>,
    reason: String,
    decided: String,
    destroyed: String,
    /// User id of who decided, as its process said.
    decided_by_uid: u32,
    confirmed: Vec<Finding>,
    not_confirmed: Vec<Finding>,
}

#[derive(Serialize)]
struct TokenName {
    label: String,
    serial: String,
    uri: String,
}

#[derive(Serialize)]
struct Key {
    unique_id: String,
    label: String,
    #[serde(rename = "type")]
    class: String,
    kind: String,
}

/// Something that was looked at, and what was found; or that could not be looked at, and why.
#[derive(Serialize)]
struct Finding {
    what: String,
    because: String,
}

fn finding(what: impl Into<String>, because: impl Into<String>) -> Finding {
    Finding { what: what.into(), because: because.into() }
}

impl Key {
    fn of(name: &KeyName) -> Self {
        let key_type = name.key_type.map(|key_type| (CKA_KEY_TYPE, object::Value::Ulong(key_type)));
        Self {
            unique_id: name.unique_id.clone(),
            label: name.label.clone(),
            class: crate::uri::Class::of(name.class)
                .map_or_else(|| format!("class-{:#x}", name.class), |class| class.name().into()),
            kind: kind::describe(name.class, &key_type.into_iter().collect()),
        }
    }
}

/// Makes the document without its signature.
fn document(token: &Found, destruction: &Destruction) -> Certificate {
    let pending = &destruction.pending;
    let mut confirmed = vec![finding(
        "the objects are not in the token any more",
        "they were deleted in a transaction whose authentication code covers the file",
    )];
    let mut not_confirmed = Vec::new();
    match destruction.rewritten {
        Rewritten::Done { before, after, traces_left: false } => {
            confirmed.push(finding(
                "the wrapped object keys and everything that they sealed are not in the token file",
                "the file was written anew and searched for the beginning of each sealed part",
            ));
            confirmed.push(finding(
                format!(
                    "the token file is under root key number {after}, before it was under number {before}"
                ),
                "a key that was wrapped under the old root key cannot be unwrapped with the new one",
            ));
        }
        Rewritten::Done { .. } => not_confirmed.push(finding(
            "sealed parts of the keys are still in the token file",
            "another program may have written them; run coffer destroy --due again",
        )),
        Rewritten::Failed(error) => not_confirmed.push(finding(
            "the sealed keys are still in the token file, and can be opened with a PIN of the token",
            format!("the file could not be written anew: {error}"),
        )),
    }
    for copies in &destruction.copies {
        let because =
            if copies.are_confirmed() { &copies.status } else { "nobody has said that they are gone" };
        let list = if copies.are_confirmed() { &mut confirmed } else { &mut not_confirmed };
        list.push(finding(told(copies), because));
    }
    if pending.readable {
        not_confirmed.push(finding(
            "values that programs have read in the clear",
            "the key was not always hidden, or came from outside: every program that logged in could read it then, or \
             somebody had it before, which is not recorded",
        ));
    }
    not_confirmed.extend(never_confirmed());
    Certificate {
        schema: SCHEMA,
        version: VERSION,
        id: pending.certificate.clone(),
        token: TokenName {
            label: token.label.clone(),
            serial: token.serial.clone(),
            uri: token.uri().to_string(),
        },
        keys: pending.keys.iter().map(Key::of).collect(),
        reason: pending.reason.clone(),
        decided: moment(pending.decided),
        destroyed: moment(destruction.removed),
        decided_by_uid: pending.uid,
        confirmed,
        not_confirmed,
    }
}

fn told(copies: &Copies) -> String {
    format!(
        "{} × `{}`, {} {}, from {} to {}",
        copies.count,
        copies.key.label,
        copies.way.name(),
        copies.told(),
        moment(copies.first),
        moment(copies.last)
    )
}

/// What no token can see.
fn never_confirmed() -> [Finding; 3] {
    [
        finding(
            "older copies of the token file (backups of the folder, snapshots of the volume)",
            "they hold the sealed keys and open with the PINs of their time; no root of theirs was kept outside the token",
        ),
        finding(
            "the blocks of the storage that held the earlier file",
            "the file system or the device may keep what was overwritten or unlinked",
        ),
        finding(
            "what programs that used the keys have kept in their memory, and copies that left the token before it kept a ledger",
            "a token sees what is asked of it, and nothing else",
        ),
    ]
}

/// Makes the certificate and signs it. `sign` answers the public key and the signature.
pub fn make(
    token: &Found,
    destruction: &Destruction,
    sign: impl FnOnce(&[u8]) -> Result<(Vec<u8>, Vec<u8>)>,
) -> Result<Value> {
    let failed = |error: serde_json::Error| Failure::new(format!("the certificate cannot be made: {error}"));
    let mut document = serde_json::to_value(document(token, destruction)).map_err(failed)?;
    let (public_key, signature) = sign(canonical(&document).as_bytes())?;
    let signature = Map::from_iter([
        ("algorithm".to_owned(), Value::from("Ed25519")),
        ("public_key".to_owned(), Value::from(output::hex(&public_key))),
        ("value".to_owned(), Value::from(output::hex(&signature))),
    ]);
    if let Some(members) = document.as_object_mut() {
        members.insert("signature".to_owned(), Value::Object(signature));
    }
    Ok(document)
}

/// What a certificate says of itself. Errors: it is none, or its signature is wrong, or it is another key's than
/// `expected`.
pub fn verify(document: &Value, expected: Option<&[u8]>) -> std::result::Result<Vec<u8>, String> {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    if text(document, "schema").as_deref() != Some(SCHEMA) {
        return Err(format!("it is no certificate: its schema is not {SCHEMA}"));
    }
    if document.get("version").and_then(Value::as_u64) != Some(VERSION) {
        return Err("it is of a version that this program does not know".into());
    }
    let signature = document.get("signature").ok_or("it has no signature")?;
    if text(signature, "algorithm").as_deref() != Some("Ed25519") {
        return Err("its signature is not of Ed25519".into());
    }
    let bytes = |name: &str| {
        let text = text(signature, name).ok_or_else(|| format!("its signature has no {name}"))?;
        output::unhex(&text)
    };
    let (public_key, value) = (bytes("public_key")?, bytes("value")?);
    let mut unsigned = document.clone();
    if let Some(members) = unsigned.as_object_mut() {
        members.remove("signature");
    }
    if !signer::verifies(&public_key, canonical(&unsigned).as_bytes(), &value) {
        return Err("its signature is wrong: it was changed after it was signed".into());
    }
    match expected {
        Some(expected) if expected != public_key => {
            Err(format!("it was signed with another key, {}", output::hex(&public_key)))
        }
        _ => Ok(public_key),
    }
}

/// The canonical form (RFC 8785) of a document without fractions.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            // By UTF-16, which for names of ASCII is the order of their bytes.
            members.sort_by_key(|(name, _)| name.encode_utf16().collect::<Vec<_>>());
            let members = members
                .iter()
                .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), canonical(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Value::Array(values) => {
            format!("[{}]", values.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

/// The certificate for people.
pub fn text(document: &Value) -> String {
    let part = |name: &str| output::printable(document.get(name).and_then(Value::as_str).unwrap_or_default());
    let list = |name: &str| document.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let member = |value: &Value, name: &str| {
        output::printable(value.get(name).and_then(Value::as_str).unwrap_or_default())
    };
    let mut lines = vec![
        format!("Certificate of destruction {}", part("id")),
        String::new(),
        format!("token      {}", document.get("token").map(|token| member(token, "uri")).unwrap_or_default()),
        format!("decided    {}", part("decided")),
        format!("destroyed  {}", part("destroyed")),
    ];
    if !part("reason").is_empty() {
        lines.push(format!("reason     {}", part("reason")));
    }
    for key in list("keys") {
        lines.push(format!(
            "key        {} `{}` ({}), unique id {}",
            member(&key, "type"),
            member(&key, "label"),
            member(&key, "kind"),
            member(&key, "unique_id")
        ));
    }
    for (title, name) in [("Confirmed", "confirmed"), ("NOT confirmed", "not_confirmed")] {
        lines.extend([String::new(), format!("{title}:")]);
        for finding in list(name) {
            lines.push(format!("  - {}\n    ({})", member(&finding, "what"), member(&finding, "because")));
        }
    }
    if let Some(signature) = document.get("signature") {
        lines.extend([String::new(), format!("Ed25519 signature by {}", member(signature, "public_key"))]);
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_form_has_its_names_in_order_and_no_blanks() {
        let value: Value =
            serde_json::from_str(r#"{ "b": [1, "é\n"], "a": {"d": true, "c": null} }"#).unwrap();
        assert_eq!(canonical(&value), r#"{"a":{"c":null,"d":true},"b":[1,"é\n"]}"#);
    }

    #[test]
    fn what_is_no_certificate_is_told_from_one_that_was_changed() {
        assert!(verify(&serde_json::json!({"schema": "x"}), None).unwrap_err().contains("no certificate"));
        let unsigned = serde_json::json!({"schema": SCHEMA, "version": VERSION});
        assert!(verify(&unsigned, None).unwrap_err().contains("no signature"));
        let junk = serde_json::json!({
            "schema": SCHEMA, "version": VERSION,
            "signature": {"algorithm": "Ed25519", "public_key": "00", "value": "00"},
        });
        assert!(verify(&junk, None).unwrap_err().contains("signature is wrong"));
    }
}
