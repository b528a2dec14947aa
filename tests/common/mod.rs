//! A token of its own for each test, in a temporary folder.
#![allow(dead_code)]

pub mod world;

use std::sync::Arc;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::config::Config;
use coffer_pkcs11::module::Module;
use coffer_pkcs11::object::{SearchTemplate, Template, Value};
use coffer_pkcs11::policy::Profile;
use coffer_pkcs11::secret::Secret;
use coffer_pkcs11::session::Session;
use coffer_pkcs11::token::{ObjectHandle, SlotId, padded};

pub const SO_PIN: &str = "so-pin-1234";
pub const USER_PIN: &str = "user-pin-1234";

/// A folder for tokens and a module that looks at it.
pub struct Fixture {
    pub folder: tempfile::TempDir,
    pub module: Module,
}

/// The configuration of the tests: as few iterations as Coffer allows.
pub fn config(folder: &tempfile::TempDir) -> Config {
    let mut config = Config::with_home(folder.path());
    config.pin.kdf_iterations = 10_000;
    config
}

impl Fixture {
    /// An empty folder.
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let module = Module::new(config(&folder));
        Self { folder, module }
    }

    /// A token in slot 0 with both PINs set.
    pub fn new() -> Self {
        let fixture = Self::empty();
        fixture.make_token(SlotId(0), "test");
        fixture
    }

    /// The same with a profile.
    pub fn with_profile(profile: Profile) -> Self {
        let fixture = Self::empty();
        fixture.make_token_with(SlotId(0), "test", profile);
        fixture
    }

    pub fn make_token(&self, slot: SlotId, label: &str) {
        self.make_token_with(slot, label, Profile::Compatible);
    }

    fn make_token_with(&self, slot: SlotId, label: &str, profile: Profile) {
        self.module.init_token_with(slot, &secret(SO_PIN), padded(label), profile).unwrap();
        let session = self.open(slot, true);
        session.login(CKU_SO, &secret(SO_PIN)).unwrap();
        session.init_pin(&secret(USER_PIN)).unwrap();
        session.logout().unwrap();
        self.module.close_session(session.handle()).unwrap();
    }

    /// Another process, as far as the token file can tell.
    pub fn second_module(&self) -> Module {
        Module::new(config(&self.folder))
    }

    pub fn open(&self, slot: SlotId, read_write: bool) -> Arc<Session> {
        open(&self.module, slot, read_write)
    }

    /// A read-write session in slot 0 with the user logged in.
    pub fn user_session(&self) -> Arc<Session> {
        user_session(&self.module)
    }
}

pub fn open(module: &Module, slot: SlotId, read_write: bool) -> Arc<Session> {
    let flags = CKF_SERIAL_SESSION | if read_write { CKF_RW_SESSION } else { 0 };
    module.session(module.open_session(slot, flags).unwrap()).unwrap()
}

pub fn user_session(module: &Module) -> Arc<Session> {
    let session = open(module, SlotId(0), true);
    session.login(CKU_USER, &secret(USER_PIN)).unwrap();
    session
}

pub fn secret(text: &str) -> Secret {
    Secret::copy_of(text.as_bytes())
}

/// A template of typed values.
pub fn template(attributes: &[(CK_ATTRIBUTE_TYPE, Value)]) -> Template {
    let mut template = Template::new();
    for (attribute, value) in attributes {
        template.push_value(*attribute, value.clone()).unwrap();
    }
    template
}

pub fn bytes(value: &[u8]) -> Value {
    Value::Bytes(value.to_vec())
}

/// A data object with this label.
pub fn data(label: &str, token: bool, private: bool) -> Template {
    template(&[
        (CKA_CLASS, Value::Ulong(CKO_DATA)),
        (CKA_TOKEN, Value::Bool(token)),
        (CKA_PRIVATE, Value::Bool(private)),
        (CKA_LABEL, bytes(label.as_bytes())),
        (CKA_VALUE, bytes(b"some value")),
    ])
}

pub fn find_label(session: &Session, label: &str) -> Vec<ObjectHandle> {
    let mut search = SearchTemplate::new();
    search.push(CKA_LABEL, label.as_bytes()).unwrap();
    find(session, &search)
}

pub fn find(session: &Session, search: &SearchTemplate) -> Vec<ObjectHandle> {
    session.find_init(search).unwrap();
    let found = session.find(usize::MAX).unwrap();
    session.find_final().unwrap();
    found
}
