//! Objects that are there without having been made: the clock (PKCS#11 section 4.3.2), the mechanisms (section 4.12) and the
//! profiles (section 4.13). Only a search that names their class finds them, and nothing changes them. Validation objects
//! (section 4.15) are none of them: no part of this library has been validated by anybody.

use crate::ck::*;
use crate::config::Config;
use crate::mechanism;
use crate::object::{Attributes, SearchTemplate, Value};
use crate::token::{ObjectHandle, utc_time};

/// The handle of the clock; the mechanisms follow it in the order of the table. The handles of made objects count from one
/// and do not come so far.
const CLOCK: CK_OBJECT_HANDLE = 1 << 48;

/// The handle of the first profile.
const FIRST_PROFILE: CK_OBJECT_HANDLE = 1 << 49;

/// A profile of the "PKCS #11 Profiles" document, and the mechanism without which a token does not fulfil it.
struct Profile {
    id: CK_PROFILE_ID,
    needs: Option<&'static str>,
}

/// Those whose conditions are met. `tests/profiles/permitted.txt` has what differs from the letter of their mandatory test cases, and
/// docs/conformance.md on which grounds they are published all the same. CKP_COMPLETE_PROVIDER, which asks for every
/// mechanism, is none of them: that page shows what is missing.
const PROFILES: &[Profile] = &[
    Profile { id: CKP_BASELINE_PROVIDER, needs: None },
    Profile { id: CKP_EXTENDED_PROVIDER, needs: None },
    Profile { id: CKP_AUTHENTICATION_TOKEN, needs: None },
    Profile { id: CKP_PUBLIC_CERTIFICATES_TOKEN, needs: None },
    Profile { id: CKP_HKDF_TLS_TOKEN, needs: Some("CKM_HKDF_DATA") },
];

/// The attributes of a built-in object; `None` for every other handle. `stateful`: the token makes HSS keys.
pub(super) fn attributes(handle: ObjectHandle, config: &Config, stateful: bool) -> Option<Attributes> {
    if let Some(place) = handle.0.checked_sub(FIRST_PROFILE) {
        let profile = PROFILES.get(usize::try_from(place).ok()?)?;
        return profile.needs.is_none_or(|name| config.offers(name, false)).then(|| {
            Attributes::from_iter([
                (CKA_CLASS, Value::Ulong(CKO_PROFILE)),
                (CKA_PROFILE_ID, Value::Ulong(profile.id)),
            ])
        });
    }
    match handle.0.checked_sub(CLOCK)? {
        0 => Some(Attributes::from_iter([
            (CKA_CLASS, Value::Ulong(CKO_HW_FEATURE)),
            (CKA_HW_FEATURE_TYPE, Value::Ulong(CKH_CLOCK)),
            (CKA_VALUE, Value::Bytes(utc_time().to_vec())),
        ])),
        place => {
            let row = mechanism::all().get(usize::try_from(place).ok()?.checked_sub(1)?)?;
            let left = if stateful { 0 } else { row.stateful_flags() };
            let offered = config.offers(row.name, row.is_legacy()) && row.info_flags() & !left != 0;
            offered.then(|| {
                Attributes::from_iter([
                    (CKA_CLASS, Value::Ulong(CKO_MECHANISM)),
                    (CKA_MECHANISM_TYPE, Value::Ulong(row.id)),
                ])
            })
        }
    }
}

/// What a search finds that names the class of built-in objects; `None` for other searches.
pub(super) fn find(search: &SearchTemplate, config: &Config, stateful: bool) -> Option<Vec<ObjectHandle>> {
    let (first, count) = match search.ulong(CKA_CLASS)? {
        CKO_HW_FEATURE => (CLOCK, 1),
        CKO_MECHANISM => (CLOCK + 1, mechanism::all().len()),
        CKO_PROFILE => (FIRST_PROFILE, PROFILES.len()),
        _ => return None,
    };
    let matches = |handle: &ObjectHandle| {
        attributes(*handle, config, stateful).is_some_and(|held| {
            !search.matches_nothing()
                && search.attributes().iter().all(|(id, wanted)| held.value(id) == Some(wanted))
        })
    };
    let handles = (first..).take(count).map(ObjectHandle);
    Some(handles.filter(matches).collect())
}
