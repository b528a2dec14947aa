//! `coffer info`: the library, its folder and the tokens.

use clap::Args;
use coffer_pkcs11::ck::*;
use coffer_pkcs11::lifecycle::{backup, signer};
use coffer_pkcs11::token::{OfficerReset, TokenInfo};
use serde::Serialize;

use crate::context::{Context, Found, TokenOption};
use crate::failure::{Exit, Result};
use crate::output;
use crate::pin::UserPin;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    token: TokenOption,
    /// Log in, to show also the public key with which a token signs its certificates
    #[arg(long)]
    login: bool,
    #[command(flatten)]
    pin: UserPin,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Info {
    /// Of the tool; `version` is that of the schema.
    coffer_version: &'static str,
    folder: String,
    configuration: Option<String>,
    tokens: Vec<Token>,
    damaged: Vec<Damaged>,
}

#[derive(Serialize)]
struct Token {
    slot: u64,
    label: String,
    serial: String,
    profile: &'static str,
    lifecycle: &'static str,
    policy: Option<String>,
    uri: String,
    file: String,
    writable: bool,
    user_pin: &'static str,
    so_pin: &'static str,
    so_reset: &'static str,
    /// The set whose shares set a new user PIN, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_set: Option<String>,
    /// In hexadecimal; absent where it was not asked for, or no certificate has been signed yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_key: Option<String>,
}

#[derive(Serialize)]
struct Damaged {
    slot: u64,
    file: String,
    problem: String,
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        let context = Context::load()?;
        let named = self.token.uri()?;
        let tokens = if self.login || self.token.token.is_some() {
            vec![context.token(&named)?]
        } else {
            context.tokens()
        };
        let damaged = context.damaged().into_iter().map(|(slot, path, problem)| Damaged {
            slot: slot.0,
            file: path.display().to_string(),
            problem,
        });
        let mut described =
            tokens.iter().map(|token| describe(&context, token)).collect::<Result<Vec<_>>>()?;
        if self.login {
            for (token, described) in tokens.iter().zip(&mut described) {
                let session = context.user_session(token, false, &self.pin, &named)?;
                described.certificate_key = signer::public_key(session.token())?.map(|key| output::hex(&key));
            }
        }
        let info = Info {
            coffer_version: env!("CARGO_PKG_VERSION"),
            folder: context.config().home.display().to_string(),
            configuration: context.config().file.as_ref().map(|path| path.display().to_string()),
            tokens: described,
            damaged: damaged.collect(),
        };
        if self.json {
            output::json("info", 2, &info)?
        } else {
            show(&info, self.login)?
        }
        Ok(if info.damaged.is_empty() { Exit::Success } else { Exit::Damaged })
    }
}

fn describe(context: &Context, token: &Found) -> Result<Token> {
    let opened = context.module.token(token.slot)?;
    Ok(Token {
        slot: token.slot.0,
        label: token.label.clone(),
        serial: token.serial.clone(),
        profile: token.profile.name(),
        lifecycle: token.settings.lifecycle.name(),
        policy: token.settings.algorithm_policy.clone(),
        uri: token.uri().to_string(),
        file: context.module.slot_info(token.slot)?.path.display().to_string(),
        writable: token.info.flags & CKF_WRITE_PROTECTED == 0,
        user_pin: user_pin(&token.info),
        so_pin: state(token.info.flags, CKF_SO_PIN_LOCKED, CKF_SO_PIN_FINAL_TRY, CKF_SO_PIN_COUNT_LOW),
        so_reset: opened.officer_reset()?.name(),
        recovery_set: backup::resetting_set(&opened)?.map(|set| set.to_string()),
        certificate_key: None,
    })
}

/// How the user PIN stands, in a word.
pub fn user_pin(info: &TokenInfo) -> &'static str {
    if info.flags & CKF_USER_PIN_INITIALIZED == 0 {
        return "not set";
    }
    state(info.flags, CKF_USER_PIN_LOCKED, CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_COUNT_LOW)
}

fn state(flags: CK_FLAGS, locked: CK_FLAGS, final_try: CK_FLAGS, count_low: CK_FLAGS) -> &'static str {
    match () {
        () if flags & locked != 0 => "locked",
        () if flags & final_try != 0 => "one try left",
        () if flags & count_low != 0 => "wrong PINs were tried",
        () => "set",
    }
}

fn show(info: &Info, asked: bool) -> Result<()> {
    output::line(&format!("Coffer {}", info.coffer_version))?;
    output::line(&format!("  tokens in      {}", info.folder))?;
    output::line(&format!(
        "  configuration  {}",
        info.configuration.as_deref().unwrap_or("none (the defaults hold)")
    ))?;
    if info.tokens.is_empty() && info.damaged.is_empty() {
        return output::line("\nThere is no token yet. Make one with: coffer init LABEL");
    }
    let rows = info.tokens.iter().map(|token| {
        let access = if token.writable { "read and write" } else { "read only" };
        let cells = [
            &token.slot.to_string(),
            &token.label,
            &token.serial,
            token.profile,
            token.lifecycle,
            token.policy.as_deref().unwrap_or_default(),
            token.user_pin,
            token.so_pin,
            access,
            &token.file,
        ];
        cells.into_iter().map(String::from).collect()
    });
    if !info.tokens.is_empty() {
        output::line("")?;
        output::line(&output::table(
            &[
                "slot",
                "token",
                "serial",
                "profile",
                "lifecycle",
                "policy",
                "user pin",
                "so pin",
                "access",
                "file",
            ],
            rows.collect(),
        ))?;
    }
    if asked && info.tokens.iter().all(|token| token.certificate_key.is_none()) {
        output::line("\nIt has no key for certificates yet: it makes one for the first.")?;
    }
    for (token, key) in info.tokens.iter().filter_map(|token| Some((token, token.certificate_key.as_ref()?)))
    {
        output::line(&format!("\nToken `{}` signs certificates with {key}", token.label))?;
    }
    for token in info.tokens.iter().filter(|token| token.so_reset == OfficerReset::Quorum.name()) {
        output::line(&match &token.recovery_set {
            Some(set) => format!("\nShares of set {set} give the user of `{}` a new PIN", token.label),
            None => format!("\nToken `{}` has no recovery set yet: coffer recovery create", token.label),
        })?;
    }
    for damaged in &info.damaged {
        output::line(&format!(
            "\nslot {}: {} is not usable: {}",
            damaged.slot, damaged.file, damaged.problem
        ))?;
    }
    Ok(())
}
