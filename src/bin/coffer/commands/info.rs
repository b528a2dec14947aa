//! `coffer info`: the library, its folder and the tokens.

use clap::Args;
use coffer_pkcs11::ck::*;
use coffer_pkcs11::token::TokenInfo;
use serde::Serialize;

use crate::context::{Context, Found, TokenOption};
use crate::failure::{Exit, Result};
use crate::output;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    token: TokenOption,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Info {
    version: &'static str,
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
    uri: String,
    file: String,
    writable: bool,
    user_pin: &'static str,
    so_pin: &'static str,
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
        let tokens = if self.token.token.is_some() { vec![context.token(&named)?] } else { context.tokens() };
        let damaged = context.damaged().into_iter().map(|(slot, path, problem)| Damaged {
            slot: slot.0,
            file: path.display().to_string(),
            problem,
        });
        let info = Info {
            version: env!("CARGO_PKG_VERSION"),
            folder: context.config().home.display().to_string(),
            configuration: context.config().file.as_ref().map(|path| path.display().to_string()),
            tokens: tokens.iter().map(|token| describe(&context, token)).collect::<Result<_>>()?,
            damaged: damaged.collect(),
        };
        if self.json {
            output::json("info", 1, &info)?
        } else {
            show(&info)?
        }
        Ok(if info.damaged.is_empty() { Exit::Success } else { Exit::Damaged })
    }
}

fn describe(context: &Context, token: &Found) -> Result<Token> {
    Ok(Token {
        slot: token.slot.0,
        label: token.label.clone(),
        serial: token.serial.clone(),
        profile: token.profile.name(),
        lifecycle: token.settings.lifecycle.name(),
        uri: token.uri().to_string(),
        file: context.module.slot_info(token.slot)?.path.display().to_string(),
        writable: token.info.flags & CKF_WRITE_PROTECTED == 0,
        user_pin: user_pin(&token.info),
        so_pin: state(token.info.flags, CKF_SO_PIN_LOCKED, CKF_SO_PIN_FINAL_TRY, CKF_SO_PIN_COUNT_LOW),
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

fn show(info: &Info) -> Result<()> {
    output::line(&format!("Coffer {}", info.version))?;
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
            &["slot", "token", "serial", "profile", "lifecycle", "user pin", "so pin", "access", "file"],
            rows.collect(),
        ))?;
    }
    for damaged in &info.damaged {
        output::line(&format!(
            "\nslot {}: {} is not usable: {}",
            damaged.slot, damaged.file, damaged.problem
        ))?;
    }
    Ok(())
}
