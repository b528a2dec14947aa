//! `coffer import`: puts keys and certificates from a file into a token.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use coffer_pkcs11::ck::*;
use coffer_pkcs11::mechanism::computed;
use coffer_pkcs11::object::{Attributes, Computed, SearchTemplate, Template, Value};
use coffer_pkcs11::secret::Secret;
use coffer_pkcs11::session::Session;
use coffer_pkcs11::token::ObjectHandle;
use serde::Serialize;

use super::generate::{Protection, Uses, named, random_id, refuse_used_id};
use crate::context::{Context, TokenOption};
use crate::failure::{Exit, Failure, Result};
use crate::keyfile::{self, Certificate, Item};
use crate::objects::{self, Entry, ObjectDocument};
use crate::output;
use crate::pin::{Passphrase, UserPin};

/// Files larger than this hold no keys.
const FILE_LIMIT: u64 = 16 << 20;

#[derive(Args)]
pub struct Arguments {
    /// The file, PEM or DER: PKCS#8, PKCS#1, SEC 1 or PKCS#12 keys, public keys, X.509 certificates; - for standard input
    file: PathBuf,
    /// What the objects are called; the name of the file where it is left out
    #[arg(long)]
    label: Option<String>,
    /// The objects' id (CKA_ID) in hexadecimal; that of the matching key in the token, or one made from the public key, where it is left out
    #[arg(long, value_name = "HEX")]
    id: Option<String>,
    /// Take the file's bytes as they are for a secret key of this type
    #[arg(long, value_enum, value_name = "TYPE")]
    secret: Option<SecretType>,
    /// Take the file's bytes as they are for a data object (CKO_DATA)
    #[arg(long, conflicts_with_all = ["secret", "id", "uses", "no_public_key", "extractable", "exportable"])]
    data: bool,
    /// The application that a data object belongs to (CKA_APPLICATION)
    #[arg(long, value_name = "NAME", requires = "data")]
    application: Option<String>,
    /// Let everybody who can read the token see a data object, without a login
    #[arg(long, requires = "data")]
    public: bool,
    /// Do not make a public key object beside a private key
    #[arg(long)]
    no_public_key: bool,
    #[command(flatten)]
    uses: Uses,
    #[command(flatten)]
    protection: Protection,
    #[command(flatten)]
    token: TokenOption,
    #[command(flatten)]
    pin: UserPin,
    #[command(flatten)]
    passphrase: Passphrase,
    /// Allow an id that another key has
    #[arg(long)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SecretType {
    Aes,
    Generic,
}

/// What the objects get besides what the file holds.
#[derive(Clone)]
pub struct Wishes {
    pub label: String,
    /// False where the label is only the name of the file.
    pub label_given: bool,
    pub id: Option<Vec<u8>>,
    pub public_key: bool,
    pub uses: Uses,
    pub protection: Protection,
    pub force: bool,
}

#[derive(Serialize)]
struct Imported {
    objects: Vec<ObjectDocument>,
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        let context = Context::load()?;
        let file = read_file(&self.file)?;
        let wishes = Wishes {
            label: self
                .label
                .clone()
                .unwrap_or_else(|| self.file.file_stem().unwrap_or_default().to_string_lossy().into_owned()),
            label_given: self.label.is_some(),
            id: self.id.as_deref().map(output::unhex).transpose().map_err(Failure::new)?,
            public_key: !self.no_public_key,
            uses: self.uses.clone(),
            protection: self.protection,
            force: self.force,
        };
        // The file is understood before anybody is asked for a PIN.
        let items = match self.secret {
            Some(_) => Vec::new(),
            None if self.data => Vec::new(),
            None => keyfile::read(&file, &|| self.passphrase.source().read(None))
                .map_err(|failure| failure.while_doing(&self.file.display().to_string()))?,
        };
        let wanted = self.token.uri()?;
        let token = context.token(&wanted)?;
        if self.secret.is_some() || items.iter().any(|item| !matches!(item, Item::Certificate(_))) {
            self.uses.check(&token)?;
        }
        let session = context.user_session(&token, true, &self.pin, &wanted)?;
        let handles = match self.secret {
            Some(kind) => vec![secret_key(&session, kind, file, &wishes)?],
            None if self.data => {
                vec![data(&session, &wishes.label, self.application.as_deref(), self.public, &file)?]
            }
            None => import(&session, items, &wishes)?,
        };
        let entries: Vec<Entry> =
            handles.into_iter().map(|handle| Entry::read(&session, handle)).collect::<Result<_>>()?;
        if self.json {
            output::json(
                "import",
                1,
                Imported { objects: entries.iter().map(|entry| entry.document(&token)).collect() },
            )?;
        } else {
            output::line(&format!(
                "Imported {} into token `{}`.",
                output::count(entries.len(), "object"),
                token.label
            ))?;
            for entry in &entries {
                output::line(&format!("  {}", entry.uri(&token)))?;
            }
        }
        Ok(Exit::Success)
    }
}

/// The whole file, wiped when it is dropped.
pub fn read_file(path: &std::path::Path) -> Result<Secret> {
    read_file_up_to(path, FILE_LIMIT).map_err(|failure| {
        if failure.advice.is_some() { failure.advise("that is no file with keys") } else { failure }
    })
}

/// The whole file, wiped when it is dropped; one with more than `limit` bytes is refused.
pub fn read_file_up_to(path: &std::path::Path, limit: u64) -> Result<Secret> {
    use std::io::Read;
    let failed = |error: std::io::Error| Failure::new(format!("{} cannot be read: {error}", path.display()));
    // Room for the whole file from the start, so that growing leaves no copies of keys behind.
    let (mut reader, length): (Box<dyn Read>, u64) = if path.as_os_str() == "-" {
        (Box::new(std::io::stdin()), 1 << 16)
    } else {
        let file = std::fs::File::open(path).map_err(failed)?;
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        (Box::new(file), length)
    };
    let mut bytes = Vec::with_capacity(length.min(limit) as usize + 1);
    let read = reader.by_ref().take(limit + 1).read_to_end(&mut bytes);
    let file = Secret::new(bytes);
    read.map_err(failed)?;
    if file.len() as u64 > limit {
        return Err(Failure::new(format!("{} is larger than {} MiB", path.display(), limit >> 20))
            .advise("that is more than can be taken into memory"));
    }
    Ok(file)
}

/// Makes the objects of a file: all of them, or none where one is refused.
pub fn import(session: &Session, items: Vec<Item>, wishes: &Wishes) -> Result<Vec<ObjectHandle>> {
    let keys = items.iter().filter(|item| matches!(item, Item::PrivateKey { .. })).count();
    if let (Some(id), 2..) = (&wishes.id, keys) {
        return Err(Failure::new(format!(
            "the file holds {keys} private keys, which cannot all have the id {}",
            output::hex(id)
        ))
        .advise("leave --id out: each gets an id of its own, which is made from its public key"));
    }
    let mut made = Vec::new();
    for item in items {
        let outcome = object(session, item, wishes, &mut made);
        if let Err(failure) = outcome {
            for handle in made {
                // The first failure is the one to tell.
                let _ = session.destroy_object(handle);
            }
            return Err(failure.while_doing("nothing was imported"));
        }
    }
    Ok(made)
}

fn object(session: &Session, item: Item, wishes: &Wishes, made: &mut Vec<ObjectHandle>) -> Result<()> {
    let id = id_of(session, &item, wishes)?;
    match item {
        Item::PrivateKey { attributes, name } => {
            // A file with several keys says which is which.
            let named = name.filter(|_| !wishes.label_given).map(|label| Wishes { label, ..wishes.clone() });
            private_key(session, attributes, &id, named.as_ref().unwrap_or(wishes), made)
        }
        Item::PublicKey { attributes, .. } => {
            create(session, CKO_PUBLIC_KEY, attributes, &id, wishes).map(|handle| made.push(handle))
        }
        Item::Certificate(certificate) => certificate_object(session, &certificate, &id, wishes, made),
    }
}

/// The id for one thing in the file: the one that was given, that of the matching key in the token, one made from the public
/// key, or a random one.
fn id_of(session: &Session, item: &Item, wishes: &Wishes) -> Result<Vec<u8>> {
    let is_private = matches!(item, Item::PrivateKey { .. });
    let info = match item {
        Item::Certificate(certificate) => Some(certificate.public_key_info.clone()),
        Item::PublicKey { info, .. } => Some(info.clone()),
        Item::PrivateKey { attributes, .. } => computed::Engine.public_key_info(attributes),
    };
    let known = match (&wishes.id, &info) {
        (Some(id), _) => Some(id.clone()),
        (None, Some(info)) => matching_id(session, info)?,
        (None, None) => None,
    };
    match known {
        Some(id) => {
            if is_private && !wishes.force {
                refuse_used_id(session, &id, true)?;
            }
            Ok(id)
        }
        None => match info.as_deref().and_then(keyfile::key_id) {
            Some(id) => Ok(id),
            None => random_id(session),
        },
    }
}

/// The id of a key in the token with this SubjectPublicKeyInfo.
fn matching_id(session: &Session, info: &[u8]) -> Result<Option<Vec<u8>>> {
    let mut template = SearchTemplate::new();
    template.push(CKA_PUBLIC_KEY_INFO, info)?;
    for handle in objects::search(session, &template)? {
        let id = Entry::read(session, handle)?.id().to_vec();
        if !id.is_empty() {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

fn private_key(
    session: &Session,
    attributes: Attributes,
    id: &[u8],
    wishes: &Wishes,
    made: &mut Vec<ObjectHandle>,
) -> Result<()> {
    let info = computed::Engine.public_key_info(&attributes);
    let handle = create(session, CKO_PRIVATE_KEY, attributes, id, wishes)?;
    made.push(handle);
    if !wishes.public_key {
        return Ok(());
    }
    // Without the attribute (a key that does not hold its public part) the token may still have computed it.
    let known = objects::values(session, handle, &[CKA_PUBLIC_KEY_INFO])?;
    let info =
        info.or_else(|| known.bytes(CKA_PUBLIC_KEY_INFO).map(<[u8]>::to_vec)).filter(|info| !info.is_empty());
    let Some(info) = info else {
        return Err(Failure::new("the public key cannot be told from the private key")
            .advise("add --no-public-key to import the private key alone"));
    };
    made.push(create(session, CKO_PUBLIC_KEY, keyfile::public_key(&info)?, id, wishes)?);
    Ok(())
}

fn certificate_object(
    session: &Session,
    certificate: &Certificate,
    id: &[u8],
    wishes: &Wishes,
    made: &mut Vec<ObjectHandle>,
) -> Result<()> {
    // A chain: only the certificate of the key has the key's id, the others have none.
    let of_a_key = matching_id(session, &certificate.public_key_info)?;
    let alone = made.is_empty();
    let id = of_a_key.as_deref().unwrap_or(if alone { id } else { &[] });
    made.push(create(session, CKO_CERTIFICATE, certificate.attributes(), id, wishes)?);
    Ok(())
}

/// Makes a data object of the bytes as they are.
fn data(
    session: &Session,
    label: &str,
    application: Option<&str>,
    public: bool,
    value: &Secret,
) -> Result<ObjectHandle> {
    let mut template = Template::new();
    template.push_value(CKA_CLASS, Value::Ulong(CKO_DATA))?;
    template.push_value(CKA_TOKEN, Value::Bool(true))?;
    template.push_value(CKA_PRIVATE, Value::Bool(!public))?;
    template.push_value(CKA_LABEL, Value::Bytes(label.as_bytes().to_vec()))?;
    if let Some(application) = application {
        template.push_value(CKA_APPLICATION, Value::Bytes(application.as_bytes().to_vec()))?;
    }
    template.push(CKA_VALUE, value.as_bytes())?;
    Ok(session.create_object(&template)?)
}

fn secret_key(session: &Session, kind: SecretType, value: Secret, wishes: &Wishes) -> Result<ObjectHandle> {
    let key_type = if kind == SecretType::Aes { CKK_AES } else { CKK_GENERIC_SECRET };
    secret_of_type(session, key_type, value, wishes)
}

/// Makes a secret key of the bytes as they are.
pub fn secret_of_type(
    session: &Session,
    key_type: CK_KEY_TYPE,
    value: Secret,
    wishes: &Wishes,
) -> Result<ObjectHandle> {
    if key_type == CKK_AES && !matches!(value.len(), 16 | 24 | 32) {
        return Err(Failure::new(format!(
            "the file has {} bytes, but an AES key has 16, 24 or 32",
            value.len()
        ))
        .advise("the key must be in the file as it is: no hexadecimal digits, no line end"));
    }
    let id = match &wishes.id {
        Some(id) => id.clone(),
        None => random_id(session)?,
    };
    if !wishes.force {
        refuse_used_id(session, &id, false)?;
    }
    let attributes =
        Attributes::from_iter([(CKA_KEY_TYPE, Value::Ulong(key_type)), (CKA_VALUE, Value::Secret(value))]);
    create(session, CKO_SECRET_KEY, attributes, &id, wishes)
}

fn create(
    session: &Session,
    class: CK_OBJECT_CLASS,
    material: Attributes,
    id: &[u8],
    wishes: &Wishes,
) -> Result<ObjectHandle> {
    let mut template: Template = named(class, &wishes.label, id)?;
    if matches!(class, CKO_PRIVATE_KEY | CKO_SECRET_KEY) {
        wishes.protection.add_to(&mut template, class)?;
    }
    if class != CKO_CERTIFICATE {
        wishes.uses.add_to(&mut template, class)?;
    }
    if wishes.uses.is_empty()
        && class == CKO_PRIVATE_KEY
        && material.ulong(CKA_KEY_TYPE) == Some(CKK_EC_MONTGOMERY)
    {
        // Deriving is off by default, and all that such a key can do.
        template.push_value(CKA_DERIVE, Value::Bool(true))?;
    }
    for (attribute, value) in material {
        template.push_value(attribute, value)?;
    }
    Ok(session.create_object(&template)?)
}
