//! Keys that are destroyed, as their tombstones tell of them.

use coffer_pkcs11::lifecycle::destruction::{self, Tombstone};
use coffer_pkcs11::session::Session;
use serde::Serialize;

use crate::dates::moment;
use crate::failure::Result;
use crate::output;
use crate::uri::{Class, Uri};

/// A key that was destroyed in the token.
#[derive(Serialize)]
pub struct Destroyed {
    label: String,
    #[serde(rename = "type")]
    class: String,
    unique_id: String,
    destroyed: String,
    program: String,
    uid: u32,
    reason: String,
    /// What `coffer destroy certificate` takes; `None` where the object was deleted, which makes none.
    certificate: Option<String>,
}

/// All of them that fit a label and a type, the oldest first. The token remembers no id (CKA_ID) of them.
pub fn of(session: &Session, wanted: &Uri) -> Result<Vec<Destroyed>> {
    let tombstones = destruction::tombstones(session.token())?;
    let fits = |tombstone: &Tombstone| {
        wanted.id.is_none()
            && wanted.object.as_ref().is_none_or(|label| *label == tombstone.key.label)
            && wanted.class.is_none_or(|class| class.id() == tombstone.key.class)
    };
    Ok(tombstones.into_iter().filter(fits).map(destroyed).collect())
}

fn destroyed(tombstone: Tombstone) -> Destroyed {
    let class = tombstone.key.class;
    Destroyed {
        label: tombstone.key.label,
        class: Class::of(class).map_or_else(|| format!("class-{class:#x}"), |class| class.name().into()),
        unique_id: tombstone.key.unique_id,
        destroyed: moment(tombstone.time),
        program: tombstone.program,
        uid: tombstone.uid,
        reason: tombstone.reason,
        certificate: Some(tombstone.certificate).filter(|certificate| !certificate.is_empty()),
    }
}

/// The keys as a table for people.
pub fn table(keys: Vec<Destroyed>) -> String {
    let rows = keys.into_iter().map(|key| {
        let who = format!("{} uid {}", key.program, key.uid);
        let certificate = key.certificate.unwrap_or_else(|| "none".into());
        vec![key.class, key.label, key.unique_id, key.destroyed, who, key.reason, certificate]
    });
    let headings = ["type", "label", "unique id", "destroyed", "by", "reason", "certificate"];
    output::table(&headings, rows.collect())
}
