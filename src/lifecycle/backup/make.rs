//! Making recovery keys, and what a quorum of their shares does besides opening backups.

use super::error::{Error, Result, damaged};
use super::recipient::Seed;
use super::records::{RecoverySet, own_signer_id};
use super::set::{SetRules, combine, split};
use super::share::{Opened, SetId};
use crate::error;
use crate::secret::Secret;
use crate::token::{Token, What};

/// A recovery key that was split, and that the token does not know yet. Its shares must be in their custodians' hands before
/// `keep`: from then on backups are made for it.
pub struct NewSet {
    pub set: RecoverySet,
    /// One for each custodian.
    pub shares: Vec<Opened>,
}

impl NewSet {
    /// Makes a recovery key and splits it, and tries quorums in which every share has its part. Errors: `Refused` for rules
    /// and names; CKR_USER_NOT_LOGGED_IN.
    pub fn make(token: &Token, threshold: u8, custodians: &[String], now: u64) -> Result<Self> {
        token.check_exports()?;
        let rules = SetRules {
            threshold,
            custodians,
            token: token.uuid(),
            serial: token.identity()?.serial,
            made: now,
            signer_id: own_signer_id(token)?,
        };
        let seed = Seed::random()?;
        let shares = split(&seed, &rules)?;
        for quorum in shares.windows(threshold.into()) {
            if combine(quorum)? != seed {
                return Err(damaged("the shares that were made do not give the key"));
            }
        }
        let head = shares.first().map(|share| share.head.clone());
        let head = head.ok_or_else(|| damaged("no shares were made"))?;
        let set = RecoverySet { head, custodians: custodians.to_vec(), public: seed.public_half()? };
        Ok(Self { set, shares })
    }

    /// Tells the token of it, as [`RecoverySet::keep`].
    pub fn keep(&self, token: &Token) -> Result<()> {
        self.set.keep(token)
    }
}

/// The set whose shares set a new user PIN; `None`: there is none.
pub fn resetting_set(token: &Token) -> Result<Option<SetId>> {
    Ok(token.recovery_entry()?.map(SetId))
}

/// Gives the user a new PIN, with the shares of a quorum and without any other PIN; nothing is lost. Errors: `Refused` where
/// no shares reset; `Mismatch` for those of another set; `Quorum` for too few; `Damaged` where the token does not open with what
/// they give; CKR_PIN_LEN_RANGE, CKR_PIN_INVALID for the PIN.
pub fn reset_pin(token: &Token, shares: &[Opened], pin: &Secret) -> Result<()> {
    let wanted = resetting_set(token)?
        .ok_or_else(|| Error::Refused("the token has no recovery set whose shares set a user PIN".into()))?;
    for share in shares {
        let set = share.head.set_id()?;
        if set != wanted {
            let (whose, number) = (&share.custodian, share.number);
            return Err(Error::Mismatch(format!(
                "the share of {whose} (number {number}) is of set {set}, and the user PIN is set with shares of set {wanted}"
            )));
        }
    }
    let seed = combine(shares)?;
    let names: Vec<&str> = shares.iter().map(|share| share.custodian.as_str()).collect();
    let detail = format!("with the shares of {} (set {wanted})", names.join(", "));
    token.reset_user_pin(&seed.0, pin, &detail).map_err(|error| match error {
        error::Error::PinIncorrect => {
            damaged("the token does not open with what the shares of its recovery set give")
        }
        error => error.into(),
    })
}

/// Tells the token whose shares gave its recovery key back; nothing where there are none.
pub fn combined(token: &Token, shares: &[Opened]) -> Result<()> {
    let Some(first) = shares.first() else { return Ok(()) };
    let names: Vec<&str> = shares.iter().map(|share| share.custodian.as_str()).collect();
    let detail = format!("set {}: the shares of {}", first.head.set_id()?, names.join(", "));
    Ok(token.transact(|batch| {
        batch.event(token.event(What::SharesCombined).detail(&detail));
        Ok(())
    })?)
}
