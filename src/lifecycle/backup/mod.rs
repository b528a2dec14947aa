//! Escrow and backup: recovery keys in shares, and files that open with a quorum of them (`docs/backup-format.md`).
//!
//! Nothing here is reached through a C function. Reading a token's values out needs its user logged in.

mod armour;
pub(super) mod bytes;
mod choice;
mod entry;
pub(super) mod error;
mod header;
pub(super) mod passphrase;
mod recipient;
mod records;
mod restore;
mod seal;
mod share;
mod stream;
#[cfg(test)]
mod stream_tests;
mod write;
// What splits and combines recovery keys: for the tool alone.
#[cfg(feature = "cli")]
mod make;
#[cfg(feature = "cli")]
mod set;

pub use choice::{Choice, is_stateful_key};
pub use entry::{Copy, Counts, Destroyed, Entry, LeftOut, Reason};
pub use error::{Error, Result};
pub use header::{Header, Recipient, Set, signer_id};
#[cfg(feature = "cli")]
pub use make::{NewSet, combined, reset_pin, resetting_set};
pub use passphrase::Protection;
pub use recipient::{PublicHalf, Seed, WRAPPED_LEN};
pub use records::{BackupRecord, RecoverySet, backups, destroyed, is_own, own_signer_id, recovery_sets};
pub use restore::{Inside, Outcome, Rules, check, remember, restore};
#[cfg(feature = "cli")]
pub use set::{SetRules, check_rule, combine, split};
pub use share::{Opened, SetId, Share, ShareHead};
pub use stream::{Contents, Survey, survey};
pub use write::{Made, Plan, record, recovery_recipient, write};
