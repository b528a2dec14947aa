//! A token file in memory that fails to be written, or cannot be written to, when the test says so.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use coffer_pkcs11::config::Config;
use coffer_pkcs11::policy::Role;
use coffer_pkcs11::store::{Backend, Error, Guard, Identity, Image, MemoryBackend};
use coffer_pkcs11::token::Token;

use super::common::{USER_PIN, secret};

type Stored<T> = Result<T, Error>;

pub struct Disk {
    memory: MemoryBackend,
    fails: Arc<AtomicBool>,
    read_only: bool,
}

struct Sector {
    image: Arc<dyn Image>,
    fails: Arc<AtomicBool>,
    read_only: bool,
}

impl Disk {
    pub fn holding(contents: Vec<u8>, read_only: bool) -> Arc<Self> {
        let memory = MemoryBackend::with_contents(contents);
        Arc::new(Self { memory, fails: Arc::default(), read_only })
    }

    pub fn fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    /// The token on it, with the user logged in.
    pub fn token(self: &Arc<Self>, config: &Config) -> Arc<Token> {
        let token = Token::open(Arc::clone(self) as Arc<dyn Backend>, Arc::new(config.clone())).unwrap();
        token.session_opened(true).unwrap();
        token.log_in(Role::User, &secret(USER_PIN)).unwrap();
        Arc::new(token)
    }

    fn wrapped(&self, image: Arc<dyn Image>) -> Arc<dyn Image> {
        Arc::new(Sector { image, fails: Arc::clone(&self.fails), read_only: self.read_only })
    }
}

impl Backend for Disk {
    fn open(&self) -> Stored<Arc<dyn Image>> {
        self.memory.open().map(|image| self.wrapped(image))
    }
    fn identity(&self) -> Stored<Identity> {
        self.memory.identity()
    }
    fn create(&self, contents: &[u8]) -> Stored<Arc<dyn Image>> {
        self.memory.create(contents).map(|image| self.wrapped(image))
    }
    fn replace(&self, old: &dyn Image, contents: &[u8]) -> Stored<Arc<dyn Image>> {
        match self.fails.load(Ordering::SeqCst) {
            true => Err(Error::Full),
            false => self.memory.replace(old, contents).map(|image| self.wrapped(image)),
        }
    }
    fn sync_name(&self) -> Stored<()> {
        Ok(())
    }
    fn lock(&self, timeout: Duration) -> Stored<Box<dyn Guard>> {
        self.memory.lock(timeout)
    }
}

impl Image for Sector {
    fn identity(&self) -> Identity {
        self.image.identity()
    }
    fn writable(&self) -> bool {
        !self.read_only
    }
    fn length(&self) -> io::Result<u64> {
        self.image.length()
    }
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.image.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        match self.fails.load(Ordering::SeqCst) {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => self.image.write_at(bytes, offset),
        }
    }
    fn truncate(&self, length: u64) -> io::Result<()> {
        self.image.truncate(length)
    }
    fn sync(&self) -> io::Result<()> {
        self.image.sync()
    }
}
