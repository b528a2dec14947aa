//! Objects that are there without having been made: the clock (PKCS#11 section 4.3.2) and the mechanisms (section 4.12).
//! Only a search that names their class finds them, and nothing changes them.

use crate::ck::*;
use crate::config::Config;
use crate::mechanism;
use crate::object::{Attributes, SearchTemplate, Value};
use crate::token::{ObjectHandle, utc_time};

/// The handle of the clock; the mechanisms follow it in the order of the table. The handles of made objects count from one
/// and do not come so far.
const CLOCK: CK_OBJECT_HANDLE = 1 << 48;

/// The attributes of a built-in object; `None` for every other handle.
pub(super) fn attributes(handle: ObjectHandle, config: &Config) -> Option<Attributes> {
    match handle.0.checked_sub(CLOCK)? {
        0 => Some(Attributes::from_iter([
            (CKA_CLASS, Value::Ulong(CKO_HW_FEATURE)),
            (CKA_HW_FEATURE_TYPE, Value::Ulong(CKH_CLOCK)),
            (CKA_VALUE, Value::Bytes(utc_time().to_vec())),
        ])),
        place => {
            let row = mechanism::all().get(usize::try_from(place).ok()?.checked_sub(1)?)?;
            config.offers(row.name, row.is_legacy()).then(|| {
                Attributes::from_iter([
                    (CKA_CLASS, Value::Ulong(CKO_MECHANISM)),
                    (CKA_MECHANISM_TYPE, Value::Ulong(row.id)),
                ])
            })
        }
    }
}

/// What a search finds that names the class of built-in objects; `None` for other searches.
pub(super) fn find(search: &SearchTemplate, config: &Config) -> Option<Vec<ObjectHandle>> {
    let class = search.ulong(CKA_CLASS).filter(|class| matches!(*class, CKO_HW_FEATURE | CKO_MECHANISM))?;
    let count = match class {
        CKO_HW_FEATURE => 0..=0,
        _ => 1..=mechanism::all().len() as CK_OBJECT_HANDLE,
    };
    let matches = |handle: &ObjectHandle| {
        attributes(*handle, config).is_some_and(|held| {
            !search.matches_nothing()
                && search.attributes().iter().all(|(id, wanted)| held.value(id) == Some(wanted))
        })
    };
    Some(count.map(|place| ObjectHandle(CLOCK + place)).filter(matches).collect())
}
