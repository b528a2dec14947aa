//! Objects that nobody has made: hardware features and mechanisms (PKCS#11 3.2, 4.3 and 4.12).

use crate::expect::{Check, Verdict, holds};
use crate::scenario::{Host, Scenario, mechanisms};
use crate::session::Session;
use crate::template::Template;
use cryptoki_sys::*;

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
        "a search that does not name the class finds neither features nor mechanisms",
        |h| {
            let session = h.user()?;
            for object in session.find(&Template::new())? {
                let class = session.ulong(object, CKA_CLASS)?;
                holds("another class", class != CKO_HW_FEATURE && class != CKO_MECHANISM)?;
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
];

/// The objects of a class; not supported where there are none.
fn of_class(session: &Session, template: Template, class: CK_OBJECT_CLASS) -> Check<Vec<CK_OBJECT_HANDLE>> {
    let found = session.find(&template.class(class))?;
    if found.is_empty() {
        return Err(Verdict::NotSupported("the token has no such objects".into()));
    }
    Ok(found)
}
