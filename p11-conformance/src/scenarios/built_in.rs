//! Objects that nobody has made: hardware features, mechanisms and profiles (PKCS#11 3.2, 4.3, 4.12 and 4.13).

use crate::expect::{Check, Verdict, holds, refused};
use crate::scenario::{Host, Scenario, mechanisms};
use crate::session::Session;
use crate::template::Template;
use cryptoki_sys::*;
use std::collections::BTreeSet;

pub const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "clock",
        "4.3.2 CKH_CLOCK",
        "a clock is a hardware feature whose value is the time in sixteen digits",
        |h| {
            let session = h.session()?;
            let clocks =
                of_class(&session, Template::new().ulong(CKA_HW_FEATURE_TYPE, CKH_CLOCK), CKO_HW_FEATURE)?;
            let time = session.attribute(clocks[0], CKA_VALUE)?;
            holds("sixteen digits", time.len() == 16 && time.iter().all(u8::is_ascii_digit))
        },
    ),
    Scenario::new(
        "features-only-by-their-class",
        "4.3 Hardware features",
        "a search that does not name the class finds neither features, mechanisms nor profiles",
        |h| {
            let session = h.user()?;
            for object in session.find(&Template::new())? {
                let class = session.ulong(object, CKA_CLASS)?;
                let built_in = [CKO_HW_FEATURE, CKO_MECHANISM, CKO_PROFILE];
                holds("another class", !built_in.contains(&class))?;
            }
            Ok(())
        },
    ),
    Scenario::new(
        "mechanism-objects",
        "4.12 Mechanism objects",
        "where there are mechanism objects, there is one for each mechanism of the list",
        |h: &Host| -> Check {
            let session = h.session()?;
            let objects = of_class(&session, Template::new(), CKO_MECHANISM)?;
            let told = objects.iter().map(|object| session.ulong(*object, CKA_MECHANISM_TYPE));
            let mut told = told.collect::<Result<Vec<_>, _>>()?;
            let mut list = mechanisms(&h.module, h.token()?)?;
            told.sort_unstable();
            list.sort_unstable();
            holds("the same mechanisms", told == list)
        },
    ),
    Scenario::new(
        "profile-objects",
        "4.13 Profile objects",
        "each profile object names a profile of its own, the Baseline Provider among them, and cannot be destroyed",
        |h: &Host| -> Check {
            let session = h.session()?;
            let objects = of_class(&session, Template::new(), CKO_PROFILE)?;
            let told = objects.iter().map(|object| session.ulong(*object, CKA_PROFILE_ID));
            let told = told.collect::<Result<BTreeSet<_>, _>>()?;
            holds("one object a profile", told.len() == objects.len())?;
            holds("CKP_BASELINE_PROVIDER", told.contains(&CKP_BASELINE_PROVIDER))?;
            for object in &objects {
                refused(session.destroy(*object))?;
            }
            for profile in told {
                let search = Template::new().ulong(CKA_PROFILE_ID, profile);
                holds("found by its number", of_class(&session, search, CKO_PROFILE)?.len() == 1)?;
            }
            Ok(())
        },
    ),
];

/// The objects of a class; not supported where there are none.
fn of_class(session: &Session, template: Template, class: CK_OBJECT_CLASS) -> Check<Vec<CK_OBJECT_HANDLE>> {
    let found = session.find(&template.class(class))?;
    if found.is_empty() {
        return Err(Verdict::NotSupported("the token has no such objects".into()));
    }
    Ok(found)
}
