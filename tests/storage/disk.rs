//! A simulated disk with one token file on it, behind the traits of the storage layer.
//!
//! `create` and `replace` take the steps that the real backend takes: write under another name, sync, give the name, sync
//! the folder. Every call can be made to fail, to be cut short or to be the last one before a crash, and every
//! call that changes something can be recorded, with what a crash in the middle of it would find.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use coffer_pkcs11::store::{self, Backend, Error, Guard, Identity, Image};
use parking_lot::Mutex;

use super::media::{Change, Inode, Media};
use super::random::Random;

const TOKEN: &str = "token";
const NEW: &str = "token.new";

/// The steps that a crash can fall into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    WriteTransaction,
    SyncTransaction,
    CutTornEnd,
    SyncCut,
    WritePointer,
    WriteCount,
    SyncCount,
    MarkSuperseded,
    CreateNewFile,
    WriteNewFile,
    SyncNewFile,
    Rename,
    SyncFolder,
    RemoveName,
    /// After the answer has been given.
    Answered,
}

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This error, once.
    Once(i32),
    /// This error, in this and every later call that changes something.
    Lasting(i32),
    /// Half of it is done, and the number of bytes says so.
    Short,
}

/// What a sabotaged disk does wrong, to prove that the campaigns notice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sabotage {
    /// A sync does nothing.
    pub no_sync: bool,
    /// A sync of the folder does nothing.
    pub no_folder_sync: bool,
    /// Failure counts are not written.
    pub no_counts: bool,
    /// A failed sync is reported as done.
    pub hidden_errors: bool,
    /// The lock locks nobody out.
    pub no_lock: bool,
}

struct State {
    media: Media,
    random: Random,
    sabotage: Sabotage,
    next_inode: u64,
    /// The last thing written to each file, to name the sync that follows.
    last: BTreeMap<u64, Step>,
    calls: u64,
    fault: Option<(u64, Fault)>,
    hit: bool,
    recording: bool,
    recorded: Vec<(Step, Media)>,
    /// So many more changes and the machine stops.
    stops_after: Option<u64>,
    stopped_in: Option<Step>,
}

/// A call that changes something.
enum Act<'a> {
    Write(u64, usize, &'a [u8]),
    Truncate(u64, usize),
    Sync(u64),
    Names(Vec<(String, Option<u64>)>),
    SyncNames,
}

pub struct Disk {
    state: Mutex<State>,
    held: AtomicBool,
}

impl Disk {
    pub fn new(seed: u64, sabotage: Sabotage) -> Arc<Self> {
        let state = State {
            media: Media::default(),
            random: Random::new(seed),
            sabotage,
            next_inode: 1,
            last: BTreeMap::new(),
            calls: 0,
            fault: None,
            hit: false,
            recording: false,
            recorded: Vec::new(),
            stops_after: None,
            stopped_in: None,
        };
        Arc::new(Self { state: Mutex::new(state), held: AtomicBool::new(false) })
    }

    pub fn backend(self: &Arc<Self>) -> Arc<dyn Backend> {
        Arc::new(Name(Arc::clone(self)))
    }

    pub fn media(&self) -> Media {
        self.state.lock().media.clone()
    }

    /// Starts the machine again with this on the disk.
    pub fn restart(&self, media: Media) {
        let mut state = self.state.lock();
        state.media = media;
        state.stops_after = None;
        state.stopped_in = None;
        self.held.store(false, Ordering::Release);
    }

    /// From now on keeps what a crash in each change would find.
    pub fn record(&self) {
        let mut state = self.state.lock();
        state.recording = true;
        state.recorded.clear();
    }

    pub fn recorded(&self) -> Vec<(Step, Media)> {
        let mut state = self.state.lock();
        state.recording = false;
        std::mem::take(&mut state.recorded)
    }

    /// Stops the machine in the middle of the change that follows so many others.
    pub fn stop_after(&self, changes: u64) {
        self.state.lock().stops_after = Some(changes);
    }

    /// Where the machine stopped, if it did.
    pub fn stopped_in(&self) -> Option<Step> {
        self.state.lock().stopped_in
    }

    /// Makes the call with this number, counted from 1 from now on, go wrong.
    pub fn fail(&self, call: u64, fault: Fault) {
        let mut state = self.state.lock();
        state.calls = 0;
        state.hit = false;
        state.fault = Some((call, fault));
    }

    /// The disk works again. True if the fault was reached.
    pub fn repair(&self) -> bool {
        let mut state = self.state.lock();
        state.fault = None;
        state.hit
    }
}

fn error(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}

impl State {
    /// Whether this call goes wrong: `Ok(true)` if it is to be cut short.
    fn enter(&mut self, changes: bool) -> io::Result<bool> {
        if self.stopped_in.is_some() {
            return Err(error(libc::EIO));
        }
        self.calls += 1;
        let Some((number, fault)) = self.fault else { return Ok(false) };
        let now = self.calls == number;
        self.hit |= now;
        match fault {
            Fault::Once(code) if now => Err(error(code)),
            Fault::Lasting(code) if self.calls >= number && changes => Err(error(code)),
            Fault::Short if now => Ok(true),
            _ => Ok(false),
        }
    }

    fn step(&self, act: &Act<'_>) -> Step {
        let is_token = |inode: &u64| self.media.names.get(TOKEN) == Some(inode);
        let is_new = |inode: &u64| self.media.names.get(NEW) == Some(inode);
        match act {
            Act::Write(inode, ..) if is_new(inode) => Step::WriteNewFile,
            Act::Write(inode, ..) if !is_token(inode) => Step::MarkSuperseded,
            Act::Write(_, 0..1024, _) => Step::WritePointer,
            Act::Write(_, 1024..2048, _) => Step::WriteCount,
            Act::Write(..) => Step::WriteTransaction,
            Act::Truncate(..) => Step::CutTornEnd,
            Act::Sync(inode) => match self.last.get(inode) {
                Some(Step::WriteNewFile) => Step::SyncNewFile,
                Some(Step::CutTornEnd) => Step::SyncCut,
                Some(Step::WriteCount) => Step::SyncCount,
                _ => Step::SyncTransaction,
            },
            Act::Names(change) if change.iter().all(|(_, inode)| inode.is_none()) => Step::RemoveName,
            Act::Names(change) if change.iter().any(|(name, _)| name == TOKEN) => Step::Rename,
            Act::Names(_) => Step::CreateNewFile,
            Act::SyncNames => Step::SyncFolder,
        }
    }

    /// Does it, or as much of it as happens. Returns how many bytes were written.
    fn act(&mut self, act: Act<'_>) -> io::Result<usize> {
        let step = self.step(&act);
        let short = match self.enter(true) {
            Ok(short) => short,
            Err(error) => {
                if let Act::Sync(inode) = act
                    && self.stopped_in.is_none()
                    && error.kind() != io::ErrorKind::Interrupted
                {
                    let inode = self.media.inodes.get_mut(&inode).unwrap();
                    inode.sync_failed(&mut self.random);
                    if self.sabotage.hidden_errors {
                        return Ok(0);
                    }
                }
                return Err(error);
            }
        };
        let mut count = 0;
        let sync = matches!(act, Act::Sync(_) | Act::SyncNames);
        // What a crash in the middle finds: any part of a change, and nothing synced yet.
        if let Act::Write(_, 1024..2048, bytes) = act
            && self.sabotage.no_counts
        {
            return Ok(bytes.len());
        }
        match &act {
            Act::Write(inode, offset, bytes) => {
                let end = match short {
                    true => bytes.len().div_ceil(2),
                    // A process that is killed while it writes has written the beginning.
                    false if self.stops_after == Some(0) => self.random.below(bytes.len() + 1),
                    false => bytes.len(),
                };
                let bytes = &bytes[..end];
                count = bytes.len();
                let change = Change::Write { offset: *offset, bytes: bytes.to_vec() };
                self.media.inodes.get_mut(inode).unwrap().change(change);
                self.last.insert(*inode, step);
            }
            Act::Truncate(inode, length) => {
                self.media.inodes.get_mut(inode).unwrap().change(Change::Truncate(*length));
                self.last.insert(*inode, step);
            }
            Act::Names(change) => self.media.change_names(change.clone()),
            Act::Sync(_) | Act::SyncNames => {}
        }
        if self.recording {
            self.recorded.push((step, self.media.clone()));
        }
        match self.stops_after.as_mut() {
            Some(0) => {
                self.stopped_in = Some(step);
                return Err(error(libc::EIO));
            }
            Some(left) => *left -= 1,
            None => {}
        }
        if sync {
            match act {
                Act::Sync(inode) if !self.sabotage.no_sync => {
                    self.media.inodes.get_mut(&inode).unwrap().sync();
                }
                Act::SyncNames if !self.sabotage.no_folder_sync => self.media.sync_names(),
                _ => {}
            }
        }
        Ok(count)
    }
}

/// The name of the token file.
struct Name(Arc<Disk>);

impl Name {
    fn act(&self, operation: &'static str, act: Act<'_>) -> Result<(), Error> {
        self.0.state.lock().act(act).map(|_| ()).map_err(|error| Error::from_io(operation, &error))
    }

    fn enter(&self, operation: &'static str) -> Result<(), Error> {
        self.0.state.lock().enter(false).map(|_| ()).map_err(|error| Error::from_io(operation, &error))
    }

    fn image(&self, inode: u64) -> Arc<dyn Image> {
        Arc::new(File { disk: Arc::clone(&self.0), inode })
    }

    fn write_new(&self, contents: &[u8]) -> Result<u64, Error> {
        let inode = {
            let mut state = self.0.state.lock();
            let inode = state.next_inode;
            state.next_inode += 1;
            state.media.inodes.insert(inode, Inode::default());
            inode
        };
        self.act("create", Act::Names(vec![(NEW.into(), Some(inode))]))?;
        let image = self.image(inode);
        store::write_all(&*image, contents, 0)?;
        store::sync(&*image)?;
        Ok(inode)
    }

    fn remove_new(&self) -> Result<(), Error> {
        if !self.0.state.lock().media.names.contains_key(NEW) {
            return Ok(());
        }
        self.act("clean up beside", Act::Names(vec![(NEW.into(), None)]))
    }

    fn token(&self) -> Option<u64> {
        self.0.state.lock().media.names.get(TOKEN).copied()
    }
}

impl Backend for Name {
    fn open(&self) -> Result<Arc<dyn Image>, Error> {
        self.enter("open")?;
        Ok(self.image(self.token().ok_or(Error::NotFound)?))
    }

    fn identity(&self) -> Result<Identity, Error> {
        self.enter("examine")?;
        self.token().map(|inode| Identity { device: 7, inode }).ok_or(Error::NotFound)
    }

    fn create(&self, contents: &[u8]) -> Result<Arc<dyn Image>, Error> {
        let made = self.write_new(contents).and_then(|inode| {
            if self.token().is_some() {
                return Err(Error::Exists);
            }
            self.act("create", Act::Names(vec![(TOKEN.into(), Some(inode))]))?;
            Ok(inode)
        });
        let _ = self.remove_new();
        let inode = made?;
        self.act("sync the folder of", Act::SyncNames)?;
        Ok(self.image(inode))
    }

    fn replace(&self, old: &dyn Image, contents: &[u8]) -> Result<Arc<dyn Image>, Error> {
        if self.identity()? != old.identity() {
            return Err(Error::Unsafe("it was exchanged while its lock was held"));
        }
        self.remove_new()?;
        let made = self.write_new(contents).and_then(|inode| {
            self.act("rename", Act::Names(vec![(NEW.into(), None), (TOKEN.into(), Some(inode))]))?;
            Ok(inode)
        });
        let inode = made.inspect_err(|_| {
            let _ = self.remove_new();
        })?;
        self.act("sync the folder of", Act::SyncNames)?;
        Ok(self.image(inode))
    }

    fn sync_name(&self) -> Result<(), Error> {
        self.act("sync the folder of", Act::SyncNames)
    }

    fn lock(&self, timeout: Duration) -> Result<Box<dyn Guard>, Error> {
        self.enter("lock")?;
        if self.0.state.lock().sabotage.no_lock {
            return Ok(Box::new(NoGuard));
        }
        let deadline = Instant::now() + timeout;
        while self.0.held.compare_exchange(false, true, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            if Instant::now() >= deadline {
                return Err(Error::Busy);
            }
            std::thread::yield_now();
        }
        Ok(Box::new(Held(Arc::clone(&self.0))))
    }
}

struct NoGuard;
impl Guard for NoGuard {}

struct Held(Arc<Disk>);
impl Guard for Held {}
impl Drop for Held {
    fn drop(&mut self) {
        self.0.held.store(false, Ordering::Release);
    }
}

/// An open file.
struct File {
    disk: Arc<Disk>,
    inode: u64,
}

impl File {
    fn act(&self, act: Act<'_>) -> io::Result<usize> {
        self.disk.state.lock().act(act)
    }
}

impl Image for File {
    fn identity(&self) -> Identity {
        Identity { device: 7, inode: self.inode }
    }

    fn writable(&self) -> bool {
        true
    }

    fn length(&self) -> io::Result<u64> {
        let mut state = self.disk.state.lock();
        state.enter(false)?;
        Ok(state.media.inodes.get(&self.inode).ok_or(error(libc::ESTALE))?.cache.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.disk.state.lock();
        let short = state.enter(false)?;
        let inode = state.media.inodes.get(&self.inode).ok_or(error(libc::ESTALE))?;
        let rest = inode.cache.get(offset as usize..).unwrap_or_default();
        let mut count = rest.len().min(buffer.len());
        if short {
            count = count.div_ceil(2);
        }
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.act(Act::Write(self.inode, offset as usize, bytes))
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.act(Act::Truncate(self.inode, length as usize)).map(|_| ())
    }

    fn sync(&self) -> io::Result<()> {
        self.act(Act::Sync(self.inode)).map(|_| ())
    }
}
