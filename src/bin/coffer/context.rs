//! What every command works with: the configuration, the library's module, and the token that was named.

use std::sync::Arc;

use clap::Args;
use coffer_pkcs11::ck::*;
use coffer_pkcs11::config::{Config, Environment};
use coffer_pkcs11::module::{self, Module};
use coffer_pkcs11::policy::Profile;
use coffer_pkcs11::secret::Secret;
use coffer_pkcs11::session::Session;
use coffer_pkcs11::token::{MANUFACTURER, MODEL, Settings, SlotId, TokenInfo};

use crate::failure::{Failure, Result};
use crate::pin::{SoPin, UserPin};
use crate::uri::Uri;

/// Which token.
#[derive(Args, Clone, Debug, Default)]
pub struct TokenOption {
    /// The token: its label, or a PKCS#11 URI; not needed where there is only one
    #[arg(short, long, value_name = "LABEL|URI", env = "COFFER_TOKEN")]
    pub token: Option<String>,
}

/// Which token, and the PIN of its user.
#[derive(Args)]
pub struct LoginOption {
    #[command(flatten)]
    pub token: TokenOption,
    #[command(flatten)]
    pub pin: UserPin,
}

/// A token whose user is logged in, as long as this is there.
pub struct Login {
    pub session: Arc<Session>,
    pub token: Found,
    pub context: Context,
}

impl LoginOption {
    pub fn log_in(&self, read_write: bool) -> Result<Login> {
        let context = Context::load()?;
        let wanted = self.token.uri()?;
        let token = context.token(&wanted)?;
        let session = context.user_session(&token, read_write, &self.pin, &wanted)?;
        Ok(Login { session, token, context })
    }
}

/// The library, used in this process with the same checks as behind the C functions.
pub struct Context {
    pub module: Module,
}

/// A token that is there.
pub struct Found {
    pub slot: SlotId,
    pub info: TokenInfo,
    pub label: String,
    pub serial: String,
    pub profile: Profile,
    pub settings: Settings,
}

impl Found {
    /// The token as a URI.
    pub fn uri(&self) -> Uri {
        Uri { token: Some(self.label.clone()), serial: Some(self.serial.clone()), ..Uri::default() }
    }

    fn fits(&self, wanted: &Uri) -> bool {
        let equal = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        equal(&wanted.token, &self.label)
            && equal(&wanted.serial, &self.serial)
            && equal(&wanted.manufacturer, MANUFACTURER)
            && equal(&wanted.model, MODEL)
            && wanted.slot_id.is_none_or(|slot| slot == self.slot.0)
    }
}

/// The environment of this process. The tool runs with its caller's privileges, so plain variables are right.
pub fn environment() -> Environment {
    // The owner of /proc/self is the effective user.
    let uid = std::fs::metadata("/proc/self")
        .map_or(u32::MAX, |process| std::os::unix::fs::MetadataExt::uid(&process));
    Environment::from_variables(uid, |name| std::env::var_os(name))
}

impl Drop for Context {
    fn drop(&mut self) {
        self.module.flush_logs();
    }
}

impl Context {
    pub fn load() -> Result<Self> {
        Self::load_with(|_| {})
    }

    /// As `load`, with what the options of the command change in the configuration.
    pub fn load_with(change: impl FnOnce(&mut Config)) -> Result<Self> {
        let mut config = module::load_config(&environment()).map_err(|error| {
            Failure::new(error.to_string())
                .advise("docs/configuration.md lists the keys, their ranges and where the file may be")
        })?;
        change(&mut config);
        Ok(Self { module: Module::new(config) })
    }

    /// Seconds since 1970 UTC.
    pub fn now(&self) -> u64 {
        self.config().clock.now()
    }

    pub fn config(&self) -> &Config {
        self.module.config()
    }

    /// Every token that is initialised and readable, by slot.
    pub fn tokens(&self) -> Vec<Found> {
        let found = |slot: SlotId| {
            let info = self.module.token_info(slot).ok()?;
            let identity = info.identity.clone()?;
            Some(Found {
                slot,
                label: identity.label_text(),
                serial: identity.serial_text(),
                profile: identity.profile,
                settings: identity.settings,
                info,
            })
        };
        self.module.slots().into_iter().filter_map(found).collect()
    }

    /// The files that are no usable tokens, and why.
    pub fn damaged(&self) -> Vec<(SlotId, std::path::PathBuf, String)> {
        let problem = |slot: SlotId| {
            let problem = self.module.slot_problem(slot).ok()??;
            Some((slot, self.module.slot_info(slot).ok()?.path, problem.to_string()))
        };
        self.module.slots().into_iter().filter_map(problem).collect()
    }

    /// The empty slot that a new token would take.
    pub fn free_slot(&self) -> Option<SlotId> {
        self.module.slots().into_iter().find(|slot| {
            self.module.token_info(*slot).is_ok_and(|info| info.flags & CKF_TOKEN_INITIALIZED == 0)
        })
    }

    /// The token that an option or URI names, or the only one.
    pub fn token(&self, wanted: &Uri) -> Result<Found> {
        let mut fitting: Vec<Found> = self.tokens().into_iter().filter(|token| token.fits(wanted)).collect();
        match (fitting.len(), fitting.pop()) {
            (1, Some(token)) => Ok(token),
            (0, _) => Err(self.no_token(wanted)),
            (_, last) => {
                let labels: Vec<String> =
                    fitting.iter().chain(&last).map(|token| format!("  {}", token.uri())).collect();
                Err(Failure::new(format!("{} tokens fit:\n{}", labels.len(), labels.join("\n")))
                    .advise("say which with --token LABEL, or with its URI"))
            }
        }
    }

    fn no_token(&self, wanted: &Uri) -> Failure {
        let folder = self.config().home.display();
        if let Some((_, path, problem)) = self.damaged().into_iter().next() {
            return Failure::damaged(format!(
                "no usable token fits, and {} is none: {problem}",
                path.display()
            ))
            .advise("coffer doctor names every damaged file");
        }
        let labels: Vec<String> =
            self.tokens().into_iter().map(|token| format!("`{}`", token.label)).collect();
        if labels.is_empty() {
            return Failure::new(format!("there is no token in {folder}")).advise(
                "make one with: coffer init LABEL; or set COFFER_HOME to the folder that holds yours",
            );
        }
        let named = if *wanted == Uri::default() { String::new() } else { format!(" that fits {wanted}") };
        Failure::new(format!("there is no token{named} in {folder}"))
            .advise(format!("there are: {}", labels.join(", ")))
    }

    /// A read-write session with a token, or a read-only one where the token is write-protected.
    pub fn session(&self, slot: SlotId, read_write: bool) -> Result<Arc<Session>> {
        let flags = CKF_SERIAL_SESSION | if read_write { CKF_RW_SESSION } else { 0 };
        let handle = self.module.open_session(slot, flags)?;
        Ok(self.module.session(handle)?)
    }

    /// A session in which the user is logged in.
    pub fn user_session(
        &self,
        token: &Found,
        read_write: bool,
        pin: &UserPin,
        wanted: &Uri,
    ) -> Result<Arc<Session>> {
        if pin.account.is_none() && token.info.flags & CKF_USER_PIN_INITIALIZED == 0 {
            return Err(coffer_pkcs11::error::Error::UserPinNotInitialized.into());
        }
        let session = self.session(token.slot, read_write)?;
        let secret = pin.source().read(wanted.pin_source.as_deref())?;
        log_in_as(&session, pin, &secret, token)?;
        self.tell_of_clock(token);
        Ok(session)
    }

    /// Says so where the clock is behind what the token has seen.
    fn tell_of_clock(&self, token: &Found) {
        let behind = self.module.token(token.slot).ok().and_then(|token| token.clock_behind());
        if let Some(seconds) = behind {
            eprintln!(
                "attention: the clock is {seconds} seconds behind the newest time that `{}` has seen; dates of keys are judged by \
                 the latter (coffer clock)",
                token.label
            );
        }
    }

    /// A session in which the security officer is logged in.
    pub fn so_session(&self, token: &Found, pin: &SoPin) -> Result<Arc<Session>> {
        let session = self.session(token.slot, true)?;
        log_in(&session, CKU_SO, &pin.source().read(None)?, token)?;
        Ok(session)
    }
}

/// As `log_in` of the user, or C_LoginUser of the account that `--as` names.
pub fn log_in_as(session: &Session, pin: &UserPin, secret: &Secret, token: &Found) -> Result<()> {
    let Some(name) = &pin.account else { return log_in(session, CKU_USER, secret, token) };
    session.login_user(CKU_USER, secret, name.as_bytes()).map_err(|error| {
        let failure = match error {
            coffer_pkcs11::error::Error::UserTypeInvalid => {
                Failure::new("there is no such account").advise("coffer role list shows those that there are")
            }
            coffer_pkcs11::error::Error::PinLocked => Failure::new(error.to_string())
                .advise("a locked account gets a new PIN from who manages it: coffer role pin"),
            error => error.into(),
        };
        failure.while_doing(&format!("`{name}` cannot log in to `{}`", token.label))
    })
}

/// C_Login, with what is known of the remaining attempts in the error.
pub fn log_in(session: &Session, user: CK_USER_TYPE, pin: &Secret, token: &Found) -> Result<()> {
    let who = if user == CKU_SO { "the security officer" } else { "the user" };
    session.login(user, pin).map_err(|error| {
        Failure::from(error).while_doing(&format!("{who} cannot log in to `{}`", token.label))
    })
}

impl TokenOption {
    /// The option as a URI that fits the token; an empty one where it is not given.
    pub fn uri(&self) -> Result<Uri> {
        match self.token.as_deref() {
            None => Ok(Uri::default()),
            Some(text) if Uri::is_uri(text) => Uri::parse(text).map_err(Failure::new),
            Some(label) => Ok(Uri { token: Some(label.into()), ..Uri::default() }),
        }
    }
}
