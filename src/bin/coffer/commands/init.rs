//! `coffer init`: makes a token.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use coffer_pkcs11::ck::*;
use coffer_pkcs11::config::{Config, PinKdf};
use coffer_pkcs11::error::Error;
use coffer_pkcs11::lifecycle::backup;
use coffer_pkcs11::policy::{Mode, Profile};
use coffer_pkcs11::secret::Secret;
use coffer_pkcs11::token::{AuditMode, LABEL_LEN, OfficerReset, Settings, SlotId, padded};
use serde::Serialize;

use super::audit;
use super::recovery::{self, Dealt, Kept, Places};
use crate::context::{Context, Found, log_in};
use crate::dates;
use crate::escrow::Passphrases;
use crate::failure::{Exit, Failure, Result};
use crate::output;
use crate::pin::{SoPin, UserPin};
use crate::policies;
use crate::uri::Uri;

#[derive(Args)]
pub struct Arguments {
    /// What the token is called, at most 32 bytes
    #[arg(value_name = "LABEL", required_unless_present = "label_option")]
    label: Option<String>,
    /// The label, for those who look for an option
    #[arg(long = "label", value_name = "LABEL", hide = true, conflicts_with = "label")]
    label_option: Option<String>,
    /// Initialise the token in this slot anew: everything in it is lost
    #[arg(long, value_name = "N")]
    slot: Option<u64>,
    /// Leave the user PIN to be set later (coffer pin reset)
    #[arg(long)]
    no_user_pin: bool,
    /// How keys are derived from the token's PINs; pbkdf2 where neither this nor the configuration says
    #[arg(long, value_enum, value_name = "KDF")]
    kdf: Option<KdfOption>,
    /// What the token forbids beyond the standard's rules; it cannot be changed later
    #[arg(long, value_enum, value_name = "PROFILE", default_value_t = ProfileOption::Compatible)]
    profile: ProfileOption,
    /// How far the token holds its keys to their states, dates and limits
    #[arg(long, value_enum, value_name = "MODE", default_value_t = LifecycleOption::Enforce)]
    lifecycle: LifecycleOption,
    /// Until when which algorithms may be used: nist-2030, pqc-2035, cnsa2, or a file with a policy (docs/policy.md)
    #[arg(long, value_name = "NAME|FILE")]
    policy: Option<String>,
    /// How long a private or secret key waits at least before it is destroyed, such as 7d: C_DestroyObject then ends none, and
    /// `coffer destroy` does not without that
    #[arg(long, value_name = "TIME", value_parser = dates::length, default_value = "0d")]
    destruction_wait: u64,
    /// How much the audit log beside the token is told; none: no log is begun. --audit alone: uses
    #[arg(
        long,
        value_enum,
        value_name = "MODE",
        num_args = 0..=1,
        default_value_t = AuditOption::Events,
        default_missing_value = "uses"
    )]
    audit: AuditOption,
    #[command(flatten)]
    seal_to: audit::SealTo,
    /// What can be done about a forgotten user PIN: the security officer's PIN sets a new one, for which it opens the keys as
    /// well; or it wipes, for which it opens none; or as that, but a quorum of shares of the recovery set sets a new one. It
    /// cannot be changed later (docs/threat-model.md)
    #[arg(long, value_enum, value_name = "MODE", default_value_t = SoReset::Preserve)]
    so_reset: SoReset,
    #[command(flatten)]
    recovery: RecoverySet,
    /// Let the token make HSS keys and sign with them. Each of their one-time keys must sign only once: never copy the token
    /// file, restore it or keep it in a snapshot (docs/threat-model.md)
    #[arg(long)]
    stateful_signatures: bool,
    /// Allow a label that another token has
    #[arg(long)]
    allow_duplicate: bool,
    #[command(flatten)]
    so_pin: SoPin,
    #[command(flatten)]
    pin: UserPin,
    /// Do not ask before a token is initialised anew
    #[arg(long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

// PBKDF2-HMAC-SHA-512 costs time, Argon2id also 64 MiB of memory.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum KdfOption {
    Pbkdf2,
    Argon2id,
}

// None: no log. Events: changes, refusals, logins. Uses: each use of a key, too.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AuditOption {
    None,
    Events,
    Uses,
}

impl AuditOption {
    /// How much the log is told, if there is to be one.
    fn mode(self) -> Option<AuditMode> {
        match self {
            Self::None => None,
            Self::Events => Some(AuditMode::Events),
            Self::Uses => Some(AuditMode::Uses),
        }
    }
}

// Preserve: the keys stay. Wipe: a new user PIN comes with new keys, and what was sealed under the old ones is lost. Quorum: as
// wipe, but the shares of the recovery set give the user a new PIN, and the keys stay.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SoReset {
    Preserve,
    Wipe,
    Quorum,
}

impl SoReset {
    /// Makes the token that is made so.
    pub fn configure(self, config: &mut Config) {
        config.pin.separate_officer = Some(self != SoReset::Preserve);
    }

    fn name(self) -> &'static str {
        match self {
            SoReset::Preserve => OfficerReset::Preserve,
            SoReset::Wipe => OfficerReset::Wipe,
            SoReset::Quorum => OfficerReset::Quorum,
        }
        .name()
    }
}

/// The recovery set that a new token gets at once.
#[derive(Args)]
struct RecoverySet {
    /// Make a recovery set at once, as `coffer recovery create` does, and write its shares into this folder
    #[arg(long, value_name = "FOLDER", requires_all = ["threshold", "custodian"], conflicts_with = "no_user_pin")]
    shares_to: Option<PathBuf>,
    /// How many of the shares are needed
    #[arg(long, value_name = "K", requires = "shares_to")]
    threshold: Option<u8>,
    /// Who keeps a share; named once for each
    #[arg(long, value_name = "NAME", requires = "shares_to")]
    custodian: Vec<String>,
    /// Close each share with a passphrase of its custodian
    #[arg(long, requires = "shares_to")]
    encrypt_shares: bool,
    #[command(flatten)]
    passphrases: Passphrases,
}

impl RecoverySet {
    /// Refuses what cannot be, before a token is made.
    fn check(&self) -> Result<()> {
        let (Some(threshold), Some(_)) = (self.threshold, &self.shares_to) else { return Ok(()) };
        backup::check_rule(threshold, &self.custodian)
            .map_err(|error| Failure::from(error).advise("nothing was made"))
    }

    /// The set, for a token whose user has this PIN; `None`: none was asked for.
    fn make(&self, context: &Context, found: &Found, pin: Option<&Secret>) -> Result<Option<Dealt>> {
        let (Some(folder), Some(threshold), Some(pin)) = (&self.shares_to, self.threshold, pin) else {
            return Ok(None);
        };
        let session = context.session(found.slot, true)?;
        log_in(&session, CKU_USER, pin, found)?;
        let places = Places { folder, encrypt: self.encrypt_shares, passphrases: &self.passphrases };
        let dealt = recovery::deal(session.token(), threshold, &self.custodian, context.now(), &places)
            .map_err(|failure| {
                let failure = failure.while_doing("the token was made, but has no recovery set");
                failure.advise("make it with: coffer recovery create")
            })?;
        session.logout()?;
        context.module.close_session(session.handle())?;
        Ok(Some(dealt))
    }
}

// Compatible: nothing. Strict: see docs/policy.md.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProfileOption {
    Compatible,
    Strict,
}

impl From<ProfileOption> for Profile {
    fn from(option: ProfileOption) -> Self {
        match option {
            ProfileOption::Compatible => Profile::Compatible,
            ProfileOption::Strict => Profile::Strict,
        }
    }
}

// Off: not at all. Warn: uses that are not allowed happen and are told of. Enforce: they are refused. See docs/lifecycle.md.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LifecycleOption {
    Off,
    Warn,
    Enforce,
}

impl From<LifecycleOption> for Mode {
    fn from(option: LifecycleOption) -> Self {
        match option {
            LifecycleOption::Off => Mode::Off,
            LifecycleOption::Warn => Mode::Warn,
            LifecycleOption::Enforce => Mode::Enforce,
        }
    }
}

#[derive(Serialize)]
struct Made {
    label: String,
    serial: String,
    slot: u64,
    profile: &'static str,
    lifecycle: &'static str,
    policy: Option<String>,
    uri: String,
    file: String,
    user_pin_set: bool,
    so_reset: &'static str,
    /// Of the recovery set, where one was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_set: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shares: Vec<Kept>,
    /// How much the audit log is told, and its file; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    audit: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audit_log: Option<PathBuf>,
    /// Absent where it was sealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    audit_first_key: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    audit_sealed_to: Vec<String>,
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        if let Some(name) = &self.pin.account {
            return Err(Failure::new(format!("a token without accounts cannot be made as `{name}`"))
                .advise("leave --as and COFFER_USER out"));
        }
        let mode = self.audit.mode();
        if mode.is_none() && !self.seal_to.is_empty() {
            return Err(Failure::new("without an audit log there is no first key to seal")
                .advise("leave out --audit=none or --seal-to"));
        }
        // Before anything is made.
        self.seal_to.auditors()?;
        let context = Context::load_with(|config| {
            self.so_reset.configure(config);
            match self.kdf {
                Some(KdfOption::Pbkdf2) => config.pin.kdf = PinKdf::Pbkdf2,
                Some(KdfOption::Argon2id) => config.pin.kdf = PinKdf::Argon2id,
                None => {}
            }
        })?;
        let label = self.label.as_deref().or(self.label_option.as_deref()).unwrap_or_default();
        check_label(label)?;
        self.recovery.check()?;
        let slot = self.target(&context, label)?;
        let so_pin = self.so_pin.source().read_new()?;
        let pin = if self.no_user_pin { None } else { Some(self.pin.source().read_new()?) };
        let profile = Profile::from(self.profile);
        let destruction_wait = u32::try_from(self.destruction_wait)
            .map_err(|_| Failure::new("the waiting period before a destruction is longer than 136 years"))?;
        let quorum_reset = self.so_reset == SoReset::Quorum;
        let lifecycle = self.lifecycle.into();
        let stateful_signatures = self.stateful_signatures;
        let mut settings = Settings {
            lifecycle,
            destruction_wait,
            quorum_reset,
            stateful_signatures,
            ..Settings::default()
        };
        if let Some(policy) = &self.policy {
            policies::choose(policy)?.put_into(&mut settings);
        }
        make(&context, slot, label, (profile, &settings), &so_pin, pin.as_ref())?;
        let token = context.token(&Uri { slot_id: Some(slot.0), ..Uri::default() })?;
        let file = context.module.slot_info(slot)?.path.display().to_string();
        let begin = |mode| begin_log(&context, &token, &so_pin, mode, &self.seal_to);
        let log = mode.map(begin).transpose()?;
        let dealt = self.recovery.make(&context, &token, pin.as_ref())?;
        let (recovery_set, shares) = dealt.map(|dealt| (dealt.set, dealt.shares)).unzip();
        let made = Made {
            label: token.label.clone(),
            serial: token.serial.clone(),
            slot: slot.0,
            profile: profile.name(),
            lifecycle: settings.lifecycle.name(),
            policy: settings.algorithm_policy.clone(),
            uri: token.uri().to_string(),
            file,
            user_pin_set: pin.is_some(),
            so_reset: self.so_reset.name(),
            recovery_set,
            shares: shares.unwrap_or_default(),
            audit: mode.map(AuditMode::name),
            audit_log: log.as_ref().map(|log| log.file.clone()),
            audit_first_key: log.as_ref().and_then(|log| log.first_key.clone()),
            audit_sealed_to: log.as_ref().map_or_else(Vec::new, |log| log.sealed_to.clone()),
        };
        if self.json {
            output::json("init", 1, &made)?;
        } else {
            output::line(&format!(
                "Token `{}` is ready in slot {}.\n  file  {}\n  uri   {}",
                made.label, made.slot, made.file, made.uri
            ))?;
            if let Some(log) = &log {
                output::line(&format!(
                    "  log   {}, of {}",
                    log.file.display(),
                    made.audit.unwrap_or_default()
                ))?;
                log.tell()?;
            }
            if self.stateful_signatures {
                output::line(STATEFUL_RISK)?;
            }
            if !made.user_pin_set {
                output::line("Its user PIN is not set yet: coffer pin reset")?;
            }
            self.tell_of_recovery(&made)?;
        }
        Ok(Exit::Success)
    }

    fn tell_of_recovery(&self, made: &Made) -> Result<()> {
        if let Some(set) = &made.recovery_set {
            let resets = if self.so_reset == SoReset::Quorum { ", and set a new user PIN" } else { "" };
            output::line(&format!(
                "Any {} of {} open its backups{resets}.\n  set  {set}",
                self.recovery.threshold.unwrap_or_default(),
                output::count(made.shares.len(), "share"),
            ))?;
            return recovery::tell_shares(&made.shares);
        }
        if self.so_reset == SoReset::Quorum {
            output::line(
                "It has no recovery set yet, whose shares set a new user PIN: coffer recovery create. Until then nobody can.",
            )?;
        }
        Ok(())
    }

    fn target(&self, context: &Context, wanted: &str) -> Result<SlotId> {
        let same = context.tokens().into_iter().find(|token| token.label == wanted);
        if let Some(other) = same.filter(|other| Some(other.slot.0) != self.slot && !self.allow_duplicate) {
            return Err(taken(wanted, other.slot));
        }
        let Some(slot) = self.slot.map(SlotId) else {
            return new_slot(context, wanted, self.allow_duplicate);
        };
        let info = context.module.token_info(slot).map_err(|error| {
            Failure::from(error).advise("`coffer info` shows the slots; without --slot a new token is made")
        })?;
        if info.flags & CKF_TOKEN_INITIALIZED != 0 {
            let label = info.identity.map(|identity| identity.label_text()).unwrap_or_default();
            output::confirm(
                &format!("Everything in the token `{label}` in slot {} will be lost.", slot.0),
                self.yes,
            )?;
        }
        Ok(slot)
    }
}

/// What whoever turns stateful signatures on must know.
pub const STATEFUL_RISK: &str = "It signs with HSS keys. A copy of the file that signs, too, gives them away: no copies, no snapshots, no restoring";

/// Begins the audit log of a token that was just made; one that was initialised anew goes on with the log that it has.
pub fn begin_log(
    context: &Context,
    token: &Found,
    so_pin: &Secret,
    mode: AuditMode,
    seal_to: &audit::SealTo,
) -> Result<audit::Begun> {
    let session = context.session(token.slot, true)?;
    log_in(&session, CKU_SO, so_pin, token)?;
    let begin = || {
        let has = if seal_to.is_empty() {
            audit::go_on(context, token, mode, token.settings.audit.required)?
        } else {
            None
        };
        has.map_or_else(|| audit::begin(context, token, mode, false, seal_to), Ok)
    };
    let begun = begin().map_err(|failure| {
        failure.while_doing("the token is ready, but its audit log could not be begun (coffer audit enable)")
    })?;
    session.logout()?;
    context.module.close_session(session.handle())?;
    Ok(begun)
}

/// The slot for a new token of this label.
pub fn new_slot(context: &Context, label: &str, allow_duplicate: bool) -> Result<SlotId> {
    let same = context.tokens().into_iter().find(|token| token.label == label);
    if let Some(other) = same.filter(|_| !allow_duplicate) {
        return Err(taken(label, other.slot));
    }
    context.free_slot().ok_or_else(|| Failure::new("there is no free slot"))
}

fn taken(label: &str, slot: SlotId) -> Failure {
    Failure::new(format!("there is a token `{label}` already, in slot {}", slot.0)).advise(format!(
        "take another label, add --allow-duplicate, or initialise that one anew with --slot {}",
        slot.0
    ))
}

/// Refuses labels that CK_TOKEN_INFO cannot hold.
pub fn check_label(label: &str) -> Result<()> {
    if label.is_empty() || label.len() > LABEL_LEN || label.trim_end() != label {
        return Err(Failure::new(format!("the label `{label}` is not possible"))
            .advise(format!("a label has 1 to {LABEL_LEN} bytes and does not end with a blank")));
    }
    Ok(())
}

/// C_InitToken, then C_InitPIN. Both PINs are checked before anything is made.
pub fn make(
    context: &Context,
    slot: SlotId,
    label: &str,
    (profile, settings): (Profile, &Settings),
    so_pin: &Secret,
    pin: Option<&Secret>,
) -> Result<()> {
    let limits = &context.config().pin;
    for (pin, what) in [(Some(so_pin), "security officer's PIN"), (pin, "user PIN")] {
        if pin.is_some_and(|pin| !(limits.min_length..=limits.max_length).contains(&pin.len())) {
            return Err(Failure::new(format!(
                "the {what} must have {} to {} bytes",
                limits.min_length, limits.max_length
            ))
            .advise("the limits are pin.min-length and pin.max-length of coffer.toml; nothing was made"));
        }
    }
    let made = context.module.init_token_as(slot, so_pin, padded(label), profile, settings.clone());
    made.map_err(|error| {
        let home = context.config().home.display();
        let failure = Failure::from(error).while_doing(&format!("the token cannot be made in {home}"));
        match error {
            Error::ActionProhibited => {
                let failure = Failure::new("the token ends only with the approval of others");
                let advice = "a participant asks for it with: coffer request initialise --key FILE";
                Failure { exit: Exit::Quorum, ..failure.advise(advice) }
            }
            // There is no token yet that could be damaged.
            Error::DeviceError | Error::TokenWriteProtected => Failure { exit: Exit::Error, ..failure }
                .advise(format!("check that {home} is a folder in which you may write, or set COFFER_HOME")),
            _ => failure,
        }
    })?;
    let Some(pin) = pin else { return Ok(()) };
    let token = context.token(&Uri { slot_id: Some(slot.0), ..Uri::default() })?;
    let session = context.session(slot, true)?;
    log_in(&session, CKU_SO, so_pin, &token)?;
    session.init_pin(pin)?;
    session.logout()?;
    Ok(context.module.close_session(session.handle())?)
}
