//! `coffer pin`: changes PINs.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use coffer_pkcs11::error::Error;
use coffer_pkcs11::lifecycle::backup;
use coffer_pkcs11::policy::{Controlled, Subject};
use coffer_pkcs11::token::OfficerReset;
use serde::Serialize;

use crate::consent;
use crate::context::{Context, Found, TokenOption};
use crate::escrow::{Opener, Passphrases};
use crate::failure::{Exit, Failure, Result};
use crate::output;
use crate::pin::{NewPin, SoPin, UserPin};

#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Change the user PIN, or with --so the security officer's
    Change {
        #[command(flatten)]
        token: TokenOption,
        /// Change the PIN of the security officer
        #[arg(long)]
        so: bool,
        #[command(flatten)]
        pin: UserPin,
        #[command(flatten)]
        so_pin: SoPin,
        #[command(flatten)]
        new_pin: NewPin,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Set a new user PIN, as the security officer or with the shares of a recovery set; this also unlocks it
    #[command(visible_alias = "unlock")]
    Reset {
        #[command(flatten)]
        token: TokenOption,
        /// Give a token of `init --so-reset wipe` new keys: every private object and every secret value in it is lost
        #[arg(long)]
        wipe: bool,
        /// Do not ask before that
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        shares: ResetShares,
        #[command(flatten)]
        so_pin: SoPin,
        #[command(flatten)]
        new_pin: NewPin,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        let context = Context::load()?;
        match self.command {
            Command::Change { token, so, pin, so_pin, new_pin, json } => {
                let wanted = token.uri()?;
                let token = context.token(&wanted)?;
                // C_SetPIN changes the PIN of who is logged in, and the user's where nobody is.
                let (session, old) = if so {
                    let old = so_pin.source().read(None)?;
                    let session = context.session(token.slot, true)?;
                    crate::context::log_in(&session, coffer_pkcs11::ck::CKU_SO, &old, &token)?;
                    (session, old)
                } else {
                    let old = pin.source().read(wanted.pin_source.as_deref())?;
                    let session = context.session(token.slot, true)?;
                    if pin.account.is_some() {
                        crate::context::log_in_as(&session, &pin, &old, &token)?;
                    }
                    (session, old)
                };
                let new = new_pin.source().read_new()?;
                let whose = match (so, &pin.account) {
                    (true, _) => "PIN of the security officer".to_owned(),
                    (false, Some(name)) => format!("PIN of the account `{name}`"),
                    (false, None) => "user PIN".to_owned(),
                };
                session.set_pin(&old, &new).map_err(|error| {
                    Failure::from(error)
                        .while_doing(&format!("the {whose} of `{}` was not changed", token.label))
                })?;
                let role = if so { "so" } else { "user" };
                tell(json, &token, role, &format!("The {whose} of `{}` was changed.", token.label))?;
            }
            Command::Reset { token, shares, new_pin, json, .. } if shares.are_given() => {
                let token = context.token(&token.uri()?)?;
                shares.reset(&context, &token, &new_pin)?;
                tell(json, &token, "user", &format!("The user PIN of `{}` was set.", token.label))?;
            }
            Command::Reset { token, wipe, yes, so_pin, new_pin, json, .. } => {
                let token = context.token(&token.uri()?)?;
                let session = context.so_session(&token, &so_pin)?;
                let new = new_pin.source().read_new()?;
                let set = if wipe {
                    let lost = format!(
                        "Every private object and every secret value in `{}` will be lost.",
                        token.label
                    );
                    output::confirm(&lost, yes)?;
                    session.start_anew(&new)
                } else {
                    session.init_pin(&new)
                };
                set.map_err(|error| {
                    not_set(&context, &token, error, wipe)
                        .while_doing(&format!("the user PIN of `{}` was not set", token.label))
                })?;
                tell(json, &token, "user", &format!("The user PIN of `{}` was set.", token.label))?;
            }
        }
        Ok(Exit::Success)
    }
}

#[derive(Serialize)]
struct Changed {
    token: String,
    /// Whose PIN it is: `user` or `so`.
    role: &'static str,
}

fn tell(json: bool, token: &Found, role: &'static str, sentence: &str) -> Result<()> {
    match json {
        true => output::json("pin", 1, Changed { token: token.uri().to_string(), role }),
        false => output::line(sentence),
    }
}

/// Where it is under dual control, and too few have approved it.
fn too_few(context: &Context, found: &Found, wipe: bool) -> Option<Failure> {
    if wipe {
        found.settings.control.as_ref()?.needs(Controlled::Destroy)?;
        let failure = Failure::new(
            "the keys of this token end only with the approval of others, which its security officer cannot read",
        );
        let advice = "end the rules first, as the user and with approvals: coffer control off --request FILE";
        return Some(Failure { exit: Exit::Quorum, ..failure.advise(advice) });
    }
    let token = context.module.token(found.slot).ok()?;
    consent::missing(&token, Controlled::PinReset, &[Subject::user_pin()], "coffer request pin-reset")
}

/// Why the user PIN was not set.
fn not_set(context: &Context, token: &Found, error: Error, wipe: bool) -> Failure {
    let reset = context.module.token(token.slot).and_then(|token| token.officer_reset());
    if error == Error::ActionProhibited
        && let Some(failure) = too_few(context, token, wipe)
    {
        return failure;
    }
    match error {
        Error::ActionProhibited if reset == Ok(OfficerReset::Quorum) => {
            Failure::new("the security officer's PIN does not open the keys of this token (init --so-reset quorum)").advise(
                "name the shares of its recovery set with --share FILE, or have them asked for with --shares; --wipe gives the \
                 token new keys and loses all that is private in it",
            )
        }
        Error::ActionProhibited => {
            Failure::new("the security officer's PIN does not open the keys of this token (init --so-reset wipe)")
                .advise("restore a backup of it, or add --wipe, which gives it new keys and loses all that is private in it")
        }
        Error::UserNotLoggedIn if wipe => {
            Failure::new("only a token that was made with init --so-reset wipe or quorum can be wiped so")
                .advise("leave --wipe out: the keys stay; or make it anew: coffer init --slot")
        }
        error => error.into(),
    }
}

/// The shares of a recovery set, in the place of the security officer's PIN.
#[derive(Args)]
struct ResetShares {
    /// A share of the recovery set, in a token of `init --so-reset quorum`; as many times as the set needs shares. The
    /// security officer's PIN is not needed then
    #[arg(long, value_name = "FILE", conflicts_with = "wipe")]
    share: Vec<PathBuf>,
    /// Ask for the shares one after the other: their files, or what stands on paper
    #[arg(long, visible_alias = "ask", conflicts_with_all = ["wipe", "share"])]
    shares: bool,
    #[command(flatten)]
    passphrases: Passphrases,
}

impl ResetShares {
    fn are_given(&self) -> bool {
        self.shares || !self.share.is_empty()
    }

    fn reset(self, context: &Context, found: &Found, new_pin: &NewPin) -> Result<()> {
        let token = context.module.token(found.slot)?;
        let named =
            |failure: Failure| failure.while_doing(&format!("the user PIN of `{}` was not set", found.label));
        // Before anybody looks for shares.
        if backup::resetting_set(&token).map_err(Failure::from)?.is_none() {
            return Err(named(no_set(token.officer_reset()?)));
        }
        let opener = Opener { share: self.share, ask: self.shares, key: None, passphrases: self.passphrases };
        let shares = opener.shares().map_err(named)?;
        let new = new_pin.source().read_new()?;
        backup::reset_pin(&token, &shares, &new).map_err(|error| {
            let failure = match error {
                backup::Error::Quorum(_) => {
                    Failure::from(error).advise("nothing was changed; name more shares with --share")
                }
                backup::Error::Mismatch(_) => Failure::from(error)
                    .advise("a new recovery set has taken the place of that one: ask its custodians"),
                error => error.into(),
            };
            named(failure)
        })
    }
}

/// Why no shares set the user PIN.
fn no_set(reset: OfficerReset) -> Failure {
    match reset {
        OfficerReset::Preserve => Failure::new("this token has no shares that do it; its security officer does")
            .advise("leave --share and --shares out: the keys stay"),
        OfficerReset::Wipe => Failure::new("this token has no shares that do it (init --so-reset wipe)")
            .advise("restore a backup of it, or use --wipe, which gives it new keys and loses all that is private in it"),
        OfficerReset::Quorum => Failure::new("this token has no recovery set yet that could do it")
            .advise("the user makes one with coffer recovery create; a user PIN that was forgotten before that is lost, as in a \
                     token of --so-reset wipe"),
    }
}
