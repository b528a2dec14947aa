//! A token whose time is the test's, for the tests of the life of keys.
#![allow(dead_code)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use coffer_pkcs11::ck::*;
use coffer_pkcs11::clock::Clock;
use coffer_pkcs11::error::Error;
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::module::Module;
use coffer_pkcs11::object::Value;
use coffer_pkcs11::policy::{Mode, Profile};
use coffer_pkcs11::session::Session;
use coffer_pkcs11::token::{ObjectHandle, Settings, SlotId, Token, padded};

use crate::common::{SO_PIN, USER_PIN, config, open, secret, template, user_session};

/// 2026-11-24 00:00:00 UTC.
pub const TODAY: u64 = 1_795_478_400;

/// A token of a mode in a folder of its own, with a clock that the test sets.
pub struct World {
    pub folder: tempfile::TempDir,
    pub module: Module,
    time: Arc<AtomicU64>,
}

impl World {
    pub fn new(lifecycle: Mode) -> Self {
        Self::with_settings(Settings { lifecycle, ..Settings::default() })
    }

    pub fn with_settings(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let time = Arc::new(AtomicU64::new(TODAY));
        let world = Self { module: module_of(&folder, &time), folder, time };
        world
            .module
            .init_token_as(SlotId(0), &secret(SO_PIN), padded("test"), Profile::Compatible, settings)
            .unwrap();
        let session = open(&world.module, SlotId(0), true);
        session.login(CKU_SO, &secret(SO_PIN)).unwrap();
        session.init_pin(&secret(USER_PIN)).unwrap();
        session.logout().unwrap();
        world.module.close_session(session.handle()).unwrap();
        world
    }

    /// Another process with the same clock, as far as the token file can tell.
    pub fn second_module(&self) -> Module {
        module_of(&self.folder, &self.time)
    }

    pub fn session(&self) -> Arc<Session> {
        user_session(&self.module)
    }

    pub fn token(&self) -> Arc<Token> {
        self.module.token(SlotId(0)).unwrap()
    }

    pub fn set_time(&self, seconds: u64) {
        self.time.store(seconds, Ordering::Relaxed);
    }
}

fn module_of(folder: &tempfile::TempDir, time: &Arc<AtomicU64>) -> Module {
    let mut config = config(folder);
    config.clock = Clock::set_to(Arc::clone(time));
    Module::new(config)
}

/// An AES key of 256 bits in the token file.
pub fn aes_key(session: &Session, more: &[(CK_ATTRIBUTE_TYPE, Value)]) -> ObjectHandle {
    let mut attributes = vec![(CKA_VALUE_LEN, Value::Ulong(32)), (CKA_TOKEN, Value::Bool(true))];
    attributes.extend_from_slice(more);
    session.generate_key(CKM_AES_KEY_GEN, &Params::None, &template(&attributes)).unwrap()
}

pub fn read(session: &Session, key: ObjectHandle, attribute: CK_ATTRIBUTE_TYPE) -> Result<Value, Error> {
    session.attribute_values(key, &[attribute]).unwrap().remove(0)
}

/// The lines of a table file, cut at the tabulators.
pub fn table(text: &str) -> Vec<Vec<&str>> {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect()).collect()
}
