//! `coffer rewrap`: wrapped keys in files, from under one key to under another.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use coffer_pkcs11::ck::*;
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::session::{Session, Wrapping};
use serde::Serialize;

use crate::context::{Found, Login, LoginOption};
use crate::failure::{Exit, Failure, Result};
use crate::objects::{self, Entry};
use crate::output;
use crate::uri::Uri;

/// Nothing that wraps a key is longer.
const LONGEST: u64 = 1 << 20;

#[derive(Args)]
pub struct Arguments {
    /// Files, each with one wrapped key as C_WrapKey gave it
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The key that they are wrapped under: its label or a PKCS#11 URI
    #[arg(long, value_name = "LABEL|URI")]
    from: String,
    /// The key that they are to be wrapped under
    #[arg(long, value_name = "LABEL|URI")]
    to: String,
    /// How they are wrapped; else aes-kwp for AES keys, rsa-aes for RSA keys
    #[arg(long, value_enum, value_name = "HOW")]
    from_mechanism: Option<How>,
    /// How they are to be wrapped; else aes-kwp for AES keys, rsa-aes for RSA keys
    #[arg(long, value_enum, value_name = "HOW")]
    to_mechanism: Option<How>,
    /// What is wrapped; else whatever parses as a private key is one
    #[arg(long = "type", value_enum, value_name = "TYPE")]
    class: Option<Wrapped>,
    /// Write the new files into this folder, under the same names
    #[arg(long, value_name = "FOLDER", required_unless_present = "in_place", conflicts_with = "in_place")]
    out: Option<PathBuf>,
    /// Put each new file in the place of the old one
    #[arg(long)]
    in_place: bool,
    #[command(flatten)]
    login: LoginOption,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What is in a file.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wrapped {
    /// A private key, as PKCS#8
    Private,
    /// A secret key
    SecretKey,
}

/// The mechanisms of the standard that wrap keys without a parameter of the message.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum How {
    /// AES key wrap with padding (CKM_AES_KEY_WRAP_KWP, SP 800-38F)
    AesKwp,
    /// AES key wrap (CKM_AES_KEY_WRAP)
    AesKw,
    /// An AES-256 key under RSA-OAEP, and the key under that (CKM_RSA_AES_KEY_WRAP)
    RsaAes,
    /// RSA-OAEP with SHA-256 (CKM_RSA_PKCS_OAEP), for short secret keys
    RsaOaep,
}

impl How {
    fn mechanism(self) -> CK_MECHANISM_TYPE {
        match self {
            Self::AesKwp => CKM_AES_KEY_WRAP_KWP,
            Self::AesKw => CKM_AES_KEY_WRAP,
            Self::RsaAes => CKM_RSA_AES_KEY_WRAP,
            Self::RsaOaep => CKM_RSA_PKCS_OAEP,
        }
    }

    fn params(self) -> Params {
        let oaep = Params::Oaep { hash: CKM_SHA256, mgf: CKG_MGF1_SHA256, label: Vec::new() };
        match self {
            Self::AesKwp | Self::AesKw => Params::None,
            Self::RsaAes => Params::RsaAesKeyWrap { key_bits: 256, oaep: Box::new(oaep) },
            Self::RsaOaep => oaep,
        }
    }

    /// The mechanism that fits a key.
    fn of(entry: &Entry) -> Self {
        match entry.attributes.ulong(CKA_KEY_TYPE) {
            Some(CKK_RSA) => Self::RsaAes,
            _ => Self::AesKwp,
        }
    }
}

#[derive(Serialize)]
struct Rewrapped {
    token: String,
    from: String,
    to: String,
    files: Vec<Done>,
}

#[derive(Serialize)]
struct Done {
    file: String,
    new_file: String,
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        let Login { session, token, context: _context } = self.login.log_in(true)?;
        let from = key(&session, &token, &self.from, CKA_UNWRAP)?;
        let to = key(&session, &token, &self.to, CKA_WRAP)?;
        let from_how = self.from_mechanism.unwrap_or_else(|| How::of(&from));
        let to_how = self.to_mechanism.unwrap_or_else(|| How::of(&to));
        let (from_params, to_params) = (from_how.params(), to_how.params());
        let class = self.class.map(|class| match class {
            Wrapped::Private => CKO_PRIVATE_KEY,
            Wrapped::SecretKey => CKO_SECRET_KEY,
        });
        let old = Wrapping { mechanism: from_how.mechanism(), params: &from_params, key: from.handle };
        let new = Wrapping { mechanism: to_how.mechanism(), params: &to_params, key: to.handle };
        let mut files = Vec::new();
        for file in &self.files {
            let wrapped = session.rewrap(&read(file)?, class, &old, &new).map_err(|error| {
                Failure::from(error)
                    .while_doing(&format!("{} was not rewrapped, nor any file after it", file.display()))
            })?;
            let target = self.write(file, &wrapped)?;
            if !self.json {
                output::line(&format!("{} → {}", file.display(), target.display()))?;
            }
            files.push(Done { file: file.display().to_string(), new_file: target.display().to_string() });
        }
        if self.json {
            let (from, to) = (from.uri(&token).to_string(), to.uri(&token).to_string());
            output::json("rewrap", 1, Rewrapped { token: token.uri().to_string(), from, to, files })?;
        } else {
            output::line(&format!("The files are wrapped under `{}` now.", output::printable(&to.label())))?;
        }
        Ok(Exit::Success)
    }

    /// The new file is whole and durable before it has its name.
    fn write(&self, old: &Path, wrapped: &[u8]) -> Result<PathBuf> {
        let target = match &self.out {
            Some(folder) => folder.join(old.file_name().unwrap_or(old.as_os_str())),
            None => old.to_path_buf(),
        };
        let failed =
            |error: std::io::Error| Failure::new(format!("{} cannot be written: {error}", target.display()));
        let mut name = target.clone().into_os_string();
        name.push(if self.in_place { ".new" } else { "" });
        // A file that is there is replaced only where that was asked for.
        let opened = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&name);
        let mut file = opened.map_err(failed)?;
        file.write_all(wrapped).and_then(|()| file.sync_all()).map_err(failed)?;
        if self.in_place {
            std::fs::rename(&name, &target).map_err(failed)?;
        }
        Ok(target)
    }
}

fn read(file: &Path) -> Result<Vec<u8>> {
    use std::io::Read;
    let failed = |error: std::io::Error| Failure::new(format!("{} cannot be read: {error}", file.display()));
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).map_err(failed)?;
    opened.take(LONGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LONGEST {
        return Err(Failure::new(format!("{} is too long for a wrapped key", file.display())));
    }
    Ok(bytes)
}

/// The key of this name that has this use; the newest version where it was rotated.
fn key(session: &Session, token: &Found, named: &str, usage: CK_ATTRIBUTE_TYPE) -> Result<Entry> {
    let uri = if Uri::is_uri(named) {
        Uri::parse(named).map_err(Failure::new)?
    } else {
        Uri { object: Some(named.to_owned()), ..Uri::default() }
    };
    let mut found = objects::find(session, &uri)?;
    if found.is_empty() {
        return Err(objects::nothing(&uri, token));
    }
    found.retain(|entry| entry.attributes.is_true(usage));
    let newest = |entry: &Entry| -> Result<bool> {
        Ok(!objects::values(session, entry.handle, &[CKA_COFFER_SUCCESSOR])?.contains(CKA_COFFER_SUCCESSOR))
    };
    if found.len() > 1 {
        let mut current = Vec::new();
        for entry in found {
            if newest(&entry)? {
                current.push(entry);
            }
        }
        found = current;
    }
    let use_name = if usage == CKA_WRAP { "wrap" } else { "unwrap" };
    match (found.pop(), found.is_empty()) {
        (Some(entry), true) => Ok(entry),
        (None, _) => Err(Failure::new(format!("no key that fits {uri} may {use_name} keys"))
            .advise("`coffer explain` tells why, and what would allow it")),
        (Some(_), false) => Err(Failure::new(format!("{} keys fit {uri}", found.len() + 1))
            .advise("name one of them by a URI with its id")),
    }
}
