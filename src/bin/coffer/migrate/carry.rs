//! Doing what a plan says: objects are made a few dozen at a time, each time all or none of them.

use coffer_pkcs11::ck::*;
use coffer_pkcs11::object::{Template, Value};
use coffer_pkcs11::session::Session;
use coffer_pkcs11::token::ObjectHandle;

use super::plan::{Step, Verdict};
use crate::failure::{Failure, Result};
use crate::progress::Progress;

/// Objects in a transaction; the halves of a pair are not parted, so there may be a few more.
const TOGETHER: usize = 32;

/// Makes the objects that move; their events tell the source. Answers the handles of those that were trusted at the source.
pub fn out(steps: &[Step], source: &str, session: &Session) -> Result<Vec<ObjectHandle>> {
    let moving: Vec<(&Step, &Template)> = steps
        .iter()
        .filter_map(|step| match &step.verdict {
            Verdict::Move(template) => Some((step, template)),
            _ => None,
        })
        .collect();
    let progress = Progress::new("migrating");
    let mut trusted = Vec::new();
    let mut done = 0;
    while let Some(rest) = moving.get(done..).filter(|rest| !rest.is_empty()) {
        let together = rest.get(..length(rest)).unwrap_or(rest);
        let templates: Vec<Template> = together.iter().map(|(_, template)| (*template).clone()).collect();
        let handles = session.migrate_objects(&templates, source).map_err(|error| {
            Failure::from(error).while_doing(&format!(
                "{done} of {} objects were migrated, then the token refused the next {}",
                moving.len(),
                together.len()
            ))
        })?;
        let asked = together.iter().zip(handles).filter(|((step, _), _)| is_trusted(step));
        trusted.extend(asked.map(|(_, handle)| handle));
        done += together.len();
        progress.show(done as u64, moving.len() as u64);
    }
    Ok(trusted)
}

/// How many of the next objects go into one transaction.
fn length(rest: &[(&Step, &Template)]) -> usize {
    let id = |index: usize| rest.get(index).map(|(step, _)| step.item.id());
    let mut length = TOGETHER.min(rest.len());
    while length < rest.len() && id(length) == id(length - 1) && length < 2 * TOGETHER {
        length += 1;
    }
    length
}

pub fn is_trusted(step: &Step) -> bool {
    step.item.attributes.is_true(CKA_TRUSTED)
}

/// Sets CKA_TRUSTED as the security officer, who sees public objects only. Answers how many of them got it.
pub fn trust(session: &Session, handles: &[ObjectHandle]) -> Result<usize> {
    let mut template = Template::new();
    template.push_value(CKA_TRUSTED, Value::Bool(true))?;
    Ok(handles.iter().filter(|handle| session.set_attribute_values(**handle, &template).is_ok()).count())
}
