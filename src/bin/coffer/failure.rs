//! How a command ends when it does not succeed: a sentence, an advice and an exit code.

use std::fmt;

use coffer_pkcs11::error::Error;

use crate::output;

/// Exit codes; documented in `coffer --help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    Success = 0,
    /// Something was not done.
    Error = 1,
    /// A token file is damaged or was tampered with.
    Damaged = 2,
    /// All is done, but something wants attention.
    Attention = 3,
    /// The use of a key that was asked about is denied.
    Denied = 4,
    /// Fewer people took part than must.
    Quorum = 5,
}

/// Why a command was not carried out, and what to do about it.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    pub message: String,
    pub advice: Option<String>,
}

pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    pub fn new(message: impl Into<String>) -> Self {
        Self { exit: Exit::Error, message: message.into(), advice: None }
    }

    pub fn damaged(message: impl Into<String>) -> Self {
        Self { exit: Exit::Damaged, ..Self::new(message) }
    }

    /// What the reader can do now.
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// What was being done when the token refused.
    pub fn while_doing(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "error: {}", output::harmless(&self.message))?;
        match &self.advice {
            Some(advice) => write!(formatter, "\nadvice: {}", output::harmless(advice)),
            None => Ok(()),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let failure = Failure::new(error.to_string());
        match error {
            Error::PinIncorrect => {
                failure.advise("repeated wrong PINs lock it; `coffer info` shows how it stands")
            }
            Error::PinLocked => {
                failure.advise("a locked user PIN is set anew by the security officer: coffer pin reset")
            }
            Error::PinLenRange => {
                failure.advise("the limits are pin.min-length and pin.max-length of coffer.toml")
            }
            Error::UserPinNotInitialized => {
                failure.advise("set it as the security officer: coffer pin reset")
            }
            Error::UserNotLoggedIn => failure.advise(
                "log in as somebody who may do it: without --as it is the user; docs/roles.md says what each role may do",
            ),
            Error::PinInvalid => failure.advise("the characters that a PIN may have are pin.characters of coffer.toml"),
            Error::TokenBusy => failure.advise(
                "try again; a process that is stopped in the middle of a change must go on or be ended. The time to wait is \
                 limits.lock-timeout-ms of coffer.toml",
            ),
            Error::SessionExists => failure.advise("end the programs that use the token, then try again"),
            Error::SlotTaken => failure.advise("`coffer info` shows it; try again for another slot"),
            Error::TokenWriteProtected => failure
                .advise("check who owns the token file and whether its folder is writable: coffer doctor"),
            Error::DeviceError | Error::DeviceRemoved => {
                Failure { exit: Exit::Damaged, ..failure }.advise("coffer doctor tells which file and why")
            }
            Error::MechanismInvalid => {
                failure.advise("`coffer mechanisms` lists what is offered and what the configuration denies")
            }
            Error::KeySizeRange | Error::CurveNotSupported => {
                failure.advise("`coffer mechanisms` lists the sizes")
            }
            _ => failure,
        }
    }
}
