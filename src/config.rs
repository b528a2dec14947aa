//! The configuration: where the tokens are and which limits hold. None is needed; `coffer.toml` is optional.
//!
//! `docs/configuration.md` is the page for operators; it lists every row of [`KEYS`]. This module reads no
//! environment variable itself: the library passes them in as `secure_getenv` gives them, the tool as the shell does.
#![forbid(unsafe_code)]

mod keys;
mod locate;

use std::fmt;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clock::Clock;

pub use keys::{KEYS, Key};
pub use locate::Environment;

/// A configuration file larger than this is refused: nothing sensible needs it.
const FILE_LIMIT: u64 = 1 << 20;

/// What holds for one `C_Initialize` or one run of the tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The folder that holds the token files; it need not exist yet.
    pub home: PathBuf,
    /// The file that was read; `None` when there is none and the defaults hold.
    pub file: Option<PathBuf>,
    /// Who may read and write the token files.
    pub mode: Mode,
    /// New tokens allow a login where wrong attempts cannot be counted because the file is read-only.
    pub allow_readonly_login: bool,
    pub pin: Pin,
    pub mechanisms: Mechanisms,
    /// Mechanisms for data that exists already, such as Camellia and ARIA, are offered too.
    pub legacy: bool,
    /// How CKA_EC_POINT is handed out for Edwards and Montgomery keys.
    pub point_encoding: PointEncoding,
    /// Uses of keys are written to the audit log one by one and not in blocks.
    pub audit_each: bool,
    pub limits: Limits,
    /// The time of day; the system's, but in tests.
    pub clock: Clock,
}

/// Rules for PINs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Shortest PIN that can be set, in bytes of UTF-8.
    pub min_length: usize,
    /// Longest PIN that can be set, in bytes of UTF-8.
    pub max_length: usize,
    /// Which characters a PIN that is set may have.
    pub characters: Characters,
    /// Wrong PINs in a row until the PIN is locked.
    pub attempts: u32,
    /// The SO PIN of tokens that are made from now on opens no objects. No key of `coffer.toml`: it is asked for each token. `None`:
    /// as the token is when it is initialised anew, else not.
    pub separate_officer: Option<bool>,
    /// How keys are derived from PINs that are set from now on. A token that uses Argon2id goes on with it.
    pub kdf: PinKdf,
    /// PBKDF2-HMAC-SHA-512 iterations for PINs that are set from now on; existing PINs keep theirs.
    pub kdf_iterations: u32,
}

/// Characters of PINs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Characters {
    /// All; the bytes are taken as they are.
    Any,
    /// The printable characters of ASCII, so that every keyboard and terminal makes the same bytes of a PIN.
    Ascii,
    /// Letters and digits of ASCII.
    Alphanumeric,
    /// Digits of ASCII.
    Digits,
}

impl Characters {
    /// Whether all bytes of a PIN are permitted.
    pub fn permit(self, pin: &[u8]) -> bool {
        pin.iter().all(|byte| match self {
            Characters::Any => true,
            Characters::Ascii => (b' '..=b'~').contains(byte),
            Characters::Alphanumeric => byte.is_ascii_alphanumeric(),
            Characters::Digits => byte.is_ascii_digit(),
        })
    }
}

/// How a key is derived from a PIN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PinKdf {
    /// PBKDF2-HMAC-SHA-512.
    #[default]
    Pbkdf2,
    /// Argon2id, with 64 MiB of memory.
    Argon2id,
}

/// Limits that keep one call from taking everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of plaintext that one multi-part AEAD decryption may hold back until its tag has been verified.
    pub gcm_decrypt_bytes: usize,
    /// How long to wait for another process that writes the same token.
    pub lock_timeout: Duration,
}

/// Who may read and write the token files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The owner alone: files 0600, folder 0700.
    Owner,
    /// The owner and the folder's group, for services that share a token: files 0660, folder 2770 (new files get its group).
    Group,
}

impl Mode {
    /// Permission bits of token and lock files.
    pub fn file_bits(self) -> u32 {
        match self {
            Mode::Owner => 0o600,
            Mode::Group => 0o660,
        }
    }

    /// Permission bits of the token folder.
    pub fn folder_bits(self) -> u32 {
        match self {
            Mode::Owner => 0o700,
            Mode::Group => 0o2770,
        }
    }
}

/// How CKA_EC_POINT of Edwards and Montgomery public keys is handed out. Both forms are always accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointEncoding {
    /// Wrapped in a DER OCTET STRING, as clients expect.
    Der,
    /// The bare bytes, as PKCS#11 3.2 section 6.3 says.
    Raw,
}

/// Which mechanisms are offered. Patterns are names such as `CKM_RSA_PKCS`; `*` stands for any characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mechanisms {
    All,
    Only(Vec<String>),
    AllBut(Vec<String>),
}

impl Mechanisms {
    /// Whether the mechanism with this name, such as `CKM_RSA_PKCS`, is offered.
    pub fn permit(&self, name: &str) -> bool {
        let listed = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, name));
        match self {
            Mechanisms::All => true,
            Mechanisms::Only(patterns) => listed(patterns),
            Mechanisms::AllBut(patterns) => !listed(patterns),
        }
    }

    /// The patterns that fit none of `names`: probably misspelt. Names come from the mechanism table, a higher layer.
    pub fn unmatched<'a>(&'a self, names: &[&str]) -> Vec<&'a str> {
        let (Mechanisms::Only(patterns) | Mechanisms::AllBut(patterns)) = self else { return Vec::new() };
        patterns
            .iter()
            .filter(|pattern| !names.iter().any(|name| matches(pattern, name)))
            .map(String::as_str)
            .collect()
    }
}

/// Whether `name` fits `pattern`, in which `*` stands for any characters, also none.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(head) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return name.ends_with(part);
        }
        let Some((_, after)) = name.split_once(part) else { return false };
        name = after;
    }
    true
}

impl Config {
    /// Finds and reads the configuration. Without a file the defaults hold.
    pub fn load(environment: &Environment) -> Result<Self, Error> {
        let Some(path) = environment.configuration_file() else {
            let home = environment.token_folder().ok_or(Error::NoHome)?;
            return Ok(Self { clock: environment.clock.clone(), ..Self::with_home(home) });
        };
        let text = read(&path)?;
        let mut config = Self::with_home(environment.token_folder().unwrap_or_default());
        keys::apply(&mut config, &text).map_err(|problem| Error::File { path: path.clone(), problem })?;
        // The variable is stronger than the file: a test or a service can always be pointed elsewhere.
        if let Some(home) = environment.forced_folder() {
            config.home = home;
        }
        if let Ok(rest) = config.home.strip_prefix("~") {
            config.home = environment.home.as_ref().ok_or(Error::NoHome)?.join(rest);
        }
        if config.home.as_os_str().is_empty() {
            return Err(Error::NoHome);
        }
        config.file = Some(path);
        config.clock = environment.clock.clone();
        Ok(config)
    }

    /// Refuses a list of allowed mechanisms with one that does not exist, so that a misspelt name does not silently turn
    /// off what somebody relies on. What is denied may be unknown here: other versions have other mechanisms. Names come
    /// from the mechanism table, a higher layer.
    pub fn check_mechanisms(&self, names: &[&str]) -> Result<(), Error> {
        let (Mechanisms::Only(_), Some(path)) = (&self.mechanisms, &self.file) else { return Ok(()) };
        let Some(name) = self.mechanisms.unmatched(names).into_iter().next() else { return Ok(()) };
        let suggestion = keys::nearest(name, names).map(|name| (*name).to_owned());
        let problem = Problem::UnknownMechanism { name: name.to_owned(), suggestion };
        Err(Error::File { path: path.clone(), problem })
    }

    /// Whether the mechanism with this name is offered; `legacy`: whether it is one of those that are hidden otherwise.
    pub fn offers(&self, name: &str, legacy: bool) -> bool {
        (self.legacy || !legacy) && self.mechanisms.permit(name)
    }

    /// The defaults, with the tokens in `home`.
    pub fn with_home(home: impl Into<PathBuf>) -> Self {
        Self {
            home: home.into(),
            file: None,
            mode: Mode::Owner,
            allow_readonly_login: false,
            pin: Pin {
                min_length: 4,
                max_length: 255,
                characters: Characters::Any,
                attempts: 10,
                separate_officer: None,
                kdf: PinKdf::Pbkdf2,
                kdf_iterations: 210_000,
            },
            mechanisms: Mechanisms::All,
            legacy: false,
            point_encoding: PointEncoding::Der,
            audit_each: false,
            limits: Limits { gcm_decrypt_bytes: 64 << 20, lock_timeout: Duration::from_secs(10) },
            clock: Clock::default(),
        }
    }
}

fn read(path: &Path) -> Result<String, Error> {
    let failed = |error: std::io::Error| Error::Read { path: path.to_path_buf(), reason: error.to_string() };
    let file = std::fs::File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.mode() & 0o002 != 0 {
        return Err(Error::WorldWritable { path: path.to_path_buf() });
    }
    let mut text = String::new();
    let length = file.take(FILE_LIMIT + 1).read_to_string(&mut text).map_err(failed)?;
    if length as u64 > FILE_LIMIT {
        return Err(Error::Read { path: path.to_path_buf(), reason: "it is larger than 1 MiB".into() });
    }
    Ok(text)
}

/// Why there is no usable configuration. `Display` says what is wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// No variable and no file says where the tokens live.
    NoHome,
    /// The file exists, or was named in COFFER_CONF, but cannot be read.
    Read { path: PathBuf, reason: String },
    /// Anybody could change the file.
    WorldWritable { path: PathBuf },
    /// The file's text is not right.
    File { path: PathBuf, problem: Problem },
}

/// What is wrong in the text of a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Not TOML, from this line and column (from 1) on; the reason is the parser's.
    Syntax { line: usize, column: usize, reason: String },
    /// A key that does not exist, and the one that was probably meant.
    UnknownKey { key: String, suggestion: Option<&'static str> },
    /// A mechanism that `mechanisms.allow` names and that does not exist, and the one that was probably meant.
    UnknownMechanism { name: String, suggestion: Option<String> },
    /// A value of another type or out of range, and what is expected.
    Value { key: String, found: String, expected: String },
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NoHome => write!(
                formatter,
                "no folder for the tokens can be told, because neither COFFER_HOME nor HOME is set; set COFFER_HOME to an absolute path"
            ),
            Error::Read { path, reason } => write!(
                formatter,
                "the configuration {} cannot be read: {reason}; correct that, or name another file in COFFER_CONF",
                path.display()
            ),
            Error::WorldWritable { path } => write!(
                formatter,
                "the configuration {0} can be changed by every user and is therefore not obeyed; run: chmod o-w {0}",
                path.display()
            ),
            Error::File { path, problem } => write!(formatter, "{}: {problem}", path.display()),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Syntax { line, column, reason } => write!(
                formatter,
                "line {line}, column {column}: this is not TOML ({reason}); a line is `key = value`, with text in quotation marks"
            ),
            Problem::UnknownMechanism { name, suggestion: Some(suggestion) } => write!(
                formatter,
                "`mechanisms.allow` names {name}, which is no mechanism of Coffer; did you mean {suggestion}?"
            ),
            Problem::UnknownMechanism { name, suggestion: None } => write!(
                formatter,
                "`mechanisms.allow` names {name}, which fits no mechanism of Coffer; `coffer mechanisms` lists them"
            ),
            Problem::UnknownKey { key, suggestion: Some(suggestion) } => {
                write!(formatter, "there is no key `{key}`; did you mean `{suggestion}`?")
            }
            Problem::UnknownKey { key, suggestion: None } => {
                write!(formatter, "there is no key `{key}`; the keys are listed in docs/configuration.md")
            }
            Problem::Value { key, found, expected } => {
                write!(formatter, "`{key}` is {found}, but must be {expected}")
            }
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests;
