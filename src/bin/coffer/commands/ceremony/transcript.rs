//! The transcript of a ceremony: who, when, what, fingerprints. No secret is in it.

use std::path::{Path, PathBuf};

use coffer_pkcs11::crypto::digest::Hash;
use coffer_pkcs11::error::Error;
use coffer_pkcs11::lifecycle::backup::{NewSet, Opened};
use coffer_pkcs11::policy::time_text;
use coffer_pkcs11::token::Token;

use super::Plan;
use super::checks::Check;
use super::stage::Handed;
use crate::context::Found;
use crate::escrow;
use crate::failure::{Failure, Result};
use crate::output;

/// A transcript that is being written; it reaches its file at the end.
pub struct Transcript {
    path: PathBuf,
    lines: Vec<String>,
}

impl Transcript {
    /// Refused where the file is there already, before anything is made.
    pub fn begin(path: &Path, plan: &Plan, now: u64) -> Result<Self> {
        if path.symlink_metadata().is_ok() {
            return Err(Failure::new(format!("{} is there already", path.display()))
                .advise("a transcript is never replaced; name another file"));
        }
        let mut transcript = Self { path: path.to_owned(), lines: Vec::new() };
        let user = std::env::var("USER").unwrap_or_default();
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        transcript.line("Transcript of a key ceremony".into());
        transcript.line(String::new());
        transcript.line(format!("software    coffer {}", env!("CARGO_PKG_VERSION")));
        transcript.line(format!("machine     {} (user {user})", host.trim()));
        transcript.line(format!("begun       {}", time_text(now)));
        transcript.line(format!("token       {}", plan.label));
        transcript.line(format!("rule        any {} of {} shares", plan.threshold, plan.custodians.len()));
        for (number, custodian) in (1..).zip(&plan.custodians) {
            transcript.line(format!("custodian   {number}  {custodian}"));
        }
        for witness in &plan.witnesses {
            transcript.line(format!("witness     {witness}"));
        }
        transcript.line(String::new());
        Ok(transcript)
    }

    fn line(&mut self, text: String) {
        self.lines.push(output::printable(&text));
    }

    pub fn say(&mut self, now: u64, what: &str) {
        self.line(format!("{}  {what}", time_text(now)));
    }

    pub fn check(&mut self, check: &Check) {
        self.line(format!("check       {}  {}", if check.passed { "ok    " } else { "FAILED" }, check.what));
    }

    pub fn token(&mut self, now: u64, found: &Found, token: &Token) -> Result<()> {
        self.line(String::new());
        self.say(now, "the token was made");
        self.line(format!("  serial number   {}", found.serial));
        self.line(format!("  uuid            {}", output::hex(&token.uuid())));
        self.line(format!("  profile         {}", found.profile.name()));
        self.line(format!("  so-reset        {}", token.officer_reset()?.name()));
        Ok(())
    }

    pub fn set(&mut self, now: u64, set: &NewSet) -> Result<()> {
        self.say(now, "a recovery key was made and split; it is nowhere but in its shares");
        self.line(format!("  set             {}", set.set.id()?));
        self.line(format!("  recovery key    {}", output::hex(&set.set.head.key_id)));
        for (number, commitment) in (1..).zip(&set.set.head.commitments) {
            self.line(format!("  commitment {number:2}   {}", output::hex(commitment)));
        }
        Ok(())
    }

    pub fn handed(&mut self, now: u64, share: &Opened, handed: &Handed) {
        let closed = if handed.closed { "closed with a passphrase" } else { "not closed with a passphrase" };
        let (number, custodian) = (share.number, &share.custodian);
        self.say(now, &format!("share {number} went to {custodian}: {}; {closed}", handed.how));
    }

    pub fn signer(&mut self, id: &str) {
        self.line(format!("  backups are signed by  {id}"));
    }

    /// Writes it, and answers its SHA-256.
    pub fn finish(mut self, now: u64) -> Result<String> {
        self.line(String::new());
        self.line(format!("ended       {}", time_text(now)));
        self.line(String::new());
        self.line("Signatures of those present:".into());
        let text = self.lines.join("\n") + "\n";
        escrow::write_new(&self.path, text.as_bytes(), false)?;
        let digest = Hash::Sha256.digest(text.as_bytes()).map_err(Error::from)?;
        Ok(output::hex(digest.as_bytes()))
    }
}
