//! Objects as the commands see them: how they are named, found and shown.

use clap::Args;
use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::Error;
use coffer_pkcs11::object::{Attributes, SearchTemplate, Value, encode};
use coffer_pkcs11::session::Session;
use coffer_pkcs11::token::ObjectHandle;
use serde::Serialize;

use crate::context::{Found, TokenOption};
use crate::failure::{Failure, Result};
use crate::kind;
use crate::output;
use crate::uri::{Class, Uri};

/// Which objects.
#[derive(Args, Clone, Debug, Default)]
pub struct ObjectOption {
    /// The object: its label, or a PKCS#11 URI
    #[arg(value_name = "LABEL|URI")]
    pub object: Option<String>,
    /// Only objects with this id (CKA_ID), in hexadecimal
    #[arg(long, value_name = "HEX")]
    pub id: Option<String>,
    /// Only objects of this type
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    pub class: Option<Class>,
    #[command(flatten)]
    pub token: TokenOption,
}

impl ObjectOption {
    /// All that was said, as one URI.
    pub fn uri(&self) -> Result<Uri> {
        let mut uri = match self.object.as_deref() {
            Some(text) if Uri::is_uri(text) => Uri::parse(text).map_err(Failure::new)?,
            Some(label) => Uri { object: Some(label.into()), ..Uri::default() },
            None => Uri::default(),
        };
        let token = self.token.uri()?;
        uri.token = uri.token.or(token.token);
        uri.serial = uri.serial.or(token.serial);
        uri.slot_id = uri.slot_id.or(token.slot_id);
        uri.pin_source = uri.pin_source.or(token.pin_source);
        if let Some(id) = &self.id {
            uri.id = Some(output::unhex(id).map_err(Failure::new)?);
        }
        uri.class = self.class.or(uri.class);
        Ok(uri)
    }

    /// As `uri`, where an object must be named.
    pub fn named(&self) -> Result<Uri> {
        let uri = self.uri()?;
        if uri.names_object() {
            return Ok(uri);
        }
        Err(Failure::new("no object is named")
            .advise("name it by its label, --id, --type or a PKCS#11 URI; `coffer list` shows them"))
    }
}

/// Of keys that were rotated, the newest versions: a label or id stands for them, unless only older ones fit.
pub fn newest(mut found: Vec<Entry>) -> Vec<Entry> {
    let is_newest = |entry: &Entry| !entry.attributes.contains(CKA_COFFER_SUCCESSOR);
    if found.iter().any(is_newest) {
        found.retain(is_newest);
    }
    found
}

/// More than one fits what was named.
pub fn several(found: &[Entry], token: &Found) -> Failure {
    let uris: Vec<String> = found.iter().map(|entry| format!("  {}", entry.uri(token))).collect();
    let what =
        if found.iter().all(|entry| entry.attributes.contains(CKA_KEY_TYPE)) { "keys" } else { "objects" };
    Failure::new(format!("{} {what} fit:\n{}", uris.len(), uris.join("\n")))
        .advise("name one of them; --id and --type narrow it down")
}

/// An object and those of its attributes that describe it.
pub struct Entry {
    pub handle: ObjectHandle,
    pub class: CK_OBJECT_CLASS,
    pub attributes: Attributes,
}

const SHOWN: &[CK_ATTRIBUTE_TYPE] = &[
    CKA_CLASS,
    CKA_TOKEN,
    CKA_PRIVATE,
    CKA_LABEL,
    CKA_UNIQUE_ID,
    CKA_CERTIFICATE_TYPE,
    CKA_SUBJECT,
    CKA_KEY_TYPE,
    CKA_ID,
    CKA_SENSITIVE,
    CKA_EXTRACTABLE,
    CKA_LOCAL,
    CKA_ENCRYPT,
    CKA_DECRYPT,
    CKA_WRAP,
    CKA_UNWRAP,
    CKA_SIGN,
    CKA_VERIFY,
    CKA_DERIVE,
    CKA_ENCAPSULATE,
    CKA_DECAPSULATE,
    CKA_ALWAYS_AUTHENTICATE,
    CKA_TRUSTED,
    CKA_MODULUS,
    CKA_EC_PARAMS,
    CKA_PARAMETER_SET,
    CKA_VALUE_LEN,
    CKA_START_DATE,
    CKA_END_DATE,
    CKA_COFFER_STATE,
    CKA_COFFER_ACTIVATION_DATE,
    CKA_COFFER_PROTECT_STOP_DATE,
    CKA_COFFER_PROCESS_STOP_DATE,
    CKA_COFFER_CREATION_DATE,
    CKA_COFFER_OWNER,
    CKA_COFFER_CUSTODIAN,
    CKA_COFFER_PURPOSE,
    CKA_COFFER_VERSION,
    CKA_COFFER_SUCCESSOR,
    CKA_COFFER_USE_LIMIT,
    CKA_COFFER_BYTE_LIMIT,
    CKA_COFFER_USES,
    CKA_COFFER_BYTES,
    CKA_COFFER_LAST_USED,
    CKA_COFFER_STATE_REASON,
    CKA_COFFER_EXCEPTION_UNTIL,
];

/// What a certificate tells of its validity is in it.
const SHOWN_OF_CERTIFICATES: &[CK_ATTRIBUTE_TYPE] = &[CKA_VALUE];

const USES: &[(CK_ATTRIBUTE_TYPE, &str)] = &[
    (CKA_ENCRYPT, "encrypt"),
    (CKA_DECRYPT, "decrypt"),
    (CKA_SIGN, "sign"),
    (CKA_VERIFY, "verify"),
    (CKA_WRAP, "wrap"),
    (CKA_UNWRAP, "unwrap"),
    (CKA_ENCAPSULATE, "encapsulate"),
    (CKA_DECAPSULATE, "decapsulate"),
    (CKA_DERIVE, "derive"),
];

impl Entry {
    /// Reads what describes an object.
    pub fn read(session: &Session, handle: ObjectHandle) -> Result<Self> {
        let attributes = values(session, handle, SHOWN)?;
        let class = attributes.ulong(CKA_CLASS).ok_or(Error::GeneralError)?;
        let more = if class == CKO_CERTIFICATE {
            values(session, handle, SHOWN_OF_CERTIFICATES)?
        } else {
            Attributes::new()
        };
        let attributes = attributes.into_iter().chain(more).collect();
        Ok(Self { handle, class, attributes })
    }

    pub fn label(&self) -> String {
        String::from_utf8_lossy(self.attributes.bytes(CKA_LABEL).unwrap_or_default()).into_owned()
    }

    pub fn id(&self) -> &[u8] {
        self.attributes.bytes(CKA_ID).unwrap_or_default()
    }

    /// CKA_UNIQUE_ID, which no other object of any token has.
    pub fn unique_id(&self) -> String {
        String::from_utf8_lossy(self.attributes.bytes(CKA_UNIQUE_ID).unwrap_or_default()).into_owned()
    }

    /// Whether a key may leave the token; `None` for what is no private or secret key.
    pub fn extractable(&self) -> Option<bool> {
        self.attributes.value(CKA_EXTRACTABLE).and_then(Value::as_bool)
    }

    pub fn kind(&self) -> String {
        kind::describe(self.class, &self.attributes)
    }

    pub fn class_name(&self) -> String {
        Class::of(self.class).map_or_else(|| format!("class-{:#x}", self.class), |class| class.name().into())
    }

    /// True for a label in UTF-8; no URI can tell another (RFC 7512).
    fn is_text(&self) -> bool {
        std::str::from_utf8(self.attributes.bytes(CKA_LABEL).unwrap_or_default()).is_ok()
    }

    /// A URI that names the object.
    pub fn uri(&self, token: &Found) -> Uri {
        let has_id = !self.id().is_empty();
        Uri {
            token: Some(token.label.clone()),
            object: Some(self.label()).filter(|label| !label.is_empty() && (self.is_text() || !has_id)),
            id: Some(self.id().to_vec()).filter(|_| has_id),
            class: Class::of(self.class),
            ..Uri::default()
        }
    }

    pub fn uses(&self) -> Vec<&'static str> {
        USES.iter()
            .filter(|(attribute, _)| self.attributes.is_true(*attribute))
            .map(|(_, name)| *name)
            .collect()
    }

    /// What protects a private or secret key, or is special about it.
    pub fn protection(&self) -> Vec<&'static str> {
        let is = |attribute| self.attributes.value(attribute).and_then(Value::as_bool);
        let flags = [
            (is(CKA_SENSITIVE) == Some(true), "sensitive"),
            (is(CKA_EXTRACTABLE) == Some(false), "never leaves"),
            (is(CKA_EXTRACTABLE) == Some(true), "extractable"),
            (is(CKA_ALWAYS_AUTHENTICATE) == Some(true), "PIN for each use"),
            (is(CKA_TRUSTED) == Some(true), "trusted"),
        ];
        flags.into_iter().filter(|(is, _)| *is).map(|(_, name)| name).collect()
    }

    pub fn document(&self, token: &Found) -> ObjectDocument {
        let text = |attribute| {
            Some(String::from_utf8_lossy(self.attributes.bytes(attribute)?).into_owned())
                .filter(|text| !text.is_empty())
        };
        ObjectDocument {
            uri: self.uri(token).to_string(),
            class: self.class_name(),
            kind: self.kind(),
            label: self.label(),
            id: output::hex(self.id()),
            unique_id: text(CKA_UNIQUE_ID),
            uses: self.uses(),
            private: self.attributes.is_true(CKA_PRIVATE),
            sensitive: self.attributes.value(CKA_SENSITIVE).and_then(Value::as_bool),
            extractable: self.attributes.value(CKA_EXTRACTABLE).and_then(Value::as_bool),
            generated_here: self.attributes.value(CKA_LOCAL).and_then(Value::as_bool),
            start_date: text(CKA_START_DATE),
            end_date: text(CKA_END_DATE),
        }
    }
}

/// An object in JSON. `kind` is spelt as `generate` takes it.
#[derive(Serialize)]
pub struct ObjectDocument {
    uri: String,
    #[serde(rename = "type")]
    class: String,
    kind: String,
    label: String,
    /// CKA_ID in hexadecimal.
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    unique_id: Option<String>,
    uses: Vec<&'static str>,
    private: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    sensitive: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extractable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generated_here: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_date: Option<String>,
}

impl ObjectDocument {
    /// The URI that names the object.
    pub fn uri(&self) -> &str {
        &self.uri
    }
}

/// The attributes that the object has and shows.
pub fn values(session: &Session, handle: ObjectHandle, wanted: &[CK_ATTRIBUTE_TYPE]) -> Result<Attributes> {
    let values = session.attribute_values(handle, wanted)?;
    Ok(wanted.iter().zip(values).filter_map(|(attribute, value)| Some((*attribute, value.ok()?))).collect())
}

/// The same, with values that leave the token: see `Session::values_to_export`.
pub fn values_to_export(
    session: &Session,
    handle: ObjectHandle,
    wanted: &[CK_ATTRIBUTE_TYPE],
) -> Result<Attributes> {
    let values = session.values_to_export(handle, wanted)?;
    Ok(wanted.iter().zip(values).filter_map(|(attribute, value)| Some((*attribute, value.ok()?))).collect())
}

/// The objects that a URI names, in the order of their class, label and id.
pub fn find(session: &Session, wanted: &Uri) -> Result<Vec<Entry>> {
    let mut template = SearchTemplate::new();
    if let Some(label) = &wanted.object {
        template.push(CKA_LABEL, label.as_bytes())?;
    }
    if let Some(id) = &wanted.id {
        template.push(CKA_ID, id)?;
    }
    if let Some(class) = wanted.class {
        template.push(CKA_CLASS, &encode(&Value::Ulong(class.id())))?;
    }
    let mut entries: Vec<Entry> = search(session, &template)?
        .into_iter()
        .map(|handle| Entry::read(session, handle))
        .collect::<Result<_>>()?;
    entries.sort_by_key(|entry| (entry.label(), entry.id().to_vec(), entry.class));
    Ok(entries)
}

/// The handles of all objects that match.
pub fn search(session: &Session, template: &SearchTemplate) -> Result<Vec<ObjectHandle>> {
    session.find_init(template)?;
    let found = session.find(usize::MAX);
    session.find_final()?;
    Ok(found?)
}

/// The failure for a URI that names nothing.
pub fn nothing(wanted: &Uri, token: &Found) -> Failure {
    Failure::new(format!("token `{}` has no object that fits {wanted}", token.label))
        .advise(format!("coffer list --token {} --login shows what there is", output::quoted(&token.label)))
}

/// The objects as a table for people.
pub fn table(entries: &[Entry]) -> String {
    let rows = entries.iter().map(|entry| {
        vec![
            entry.class_name(),
            entry.kind(),
            entry.label(),
            output::hex(entry.id()),
            entry.uses().join(" "),
            entry.protection().join(", "),
        ]
    });
    output::table(&["type", "kind", "label", "id", "uses", "protection"], rows.collect())
}
