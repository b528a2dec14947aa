//! What is told of a token's life: events in the token file, and the audit log beside it (docs/audit.md).

mod common;
#[path = "lifecycle_audit/adversary.rs"]
mod adversary;
#[path = "lifecycle_audit/atomic.rs"]
mod atomic;
#[path = "lifecycle_audit/disk.rs"]
mod disk;
#[path = "lifecycle_audit/refusals.rs"]
mod refusals;
#[path = "lifecycle_audit/sealed.rs"]
mod sealed;
#[path = "lifecycle_audit/telling.rs"]
mod telling;
#[path = "lifecycle_audit/trouble.rs"]
mod trouble;

use std::sync::Arc;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::lifecycle::log::verify::{Against, Checked, Entry, TokenSide};
use coffer_pkcs11::lifecycle::log::{self, Begin, FirstKey, verify};
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::module::Module;
use coffer_pkcs11::object::Value;
use coffer_pkcs11::session::{Output, Session};
use coffer_pkcs11::token::{AuditMode, Event, ObjectHandle, SlotId, Token, What};
use common::{Fixture, bytes, template};

/// A token with a log, and the first key of that.
struct Audited {
    fixture: Fixture,
    first_key: FirstKey,
}

impl Audited {
    fn new(mode: AuditMode) -> Self {
        let fixture = Fixture::new();
        let session = fixture.user_session();
        let begin = Begin { mode, ..Begin::default() };
        let first_key = enable(&fixture.module, &begin).unwrap();
        session.logout().unwrap();
        fixture.module.close_session(session.handle()).unwrap();
        Self { fixture, first_key }
    }

    fn token(&self) -> Arc<Token> {
        self.fixture.module.token(SlotId(0)).unwrap()
    }

    fn path(&self) -> std::path::PathBuf {
        log::path_beside(&self.fixture.module.slot_info(SlotId(0)).unwrap().path)
    }

    /// The log as it is on the disk, after everything was written.
    fn contents(&self) -> Vec<u8> {
        self.token().flush_log(true);
        std::fs::read(self.path()).unwrap()
    }

    /// What the token says of itself. Somebody is logged in.
    fn side(&self) -> TokenSide {
        let token = self.token();
        TokenSide {
            uuid: token.uuid(),
            log: token.settings().unwrap().audit.log,
            tally: token.vault().tally(),
            events: token.events(1).unwrap(),
        }
    }

    fn check(&self, contents: &[u8], side: &TokenSide) -> Checked {
        check(contents, &Against { first_key: Some(&self.first_key), token: Some(side), anchor: None })
    }
}

fn check(contents: &[u8], against: &Against<'_>) -> Checked {
    verify::verify(contents, against, |_| {}).unwrap()
}

/// Begins a log; somebody is logged in.
fn enable(module: &Module, begin: &Begin<'_>) -> Option<FirstKey> {
    let token = module.token(SlotId(0)).unwrap();
    let path = module.slot_info(SlotId(0)).unwrap().path;
    log::enable(&token, module.audit_backend(&path), begin).unwrap()
}

fn entries(contents: &[u8]) -> Vec<Entry> {
    let mut entries = Vec::new();
    assert!(verify::read(contents, |entry| entries.push(entry)).unwrap());
    entries
}

/// What was told, in its order.
fn told(contents: &[u8]) -> Vec<What> {
    entries(contents).into_iter().map(|entry| entry.event.unwrap().what).collect()
}

fn events(contents: &[u8]) -> Vec<Event> {
    entries(contents).into_iter().map(|entry| entry.event.unwrap()).collect()
}

fn secret_key(session: &Session, label: &str, in_file: bool) -> ObjectHandle {
    let wanted = template(&[
        (CKA_TOKEN, Value::Bool(in_file)),
        (CKA_LABEL, bytes(label.as_bytes())),
        (CKA_VALUE_LEN, Value::Ulong(32)),
        (CKA_SIGN, Value::Bool(true)),
        (CKA_VERIFY, Value::Bool(true)),
        (CKA_ENCRYPT, Value::Bool(true)),
        (CKA_DECRYPT, Value::Bool(true)),
        (CKA_WRAP, Value::Bool(true)),
        (CKA_UNWRAP, Value::Bool(true)),
        (CKA_EXTRACTABLE, Value::Bool(true)),
    ]);
    session.generate_key(CKM_AES_KEY_GEN, &Params::None, &wanted).unwrap()
}

/// One MAC.
fn sign(session: &Session, key: ObjectHandle) -> [u8; 16] {
    let mut code = [0; 16];
    session.sign_init(CKM_AES_CMAC, &Params::None, key).unwrap();
    session.sign(b"data", &mut Output::buffer(&mut code)).unwrap();
    code
}
