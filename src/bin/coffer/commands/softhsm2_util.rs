//! `coffer softhsm2-util`: the options of that tool, so that scripts written for it run on Coffer tokens unchanged.
//!
//! Its manual page is the reference: actions, options, exit codes (0 done, 1 not done) and the lines that scripts read.
//! It takes PINs on the command line; here that works too, with a warning.

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser};
use coffer_pkcs11::ck::*;
use coffer_pkcs11::policy::Profile;
use coffer_pkcs11::secret::Secret;
use coffer_pkcs11::token::{MANUFACTURER, MODEL, Settings, SlotId};

use super::generate::{Protection, Uses};
use super::import::{Wishes, import, read_file, secret_of_type};
use super::{delete, init};
use crate::context::{Context, Found, log_in};
use crate::failure::{Exit, Failure, Result};
use crate::keyfile;
use crate::output;
use crate::pin::{Passphrase, SoPin, UserPin};
use crate::uri::Uri;

#[derive(Args)]
pub struct Arguments {
    /// Initialise the token at a slot; use with --free, --slot, --token or --serial, --label, --so-pin and --pin
    #[arg(long)]
    init_token: bool,
    /// Show all slots
    #[arg(long)]
    show_slots: bool,
    /// Import a key pair from a PKCS#8 file; use with --slot, --token or --serial, --label, --id, --pin, --file-pin
    #[arg(long, value_name = "PATH")]
    import: Option<PathBuf>,
    /// Delete a token with everything in it; use with --token or --serial
    #[arg(long)]
    delete_token: bool,
    /// Show the version
    #[arg(short, long)]
    version: bool,

    /// Take the file to be imported for an AES key as it is
    #[arg(long)]
    aes: bool,
    /// The passphrase of the file
    #[arg(long, value_name = "PIN")]
    file_pin: Option<String>,
    /// Allow an id that another key has
    #[arg(long)]
    force: bool,
    /// Use the free slot
    #[arg(long)]
    free: bool,
    /// The id of the object, in hexadecimal
    #[arg(long, value_name = "HEX")]
    id: Option<String>,
    /// The label of the object or the token
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// Accepted and passed over: this tool works on Coffer tokens
    #[arg(long, value_name = "PATH")]
    module: Option<PathBuf>,
    /// Do not import the public key
    #[arg(long)]
    no_public_key: bool,
    /// The user PIN
    #[arg(long, value_name = "PIN")]
    pin: Option<String>,
    /// The token with this serial number
    #[arg(long, value_name = "NUMBER")]
    serial: Option<String>,
    /// The token in this slot
    #[arg(long, value_name = "NUMBER")]
    slot: Option<u64>,
    /// The security officer's PIN
    #[arg(long, value_name = "PIN")]
    so_pin: Option<String>,
    /// The token with this label
    #[arg(long, value_name = "LABEL")]
    token: Option<String>,
}

/// Makes, shows and deletes tokens, and imports keys, with the options and answers of softhsm2-util
//
// The options alone, for the usage text.
#[derive(Parser)]
#[command(name = "softhsm2-util", disable_version_flag = true)]
struct Alone {
    #[command(flatten)]
    _arguments: Arguments,
}

impl Arguments {
    pub fn run(self) -> Result<Exit> {
        // The original knows one code for every failure.
        self.act().map_err(|failure| Failure { exit: Exit::Error, ..failure })
    }

    fn act(&self) -> Result<Exit> {
        if self.pin.is_some() || self.so_pin.is_some() || self.file_pin.is_some() {
            eprintln!(
                "warning: a PIN on the command line can be read by every user of this machine; \
                 leave it out and set COFFER_PIN and COFFER_SO_PIN instead"
            );
        }
        if self.module.is_some() {
            eprintln!("warning: --module is passed over; this is `coffer`, which works on Coffer tokens");
        }
        match (self.init_token, self.show_slots, &self.import, self.delete_token, self.version) {
            (true, false, None, false, false) => self.initialise(),
            (false, true, None, false, false) => self.slots(),
            (false, false, Some(path), false, false) => self.import_file(path),
            (false, false, None, true, false) => self.delete(),
            (false, false, None, false, true) => output::line(env!("CARGO_PKG_VERSION")),
            (false, false, None, false, false) => {
                output::line(&Alone::command().render_help().to_string())?;
                return Ok(Exit::Error);
            }
            _ => Err(Failure::new("more than one action is given")
                .advise("give one of --init-token, --show-slots, --import, --delete-token, --version")),
        }?;
        Ok(Exit::Success)
    }

    fn initialise(&self) -> Result<()> {
        let context = Context::load()?;
        let slot = if self.free {
            let slot = context.free_slot().ok_or_else(|| Failure::new("there is no free slot"))?;
            output::line(&format!("Slot {} has a free/uninitialized token.", slot.0))?;
            slot
        } else {
            self.slot(&context)?
        };
        let label = self
            .label
            .as_deref()
            .ok_or_else(|| Failure::new("a label for the token is needed").advise("give it with --label"))?;
        init::check_label(label)?;
        let so_pin = self.so_pin()?;
        let pin = self.user_pin()?;
        let rules = (Profile::Compatible, &Settings::default());
        init::make(&context, slot, label, rules, &so_pin, Some(&pin))?;
        output::line(&format!("The token has been initialized and is reassigned to slot {}", slot.0))
    }

    fn import_file(&self, path: &std::path::Path) -> Result<()> {
        let context = Context::load()?;
        let token = self.token(&context)?;
        let label = self
            .label
            .clone()
            .ok_or_else(|| Failure::new("a label for the object is needed").advise("give it with --label"))?;
        let id = self.id.as_deref().ok_or_else(|| {
            Failure::new("an id for the object is needed").advise("give it in hexadecimal with --id")
        })?;
        let wishes = Wishes {
            label,
            label_given: true,
            id: Some(output::unhex(id).map_err(Failure::new)?),
            public_key: !self.no_public_key,
            uses: Uses::default(),
            protection: Protection::default(),
            force: self.force,
        };
        let file = read_file(path)?;
        let passphrase = || match &self.file_pin {
            Some(pin) => Ok(Secret::copy_of(pin.as_bytes())),
            None => Passphrase::default().source().read(None),
        };
        let items = if self.aes { Vec::new() } else { keyfile::read(&file, &passphrase)? };
        let session = context.session(token.slot, true)?;
        log_in(&session, CKU_USER, &self.user_pin()?, &token)?;
        if self.aes {
            secret_of_type(&session, CKK_AES, file, &wishes)?;
            return output::line("The key has been imported.");
        }
        import(&session, items, &wishes)?;
        output::line("The key pair has been imported.")
    }

    fn delete(&self) -> Result<()> {
        let context = Context::load()?;
        if self.token.is_none() && self.serial.is_none() {
            return Err(
                Failure::new("the token to delete is not named").advise("name it with --token or --serial")
            );
        }
        let token = self.token(&context)?;
        let path = delete::delete_token(&context, &token)?;
        output::line(&format!("The token ({}) has been deleted.", path.display()))
    }

    fn user_pin(&self) -> Result<Secret> {
        match &self.pin {
            Some(pin) => Ok(Secret::copy_of(pin.as_bytes())),
            None if self.init_token => UserPin::default().source().read_new(),
            None => UserPin::default().source().read(None),
        }
    }

    fn so_pin(&self) -> Result<Secret> {
        match &self.so_pin {
            Some(pin) => Ok(Secret::copy_of(pin.as_bytes())),
            None => SoPin::default().source().read_new(),
        }
    }

    /// The slot that an option names; it may be the free one.
    fn slot(&self, context: &Context) -> Result<SlotId> {
        match self.slot.map(SlotId) {
            Some(slot) if context.module.slots().contains(&slot) => Ok(slot),
            Some(slot) => Err(Failure::new(format!("CKR_SLOT_ID_INVALID: Slot {} does not exist.", slot.0))),
            None => Ok(self.token(context)?.slot),
        }
    }

    fn token(&self, context: &Context) -> Result<Found> {
        if self.slot.is_none() && self.token.is_none() && self.serial.is_none() {
            return Err(Failure::new("the slot or token is not named")
                .advise("name it with --slot, --token or --serial"));
        }
        let wanted = Uri {
            token: self.token.clone(),
            serial: self.serial.clone(),
            slot_id: self.slot,
            ..Uri::default()
        };
        let token = context.token(&wanted)?;
        if self.slot.is_none() {
            let what = if self.token.is_some() { "token label" } else { "serial number" };
            output::line(&format!("Found slot {} with matching {what}.", token.slot.0))?;
        }
        Ok(token)
    }

    fn slots(&self) -> Result<()> {
        let context = Context::load()?;
        output::line("Available slots:")?;
        for slot in context.module.slots() {
            let info = context.module.token_info(slot)?;
            let (label, serial) = match &info.identity {
                Some(identity) => (identity.label_text(), identity.serial_text()),
                None => Default::default(),
            };
            let is = |flag| if info.flags & flag != 0 { "yes" } else { "no" };
            let version = concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));
            let line = |name: &str, value: &str| output::line(&format!("        {name:<17} {value}"));
            output::line(&format!("Slot {}", slot.0))?;
            output::line("    Slot info:")?;
            line("Description:", &format!("{:<64}", format!("{MANUFACTURER} slot {}", slot.0)))?;
            line("Manufacturer ID:", &format!("{MANUFACTURER:<32}"))?;
            line("Hardware version:", version)?;
            line("Firmware version:", version)?;
            line("Token present:", "yes")?;
            output::line("    Token info:")?;
            line("Manufacturer ID:", &format!("{MANUFACTURER:<32}"))?;
            line("Model:", &format!("{MODEL:<16}"))?;
            line("Hardware version:", version)?;
            line("Firmware version:", version)?;
            line("Serial number:", &format!("{serial:<16}"))?;
            line("Initialized:", is(CKF_TOKEN_INITIALIZED))?;
            line("User PIN init.:", is(CKF_USER_PIN_INITIALIZED))?;
            line("Label:", &format!("{label:<32}"))?;
        }
        Ok(())
    }
}
