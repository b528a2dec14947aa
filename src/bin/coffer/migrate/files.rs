//! Files with keys and certificates as a source: PKCS#12, PEM and DER.

use std::path::Path;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::mechanism::computed;
use coffer_pkcs11::object::{Attributes, Computed, Value};

use super::{Item, Material, Source};
use crate::commands::import::read_file;
use crate::failure::Result;
use crate::keyfile;
use crate::pin::Passphrase;

/// Everything in a file. Keys do not leave the token again, and their public keys come with them; ids are made from the
/// public keys, so that a key and its certificate find each other.
pub fn read(path: &Path, passphrase: &Passphrase) -> Result<Source> {
    let file = read_file(path)?;
    let found = keyfile::read(&file, &|| passphrase.source().read(None))
        .map_err(|failure| failure.while_doing(&path.display().to_string()))?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut names: Vec<(Vec<u8>, String)> = Vec::new();
    let mut items = Vec::new();
    // Keys first: their names are those of their certificates.
    let (keys, others): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|item| matches!(item, keyfile::Item::PrivateKey { .. }));
    for item in keys.into_iter().chain(others) {
        match item {
            keyfile::Item::PrivateKey { attributes, name } => {
                let label = name.unwrap_or_else(|| stem.clone());
                let info = computed::Engine.public_key_info(&attributes);
                let id = info.as_deref().and_then(keyfile::key_id).unwrap_or_default();
                names.push((id.clone(), label.clone()));
                let closed = [
                    (CKA_PRIVATE, Value::Bool(true)),
                    (CKA_SENSITIVE, Value::Bool(true)),
                    (CKA_EXTRACTABLE, Value::Bool(false)),
                ];
                items.push(item_of(attributes.into_iter().chain(closed).collect(), &label, &id));
                if let Some(info) = info {
                    items.push(item_of(keyfile::public_key(&info)?, &label, &id));
                }
            }
            keyfile::Item::PublicKey { info, attributes } => {
                let id = keyfile::key_id(&info).unwrap_or_default();
                items.push(item_of(attributes, name_of(&names, &id).unwrap_or(&stem), &id));
            }
            keyfile::Item::Certificate(certificate) => {
                let id = keyfile::key_id(&certificate.public_key_info).unwrap_or_default();
                // In a chain only the certificate of the key has the key's id.
                match name_of(&names, &id) {
                    Some(label) => items.push(item_of(certificate.attributes(), label, &id)),
                    None => items.push(item_of(certificate.attributes(), &stem, &[])),
                }
            }
        }
    }
    Ok(Source { name: path.display().to_string(), items, unreadable: Vec::new() })
}

fn name_of<'a>(names: &'a [(Vec<u8>, String)], id: &[u8]) -> Option<&'a String> {
    names.iter().find(|(known, _)| known == id).map(|(_, name)| name)
}

fn item_of(attributes: Attributes, label: &str, id: &[u8]) -> Item {
    let named = [(CKA_LABEL, Value::Bytes(label.as_bytes().to_vec())), (CKA_ID, Value::Bytes(id.to_vec()))];
    Item {
        attributes: attributes.into_iter().chain(named).collect(),
        material: Material::Here,
        unread: Vec::new(),
    }
}
