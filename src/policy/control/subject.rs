//! What a request is about, so exactly that nothing else can be done with it.

use std::fmt;

use super::super::access::Role;
use crate::crypto::digest::Hash;
use crate::error::Result;

const SETTINGS: &str = "settings ";

/// What an operation is done to. Its text is signed and compared; the forms are those of docs/token-format.md.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject(pub(super) String);

impl Subject {
    /// A key, by its CKA_UNIQUE_ID.
    pub fn key(unique_id: &str) -> Self {
        Self(format!("key {unique_id}"))
    }

    /// A key that is wrapped under one key, and no other.
    pub fn wrapped(unique_id: &str, wrapping_key: &str) -> Self {
        Self(format!("key {unique_id} under {wrapping_key}"))
    }

    /// A backup that takes in signature keys.
    pub fn signing_backup() -> Self {
        Self("backup with signature keys".into())
    }

    /// New settings, by the SHA-256 of what would be written of them. Errors: those of the engine.
    pub fn settings(proposal: &[u8]) -> Result<Self> {
        let digest = Hash::Sha256.digest(proposal)?;
        let digest: String = digest.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self(format!("{SETTINGS}{digest}")))
    }

    /// Whether a proposal is what the subject says: that of settings is, others have none.
    pub(super) fn fits(&self, proposal: &[u8]) -> bool {
        match self.0.starts_with(SETTINGS) {
            true => Self::settings(proposal).is_ok_and(|subject| subject == *self),
            false => proposal.is_empty(),
        }
    }

    pub fn account_added(name: &str, role: Role) -> Self {
        Self(format!("add account {name} {}", role.name()))
    }

    pub fn account_removed(name: &str) -> Self {
        Self(format!("remove account {name}"))
    }

    pub fn account_pin(name: &str) -> Self {
        Self(format!("pin of account {name}"))
    }

    pub fn user_pin() -> Self {
        Self("pin of user".into())
    }

    /// A new recovery key whose shares set user PINs.
    pub fn recovery_key() -> Self {
        Self("recovery key".into())
    }

    pub fn clock() -> Self {
        Self("clock".into())
    }

    /// An exception for a key; `until`: seconds since 1970 UTC.
    pub fn exception(unique_id: &str, until: u64) -> Self {
        Self(format!("exception {unique_id} {until}"))
    }

    /// The whole token, which is initialised anew.
    pub fn token() -> Self {
        Self("token".into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
