//! The settings of a token, changed later than at its making: what it asks of the life of its keys, and how much is told.
//!
//! Every change of settings goes through here. It is one transaction with the events that tell what was before and what
//! is now; other processes obey it at their next look at the file.

use crate::crypto::digest::Hash;
use crate::error::{Error, Result};
use crate::policy::{Function, Role};
use crate::token::{AuditMode, Settings, Token, What};

use super::approval;

/// A setting that was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub name: &'static str,
    pub before: String,
    pub after: String,
}

/// A setting as people read it, by its name.
pub type Shown = (&'static str, String);

const POLICY: &str = "algorithm policy";
const AUDIT: &str = "audit";
/// Whether the token makes HSS keys and signs with them: `on` or `off`.
pub const STATEFUL: &str = "stateful signatures";

/// Changes settings: `change` makes the new ones of those that are there, and is asked again where somebody else has changed
/// them meanwhile. Answers what is different; nothing is written where nothing is.
///
/// The user may do it, and the SO; in a token whose SO does not hold the keys the SO decides on the audit alone. Errors:
/// CKR_USER_NOT_LOGGED_IN where nobody is logged in, CKR_ACTION_PROHIBITED for who may not, and where
/// others must approve it and have not; CKR_ARGUMENTS_BAD for settings
/// that no token can have, such as a log that is required where there is none.
pub fn change(
    token: &Token,
    reason: Option<&str>,
    change: impl Fn(&mut Settings),
) -> Result<Vec<Difference>> {
    change_telling(token, None, reason, change)
}

/// As `change`; `what`: what has happened, where that is more than a change.
pub(super) fn change_telling(
    token: &Token,
    what: Option<What>,
    reason: Option<&str>,
    change: impl Fn(&mut Settings),
) -> Result<Vec<Difference>> {
    let changed = token.transact(|batch| {
        let (before, after) = batch.settings(&change)?;
        let differences = differences(&before, &after)?;
        permit(token, &before, &after)?;
        let lacks_log = after.audit.required && after.audit.log.is_none();
        if lacks_log || after.quorum_reset != before.quorum_reset {
            return Err(Error::ArgumentsBad);
        }
        if after.audit != before.audit {
            // Whoever turns the telling off is told of, and whoever turns it on, too.
            token.audit_as(AuditMode::Events);
        }
        let (policy, others): (Vec<_>, Vec<_>) =
            differences.iter().partition(|difference| difference.name == POLICY);
        let kinds = [(What::PolicyChanged, policy), (what.unwrap_or(What::SettingsChanged), others)];
        for (what, told) in kinds.into_iter().filter(|(_, told)| !told.is_empty()) {
            batch.event(token.event(what).detail(&detail(&told, reason)));
        }
        Ok(differences)
    });
    token.read_audit();
    changed
}

pub(super) fn permit(token: &Token, before: &Settings, after: &Settings) -> Result<()> {
    let role = token.role();
    let audit_alone = *before == Settings { audit: before.audit.clone(), ..after.clone() };
    let foreign = role == Role::SecurityOfficer && token.vault().separated() && !audit_alone;
    match role {
        Role::Public => Err(Error::UserNotLoggedIn),
        role if !role.may(Function::Configure) || foreign => Err(Error::ActionProhibited),
        _ => Ok(()),
    }
}

fn detail(differences: &[&Difference], reason: Option<&str>) -> String {
    let told =
        differences.iter().map(|Difference { name, before, after }| format!("{name}: {before}, now {after}"));
    let reason = reason.map(|reason| format!("reason: {reason}"));
    told.chain(reason).collect::<Vec<_>>().join("; ")
}

/// What can be changed later, in the words of people.
pub fn shown(settings: &Settings) -> Result<Vec<Shown>> {
    let policy = match (&settings.algorithm_policy, &settings.policy_text) {
        (None, _) => "none".into(),
        (Some(name), None) => name.clone(),
        // Two texts may have one name.
        (Some(name), Some(text)) => format!("{name} (own, SHA-256 {})", fingerprint(text)?),
    };
    let audit = &settings.audit;
    let required = if audit.required { ", required" } else { "" };
    let log = audit.log.map_or(String::new(), |id| format!(", log {}", uuid::Uuid::from_bytes(id).simple()));
    Ok(vec![
        ("lifecycle", settings.lifecycle.name().into()),
        (POLICY, policy),
        ("destruction wait", time(settings.destruction_wait)),
        ("clock tolerance", time(settings.clock_tolerance)),
        (STATEFUL, if settings.stateful_signatures { "on" } else { "off" }.into()),
        (AUDIT, format!("{}{required}{log}", audit.mode.name())),
        ("dual control", settings.control.as_ref().map_or("none".into(), approval::told)),
    ])
}

fn differences(before: &Settings, after: &Settings) -> Result<Vec<Difference>> {
    let pairs = shown(before)?.into_iter().zip(shown(after)?);
    let changed = pairs.filter(|((_, before), (_, after))| before != after);
    Ok(changed.map(|((name, before), (_, after))| Difference { name, before, after }).collect())
}

/// The first bytes of a policy's digest.
fn fingerprint(text: &str) -> Result<String> {
    let digest = Hash::Sha256.digest(text.as_bytes())?;
    Ok(digest.as_bytes().iter().take(8).map(|byte| format!("{byte:02x}")).collect())
}

/// A length of time in the largest unit that tells it wholly.
fn time(seconds: u32) -> String {
    let units = [(86_400, "d"), (3600, "h"), (60, "min")];
    let fits = units.into_iter().find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit));
    fits.map_or_else(|| format!("{seconds}s"), |(unit, name)| format!("{}{name}", seconds / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_the_largest_unit_that_holds() {
        for (seconds, told) in
            [(0, "0s"), (59, "59s"), (300, "5min"), (3601, "3601s"), (7200, "2h"), (604_800, "7d")]
        {
            assert_eq!(time(seconds), told);
        }
    }
}
