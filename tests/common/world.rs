//! An enforcing token in a folder of its own, with a clock that the test sets.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use coffer_pkcs11::ck::*;
use coffer_pkcs11::clock::Clock;
use coffer_pkcs11::module::Module;
use coffer_pkcs11::policy::{Mode, Profile};
use coffer_pkcs11::session::Session;
use coffer_pkcs11::token::{Settings, SlotId, padded};

use super::{SO_PIN, USER_PIN, config, open, secret, user_session};

/// 2026-11-24 00:00:00 UTC.
pub const TODAY: u64 = 1_795_478_400;
pub const DAY: u64 = 86_400;

pub struct World {
    folder: tempfile::TempDir,
    pub module: Module,
    time: Arc<AtomicU64>,
}

impl World {
    pub fn new(profile: Profile) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let time = Arc::new(AtomicU64::new(TODAY));
        let mut config = config(&folder);
        config.clock = Clock::set_to(Arc::clone(&time));
        Self { folder, module: Module::new(config), time }.initialised(profile)
    }

    /// The same clock with a token of another module, whose folder is the caller's.
    pub fn with_module(self, module: Module) -> Self {
        Self { module, ..self }.initialised(Profile::Compatible)
    }

    fn initialised(self, profile: Profile) -> Self {
        let settings = Settings { lifecycle: Mode::Enforce, ..Settings::default() };
        self.module.init_token_as(SlotId(0), &secret(SO_PIN), padded("test"), profile, settings).unwrap();
        self.set_user_pin();
        self
    }

    pub fn set_user_pin(&self) {
        let session = open(&self.module, SlotId(0), true);
        session.login(CKU_SO, &secret(SO_PIN)).unwrap();
        session.init_pin(&secret(USER_PIN)).unwrap();
        session.logout().unwrap();
        self.module.close_session(session.handle()).unwrap();
    }

    pub fn session(&self) -> Arc<Session> {
        user_session(&self.module)
    }

    pub fn set_time(&self, seconds: u64) {
        self.time.store(seconds, Ordering::Relaxed);
    }

    /// The token file.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("token-0.coffer")
    }

    /// Another process, as far as the token file can tell.
    pub fn second_module(&self) -> Module {
        Module::new(self.module.config().clone())
    }
}
