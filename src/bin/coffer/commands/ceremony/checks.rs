//! What is looked at before a ceremony makes anything.

use coffer_pkcs11::mechanism::self_test;
use coffer_pkcs11::store::folder;

use crate::care;
use crate::context::Context;

/// One check.
pub struct Check {
    pub what: String,
    pub passed: bool,
}

/// All of them, in their order.
pub fn all(context: &Context) -> Vec<Check> {
    let home = &context.config().home;
    let exposed = home.is_dir() && folder::is_exposed(home, care::store_mode(context.config()));
    let tests: Vec<bool> = self_test::all().map(|test| test.run().is_ok()).collect();
    let wrong = tests.iter().filter(|passed| !**passed).count();
    vec![
        Check {
            what: format!("known answers of {} algorithms, {wrong} of them wrong", tests.len()),
            passed: wrong == 0,
        },
        Check {
            what: format!("nobody else can put files into the folder {}", home.display()),
            passed: !exposed,
        },
        Check { what: "no token file in the folder is damaged".into(), passed: context.damaged().is_empty() },
    ]
}
