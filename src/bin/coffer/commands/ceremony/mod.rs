//! `coffer ceremony`: makes a token and its recovery key before the eyes of those who keep the shares, and writes down what was
//! done.

mod checks;
mod script;
mod stage;
mod transcript;

use std::path::PathBuf;

use clap::Args;
use coffer_pkcs11::lifecycle::backup::{self, NewSet};
use coffer_pkcs11::policy::{Mode, Profile};
use coffer_pkcs11::secret::Secret;
use coffer_pkcs11::token::{AuditMode, Settings};

use super::audit;
use super::init::{self, ProfileOption, SoReset};
use crate::context::{Context, log_in};
use crate::failure::{Exit, Failure, Result};
use crate::output;
use crate::pin::{SoPin, UserPin};
use crate::uri::Uri;

use script::Script;
use stage::Stage;
use transcript::Transcript;

#[derive(Args)]
pub struct Arguments {
    /// What the token is called, at most 32 bytes
    #[arg(value_name = "LABEL", required_unless_present = "script", conflicts_with = "script")]
    label: Option<String>,
    /// How many shares are needed
    #[arg(long, value_name = "K", required_unless_present = "script", conflicts_with = "script")]
    threshold: Option<u8>,
    /// Who keeps a share; named once for each
    #[arg(long, value_name = "NAME", required_unless_present = "script", conflicts_with = "script")]
    custodian: Vec<String>,
    /// Who else is there; named once for each
    #[arg(long, value_name = "NAME", conflicts_with = "script")]
    witness: Vec<String>,
    /// Write each share into a file of this folder instead of showing it
    #[arg(long, value_name = "FOLDER", conflicts_with = "script")]
    out: Option<PathBuf>,
    /// Close each share with a passphrase of its custodian
    #[arg(long, conflicts_with = "script")]
    encrypt: bool,
    /// Where the transcript is written
    #[arg(long, value_name = "FILE")]
    transcript: PathBuf,
    /// Take everything that is asked for from this file, without a terminal (docs/backup.md)
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// What the token forbids beyond the standard's rules; it cannot be changed later
    #[arg(long, value_enum, value_name = "PROFILE", default_value_t = ProfileOption::Compatible)]
    profile: ProfileOption,
    /// What can be done about a forgotten user PIN (docs/threat-model.md); with quorum the shares set a new one
    #[arg(long, value_enum, value_name = "MODE", default_value_t = SoReset::Preserve)]
    so_reset: SoReset,
    #[command(flatten)]
    seal_to: audit::SealTo,
    #[command(flatten)]
    so_pin: SoPin,
    #[command(flatten)]
    pin: UserPin,
}

/// What a ceremony is held for.
struct Plan {
    label: String,
    threshold: u8,
    custodians: Vec<String>,
    witnesses: Vec<String>,
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        let context = Context::load_with(|config| self.so_reset.configure(config))?;
        let (plan, mut stage) = self.plan()?;
        init::check_label(&plan.label)?;
        let slot = init::new_slot(&context, &plan.label, false)?;
        // Before anything is made, whether there are such files.
        self.seal_to.auditors()?;
        let mut transcript = Transcript::begin(&self.transcript, &plan, context.now())?;
        stage.tell(&format!(
            "This ceremony makes the token `{}`. Its recovery key is split among {}; any {} of them bring it back.",
            plan.label,
            plan.custodians.join(", "),
            plan.threshold
        ))?;
        for check in checks::all(&context) {
            stage.tell(&format!("{}  {}", if check.passed { "ok    " } else { "FAILED" }, check.what))?;
            transcript.check(&check);
            if !check.passed {
                let failure = Failure::new(format!("a check failed: {}", check.what));
                return Err(
                    failure.advise("nothing was made; mend that, and begin again with a new transcript")
                );
            }
        }
        let (so_pin, pin) = (self.so_pin.source().read_new()?, self.pin.source().read_new()?);
        let quorum_reset = self.so_reset == SoReset::Quorum;
        let settings = Settings { lifecycle: Mode::Enforce, quorum_reset, ..Settings::default() };
        init::make(
            &context,
            slot,
            &plan.label,
            (Profile::from(self.profile), &settings),
            &so_pin,
            Some(&pin),
        )?;
        let begun = self.begin_log(&context, slot.0, &so_pin, &mut stage, &mut transcript);
        let done =
            begun.and_then(|()| self.with_token(&context, slot.0, &pin, &plan, &mut stage, &mut transcript));
        if done.is_err() {
            transcript.say(context.now(), "the ceremony was broken off: the token has no recovery key");
        }
        let digest = transcript.finish(context.now())?;
        done?;
        output::line(&format!(
            "The transcript is in {}.\nWrite down its SHA-256, each of you:\n  {digest}",
            self.transcript.display()
        ))?;
        Ok(Exit::Success)
    }

    fn plan(&self) -> Result<(Plan, Stage)> {
        if let Some(path) = &self.script {
            let Script { label, threshold, folder, witness, custodian } = Script::read(path)?;
            let passphrases = custodian.iter().map(|custodian| custodian.passphrase_file.clone()).collect();
            let custodians = custodian.into_iter().map(|custodian| custodian.name).collect();
            let plan = Plan { label, threshold, custodians, witnesses: witness };
            return Ok((plan, Stage::script(folder, passphrases)));
        }
        let plan = Plan {
            label: self.label.clone().unwrap_or_default(),
            threshold: self.threshold.unwrap_or_default(),
            custodians: self.custodian.clone(),
            witnesses: self.witness.clone(),
        };
        Ok((plan, Stage::terminal(self.out.clone(), self.encrypt)?))
    }

    /// The audit log, whose first key is sealed to auditors or shown to those who are there.
    fn begin_log(
        &self,
        context: &Context,
        slot: u64,
        so_pin: &Secret,
        stage: &mut Stage,
        transcript: &mut Transcript,
    ) -> Result<()> {
        let token = context.token(&Uri { slot_id: Some(slot), ..Uri::default() })?;
        let log = init::begin_log(context, &token, so_pin, AuditMode::Events, &self.seal_to)?;
        stage.tell(&format!("Its audit log, of events, is {}.", log.file.display()))?;
        log.tell()?;
        let first_key = match log.sealed_to.as_slice() {
            [] => "shown to those who are there".to_owned(),
            auditors => format!("sealed to {}", auditors.join(", ")),
        };
        transcript.say(context.now(), &format!("the audit log was begun; its first key was {first_key}"));
        Ok(())
    }

    /// The part that begins when the token is there: the recovery key, and the shares from hand to hand.
    fn with_token(
        &self,
        context: &Context,
        slot: u64,
        pin: &Secret,
        plan: &Plan,
        stage: &mut Stage,
        transcript: &mut Transcript,
    ) -> Result<()> {
        let found = context.token(&Uri { slot_id: Some(slot), ..Uri::default() })?;
        let session = context.session(found.slot, true)?;
        log_in(&session, coffer_pkcs11::ck::CKU_USER, pin, &found)?;
        let token = context.module.token(found.slot)?;
        transcript.token(context.now(), &found, &token)?;
        let set = NewSet::make(&token, plan.threshold, &plan.custodians, context.now())?;
        transcript.set(context.now(), &set)?;
        for share in &set.shares {
            let handed = stage.hand_over(share)?;
            transcript.handed(context.now(), share, &handed);
        }
        set.keep(&token)?;
        transcript.say(context.now(), "the token makes its backups for this set from now on");
        if backup::resetting_set(&token)?.is_some() {
            transcript.say(context.now(), "the shares of this set give the token's user a new PIN");
        }
        transcript.signer(&signer_id(&token)?);
        stage.tell(&format!("The recovery set is {}.", set.set.id()?))
    }
}

/// The id of the key that signs backups.
fn signer_id(token: &coffer_pkcs11::token::Token) -> Result<String> {
    Ok(output::hex(&backup::own_signer_id(token)?))
}
