//! The test of this program: a proxy breaks one behaviour of a module at a time, and the scenario for that
//! behaviour must fail. With nothing broken it must pass.

use crate::runner::{Options, Prepared, Status};
use crate::scenarios::{self, Entry};
use crate::setup::ModuleSpec;
use std::path::Path;
use std::time::Duration;

/// A break of the proxy and the scenario that must notice it.
const BREAKS: &[(&str, &str)] = &[
    ("initialize-twice-ok", "general/initialize-twice"),
    ("finalize-does-nothing", "general/finalize-twice"),
    ("info-with-zero-bytes", "general/info-is-complete"),
    ("info-kills-the-host", "general/info-is-complete"),
    ("info-hangs", "general/info-is-complete"),
    ("status-ok", "general/legacy-functions-are-not-parallel"),
    ("slot-list-short-buffer-ok", "slots/list-into-short-buffer"),
    ("mechanism-listed-twice", "slots/mechanisms-are-listed-once"),
    ("mechanism-info-missing", "slots/every-listed-mechanism-has-info"),
    ("init-token-with-any-pin", "slots/init-token-with-wrong-pin"),
    ("init-token-with-sessions", "slots/init-token-with-open-session"),
    ("set-pin-does-nothing", "login/set-pin-by-user"),
    ("open-without-serial", "sessions/open-without-serial-flag"),
    ("read-only-is-read-write", "sessions/read-only-session-creates-no-token-object"),
    ("close-does-nothing", "sessions/closed-handle-is-invalid"),
    ("state-is-always-public", "sessions/user-login-changes-all-sessions"),
    ("login-with-any-pin", "login/wrong-user-pin"),
    ("login-twice-ok", "login/login-twice"),
    ("logout-does-nothing", "login/logout-hides-private-token-objects"),
    ("create-forgets-token", "objects/token-object-stays"),
    ("copy-returns-the-original", "objects/copy-an-object"),
    ("destroy-does-nothing", "objects/destroy-an-object"),
    ("attribute-sensitive-ok", "attributes/sensitive-attribute-does-not-stop-the-others"),
    ("attribute-short-buffer-ok", "attributes/short-buffer"),
    ("attribute-error-stops-all", "attributes/unknown-attribute-does-not-stop-the-others"),
    ("set-attribute-does-nothing", "objects/set-a-label"),
    ("find-ignores-template", "find/by-label"),
    ("find-skips-last", "find/many-objects"),
    ("find-final-does-nothing", "find/next-after-final"),
    ("encrypt-with-zero-iv", "aes/cbc"),
    ("encrypt-query-is-zero", "buffers/encrypt-length-query"),
    ("decrypt-query-ends", "buffers/decrypt-length-query"),
    ("decrypt-length-off-by-one", "buffers/decrypt-large-buffer"),
    ("key-type-not-named", "operations/encrypt-with-wrong-type-of-key"),
    ("digest-init-twice-ok", "operations/digest-init-twice"),
    ("digest-writes-behind", "buffers/digest-short-buffer"),
    ("digest-key-digests-nothing", "digest/digest-of-a-key"),
    ("digest-final-does-not-end", "operations/digest-ends-after-final"),
    ("sign-flips-a-bit", "hmac/sha256-long-key"),
    ("sign-ignores-short-buffer", "buffers/sign-short-buffer"),
    ("sign-update-forgets", "operations/sign-parts-equal-the-whole"),
    ("verify-always-ok", "operations/verify-rejects-other-data"),
    ("verify-length-is-invalid", "operations/short-signature-is-a-length-error"),
    ("generate-key-of-16-bytes", "aes/generate-every-size"),
    ("generate-pair-swaps", "rsa/generate-2048"),
    ("wrap-not-wrappable", "wrap/unextractable-key"),
    ("random-is-constant", "random/bytes-differ"),
];

/// Runs all breaks on a module; true when each was noticed.
pub fn run(module: &ModuleSpec, proxy: &Path, options: Options) -> Result<bool, String> {
    if !proxy.exists() {
        return Err(format!(
            "{} is not there: build the workspace member p11-conformance-proxy",
            proxy.display()
        ));
    }
    let entries = scenarios::all();
    let sound = Prepared::new(&through(module, proxy, ""), options)?;
    let (mut passed, mut failed) = (0, 0);
    for (name, id) in BREAKS {
        let entry =
            entries.iter().find(|entry| entry.id() == *id).ok_or(format!("no scenario is named {id}"))?;
        let verdict = check(&sound, &through(module, proxy, name), entry, options);
        match verdict {
            Ok(got) => {
                passed += 1;
                println!("noticed      {name}: {id}: {got}");
            }
            Err(why) => {
                failed += 1;
                println!("NOT noticed  {name}: {id}: {why}");
            }
        }
    }
    println!("proxy-selftest: {passed} passed, {failed} failed");
    Ok(failed == 0)
}

/// The module behind the proxy.
fn through(module: &ModuleSpec, proxy: &Path, name: &str) -> ModuleSpec {
    let mut spec = module.clone();
    spec.env.push(("P11_PROXY_MODULE".into(), module.path.to_string_lossy().into_owned()));
    spec.env.push(("P11_PROXY_BREAK".into(), name.into()));
    spec.path = proxy.to_owned();
    spec
}

/// What the scenario saw of the break.
fn check(sound: &Prepared, broken: &ModuleSpec, entry: &Entry, options: Options) -> Result<String, String> {
    match sound.run(entry) {
        Status::Passed => {}
        other => return Err(format!("it does not pass with nothing broken: {other:?}")),
    }
    // A break may be a hang; nothing that is tested here takes long.
    let options = Options { timeout: options.timeout.min(Duration::from_secs(10)), ..options };
    match sound.with(broken, options).run(entry) {
        Status::Failed { got, .. } => Ok(got),
        other => Err(format!("{other:?}")),
    }
}
