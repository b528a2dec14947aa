//! When keys were last used, as far as anybody knows: a key with a limit counts its uses, and an audit log of the mode `uses`
//! tells of them. Others leave no trace, because the use of a key writes nothing.

use std::collections::HashMap;
use std::fs::File;

use coffer_pkcs11::ck::CKA_COFFER_LAST_USED;
use coffer_pkcs11::ck::{CKA_COFFER_BYTE_LIMIT, CKA_COFFER_USE_LIMIT};
use coffer_pkcs11::lifecycle::log;
use coffer_pkcs11::object::Attributes;
use coffer_pkcs11::token::AuditMode;

use super::day;
use crate::context::{Context, Found};

/// Who knows when a key was last used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Witness {
    /// The counter of its limit, when it reserved uses: a time before the last use, and of protecting alone.
    Limit,
    /// The audit log, unverified; and what was used before the log told of uses, it does not know.
    AuditLog,
    Nobody,
}

/// The last use of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastUse {
    /// Seconds since 1970 UTC; `None` where the witness has seen none.
    pub time: Option<u64>,
    pub witness: Witness,
}

impl LastUse {
    /// In JSON and CSV.
    pub fn witness_name(self) -> &'static str {
        match self.witness {
            Witness::Limit => "limit",
            Witness::AuditLog => "audit-log",
            Witness::Nobody => "not-recorded",
        }
    }

    /// For people.
    pub fn told(self) -> String {
        match (self.time, self.witness) {
            (Some(time), _) => day(time),
            (None, Witness::Nobody) => "not recorded".into(),
            (None, _) => "no use told".into(),
        }
    }
}

/// What the audit log of a token tells of uses.
pub struct Told {
    /// By CKA_UNIQUE_ID.
    uses: HashMap<String, u64>,
    /// Every use is told now.
    all: bool,
}

impl Told {
    /// Reads the log that stands beside the token. One that cannot be read tells nothing (`coffer audit verify` says why).
    pub fn by(context: &Context, token: &Found) -> Self {
        let audit = &token.settings.audit;
        let path = context.module.slot_info(token.slot).map(|slot| log::path_beside(&slot.path));
        let file = audit.log.and_then(|_| File::open(path.ok()?).ok());
        let uses = file.and_then(|file| log::last_uses(file).ok().flatten());
        Self { all: uses.is_some() && audit.mode == AuditMode::Uses, uses: uses.unwrap_or_default() }
    }

    /// The last use of a key, of which this is all that the token says.
    pub fn of(&self, unique_id: &str, attributes: &Attributes) -> LastUse {
        let limited =
            [CKA_COFFER_USE_LIMIT, CKA_COFFER_BYTE_LIMIT].iter().any(|limit| attributes.contains(*limit));
        let (counted, told) = (attributes.ulong(CKA_COFFER_LAST_USED), self.uses.get(unique_id).copied());
        let witness = match (counted, told) {
            (_, Some(told)) if counted.is_none_or(|counted| counted <= told) => Witness::AuditLog,
            (Some(_), _) => Witness::Limit,
            (None, _) if self.all => Witness::AuditLog,
            (None, _) if limited => Witness::Limit,
            (None, _) => Witness::Nobody,
        };
        LastUse { time: counted.max(told), witness }
    }
}

#[cfg(test)]
mod tests {
    use coffer_pkcs11::object::Value;

    use super::*;

    fn last_use(attributes: &[(u64, u64)], uses: &[(&str, u64)], all: bool) -> LastUse {
        let uses = uses.iter().map(|(id, time)| (id.to_string(), *time)).collect();
        let attributes = attributes.iter().map(|(id, value)| (*id, Value::Ulong(*value))).collect();
        Told { uses, all }.of("key", &attributes)
    }

    #[test]
    fn the_later_witness_is_believed_and_nobody_is_not_taken_for_never() {
        let (limit, counted) = ((CKA_COFFER_USE_LIMIT, 10), (CKA_COFFER_LAST_USED, 5));
        let told = |time, witness| LastUse { time, witness };
        assert_eq!(last_use(&[], &[], false), told(None, Witness::Nobody));
        assert_eq!(last_use(&[], &[("other", 7)], false), told(None, Witness::Nobody));
        assert_eq!(last_use(&[], &[], true), told(None, Witness::AuditLog));
        assert_eq!(last_use(&[limit], &[], false), told(None, Witness::Limit));
        assert_eq!(last_use(&[limit, counted], &[], true), told(Some(5), Witness::Limit));
        assert_eq!(last_use(&[limit, counted], &[("key", 4)], true), told(Some(5), Witness::Limit));
        assert_eq!(last_use(&[limit, counted], &[("key", 6)], false), told(Some(6), Witness::AuditLog));
        assert_eq!(last_use(&[], &[("key", 6)], false), told(Some(6), Witness::AuditLog));
        assert_eq!(last_use(&[], &[], false).told(), "not recorded");
        assert_eq!(last_use(&[], &[], true).told(), "no use told");
    }
}
