//! `coffer export`: writes public keys, certificates, data and, where it is allowed, private and secret keys.

use std::io::{IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use clap::Args;
use coffer_pkcs11::ck::*;
use coffer_pkcs11::crypto::key_file;
use coffer_pkcs11::error::Error;
use coffer_pkcs11::lifecycle::copies::{self, Way};
use coffer_pkcs11::mechanism::private_key_info;
use coffer_pkcs11::object::{Object, Value};
use coffer_pkcs11::policy::{Controlled, Subject};
use coffer_pkcs11::secret::Secret;
use coffer_pkcs11::session::Session;
use coffer_pkcs11::token::What;
use serde::Serialize;

use crate::consent;
use crate::context::{Context, Found};
use crate::failure::{Exit, Failure, Result};
use crate::keyfile;
use crate::objects::{self, Entry, ObjectOption};
use crate::output;
use crate::pin::{Passphrase, UserPin};
use crate::uri::{Class, Uri};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    objects: ObjectOption,
    /// The file to write; standard output where it is left out
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write DER in place of PEM
    #[arg(long)]
    der: bool,
    /// Write the private key encrypted with a passphrase (PKCS#8, PBES2)
    #[arg(long)]
    encrypt: bool,
    /// Write the private key with its certificate as PKCS#12, encrypted with a passphrase
    #[arg(long, conflicts_with_all = ["der", "encrypt"])]
    pkcs12: bool,
    #[command(flatten)]
    pin: UserPin,
    #[command(flatten)]
    passphrase: Passphrase,
    /// Print JSON that tells what was written
    #[arg(long, requires = "out")]
    json: bool,
}

#[derive(Serialize)]
struct Exported {
    object: String,
    file: String,
}

/// Everything that a private key object can hold.
const MATERIAL: &[CK_ATTRIBUTE_TYPE] = &[
    CKA_CLASS,
    CKA_KEY_TYPE,
    CKA_MODULUS,
    CKA_PUBLIC_EXPONENT,
    CKA_PRIVATE_EXPONENT,
    CKA_PRIME_1,
    CKA_PRIME_2,
    CKA_EXPONENT_1,
    CKA_EXPONENT_2,
    CKA_COEFFICIENT,
    CKA_EC_PARAMS,
    CKA_EC_POINT,
    CKA_PARAMETER_SET,
    CKA_SEED,
    CKA_VALUE,
    CKA_PUBLIC_KEY_INFO,
];

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        let context = Context::load()?;
        let wanted = self.objects.named()?;
        let token = context.token(&wanted)?;
        // Public things need no PIN; it is asked for only where nothing is found without it.
        let public = context.session(token.slot, false)?;
        let mut found = objects::find(&public, &wanted)?;
        let mut session = public;
        let can_log_in = token.info.flags & CKF_USER_PIN_INITIALIZED != 0;
        let wants_private =
            self.pkcs12 || self.encrypt || matches!(wanted.class, Some(Class::Private | Class::SecretKey));
        if (found.is_empty() || wants_private) && can_log_in {
            session = context.user_session(&token, false, &self.pin, &wanted)?;
            found = objects::find(&session, &wanted)?;
        }
        if wants_private && wanted.class.is_none() {
            found.retain(|entry| entry.class == CKO_PRIVATE_KEY);
        }
        let entry = choose(found, &wanted, &token)?;
        let content = self.content(&session, &entry, &token)?;
        if self.out.is_none() {
            spare_terminal(&content)?;
        }
        let place = match &self.out {
            Some(path) => format!("to {}", path.display()),
            None => "to standard output".into(),
        };
        let object = session.token().object(entry.handle)?;
        copies::made(session.token(), &object, Way::Exported, What::Exported, &place)
            .map_err(|error| too_few(error, &session, &entry, &token))?;
        self.write(&content, matches!(entry.class, CKO_PRIVATE_KEY | CKO_SECRET_KEY | CKO_DATA))?;
        if let Some(path) = &self.out {
            let (object, file) = (entry.uri(&token).to_string(), path.display().to_string());
            if self.json {
                output::json("export", 1, Exported { object, file })?;
            } else {
                output::line(&format!("Wrote {object} to {file}."))?;
            }
        }
        Ok(Exit::Success)
    }

    fn content(&self, session: &Session, entry: &Entry, token: &Found) -> Result<Secret> {
        let value = |attribute| -> Result<Secret> {
            let values = objects::values_to_export(session, entry.handle, &[attribute])?;
            values.bytes(attribute).filter(|bytes| !bytes.is_empty()).map(Secret::copy_of).ok_or_else(|| {
                Failure::new(format!("{} has no value that could be exported", entry.uri(token)))
            })
        };
        match entry.class {
            CKO_PUBLIC_KEY => self.encoded("PUBLIC KEY", value(CKA_PUBLIC_KEY_INFO)?),
            CKO_CERTIFICATE => self.encoded("CERTIFICATE", value(CKA_VALUE)?),
            CKO_DATA => value(CKA_VALUE),
            CKO_SECRET_KEY => {
                allowed(session, entry, token)?;
                value(CKA_VALUE)
            }
            CKO_PRIVATE_KEY => {
                allowed(session, entry, token)?;
                let key = Object::new(objects::values_to_export(session, entry.handle, MATERIAL)?);
                self.private_key(session, entry, private_key_info::encode(&key)?)
            }
            _ => Err(Failure::new(format!("{} is nothing that can be exported", entry.uri(token)))),
        }
    }

    fn private_key(&self, session: &Session, entry: &Entry, info: Secret) -> Result<Secret> {
        if !self.encrypt && !self.pkcs12 {
            return self.encoded("PRIVATE KEY", info);
        }
        let passphrase = self.passphrase.source().read_new()?;
        if self.encrypt {
            let sealed = key_file::seal_pkcs8(info.as_bytes(), &passphrase).map_err(Error::from)?;
            return self.encoded("ENCRYPTED PRIVATE KEY", Secret::new(sealed));
        }
        let certificates = Uri { id: Some(entry.id().to_vec()), class: Some(Class::Cert), ..Uri::default() };
        let certificates =
            if entry.id().is_empty() { Vec::new() } else { objects::find(session, &certificates)? };
        let mut ders = Vec::new();
        for certificate in &certificates {
            let values = objects::values(session, certificate.handle, &[CKA_VALUE])?;
            ders.extend(values.bytes(CKA_VALUE).map(<[u8]>::to_vec));
        }
        let sealed = key_file::seal_pkcs12(&entry.label(), info.as_bytes(), &ders, &passphrase)
            .map_err(Error::from)?;
        Ok(Secret::new(sealed))
    }

    fn encoded(&self, label: &'static str, der: Secret) -> Result<Secret> {
        if self.der { Ok(der) } else { keyfile::to_pem(label, der.as_bytes()) }
    }

    fn write(&self, content: &Secret, secret: bool) -> Result<()> {
        let Some(path) = &self.out else { return output::bytes(content.as_bytes()) };
        // A file that is there is never replaced: it may be the only copy of something.
        let mode = if secret { 0o600 } else { 0o644 };
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(
                |error| {
                    Failure::new(format!("{} cannot be written: {error}", path.display()))
                        .advise("a file that exists is not replaced; name another one")
                },
            )?;
        let written = file.write_all(content.as_bytes()).and_then(|()| file.sync_all());
        written.map_err(|error| Failure::new(format!("{} cannot be written: {error}", path.display())))
    }
}

/// What is no text would steer a terminal.
fn spare_terminal(content: &Secret) -> Result<()> {
    let is_text = std::str::from_utf8(content.as_bytes())
        .is_ok_and(|text| !text.contains(|char: char| char.is_control() && !char.is_whitespace()));
    if is_text || !std::io::stdout().is_terminal() {
        return Ok(());
    }
    Err(Failure::new("what is no text is not written to a terminal").advise("name a file with --out"))
}

/// The one object that is meant. Where a label or id names a pair, it is the public key.
fn choose(found: Vec<Entry>, wanted: &Uri, token: &Found) -> Result<Entry> {
    let mut found = objects::newest(found);
    if found.len() > 1 && found.iter().filter(|entry| entry.class == CKO_PUBLIC_KEY).count() == 1 {
        found.retain(|entry| entry.class == CKO_PUBLIC_KEY);
    }
    if found.len() > 1 {
        return Err(objects::several(&found, token));
    }
    found.pop().ok_or_else(|| objects::nothing(wanted, token))
}

/// Whether a private or secret key may be seen in the clear (PKCS#11 section 4.9, CKA_SENSITIVE and CKA_EXTRACTABLE).
fn allowed(session: &Session, entry: &Entry, token: &Found) -> Result<()> {
    let is = |attribute| entry.attributes.value(attribute).and_then(Value::as_bool).unwrap_or(true);
    let uri = entry.uri(token);
    if entry.attributes.value(CKA_EXTRACTABLE).and_then(Value::as_bool) != Some(true) {
        return Err(Failure::new(format!("{uri} is not extractable: it never leaves the token"))
            .advise("that cannot be changed any more; for a copy elsewhere, copy the whole token file, or make a new key with --exportable"));
    }
    if is(CKA_SENSITIVE) {
        return Err(Failure::new(format!("{uri} is sensitive: it leaves the token only wrapped by another key")).advise(
            "wrap it with an application (pkcs11-tool --wrap --mechanism AES-KEY-WRAP-KWP …), or make a new key with --exportable",
        ));
    }
    // Nothing is read where others must approve it and have not.
    let object = session.token().object(entry.handle)?;
    copies::may_leave(session.token(), &object).map_err(|error| too_few(error, session, entry, token))
}

fn too_few(error: Error, session: &Session, entry: &Entry, token: &Found) -> Failure {
    let subjects = [Subject::key(&entry.unique_id())];
    let ask = format!("coffer request export '{}'", entry.uri(token));
    consent::or_missing(error, session.token(), Controlled::Export, &subjects, &ask)
        .while_doing(&format!("{} was not exported", entry.uri(token)))
}
