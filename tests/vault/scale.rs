//! Many records: what costs time must not be their number.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use coffer_pkcs11::store::{self, Guard, Identity, Image};
use coffer_pkcs11::vault::{Change, Put, RecordId, SecretPart};

use super::*;

/// A file in memory that counts what is done to it, and can refuse to be replaced.
#[derive(Default)]
struct Counting {
    memory: MemoryBackend,
    reads: Arc<AtomicUsize>,
    replacements: AtomicUsize,
    /// Bytes of all replacements.
    rewritten: AtomicUsize,
    irreplaceable: bool,
}

struct CountingImage(Arc<dyn Image>, Arc<AtomicUsize>);

impl Counting {
    fn reads(&self) -> usize {
        self.reads.swap(0, Ordering::Relaxed)
    }
}

impl Backend for Counting {
    fn open(&self) -> Result<Arc<dyn Image>, store::Error> {
        Ok(Arc::new(CountingImage(self.memory.open()?, Arc::clone(&self.reads))))
    }
    fn identity(&self) -> Result<Identity, store::Error> {
        self.memory.identity()
    }
    fn create(&self, contents: &[u8]) -> Result<Arc<dyn Image>, store::Error> {
        self.memory.create(contents)
    }
    fn replace(&self, old: &dyn Image, contents: &[u8]) -> Result<Arc<dyn Image>, store::Error> {
        self.replacements.fetch_add(1, Ordering::Relaxed);
        self.rewritten.fetch_add(contents.len(), Ordering::Relaxed);
        if self.irreplaceable {
            return Err(store::Error::NotReplaceable);
        }
        self.memory.replace(old, contents)
    }
    fn sync_name(&self) -> Result<(), store::Error> {
        Ok(())
    }
    fn lock(&self, timeout: Duration) -> Result<Box<dyn Guard>, store::Error> {
        self.memory.lock(timeout)
    }
}

impl Image for CountingImage {
    fn identity(&self) -> Identity {
        self.0.identity()
    }
    fn writable(&self) -> bool {
        true
    }
    fn length(&self) -> io::Result<u64> {
        self.0.length()
    }
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.0.write_at(bytes, offset)
    }
    fn truncate(&self, length: u64) -> io::Result<()> {
        self.0.truncate(length)
    }
    fn sync(&self) -> io::Result<()> {
        self.0.sync()
    }
}

fn numbered(number: u32) -> Put {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.to_le_bytes());
    Put { id: RecordId(id), ..private(0) }
}

/// A token to which records were added one by one, each in a commit of its own.
fn one_by_one(backend: &Arc<Counting>, count: u32) {
    token(backend.clone());
    let options = Options { index_above: 100, ..options() };
    let unlocked = user(&Vault::open(backend.clone(), options).unwrap());
    for number in 0..count {
        add(&unlocked, numbered(number));
    }
}

#[test]
fn opening_and_logging_in_read_no_record_and_so_open_no_secret() {
    let backend = Arc::new(Counting::default());
    one_by_one(&backend, 1000);
    user(&open(backend.clone())).compact().unwrap();
    backend.reads();
    // The whole file is read once, for its chain; nothing of it is kept but where the records are.
    let vault = open(backend.clone());
    let at_opening = backend.reads();
    let unlocked = user(&vault);
    let records = unlocked.records().unwrap();
    assert_eq!(records.len(), 1000);
    assert!(records.iter().all(|record| record.tag.is_some()));
    let at_login = backend.reads();
    assert!(at_opening <= 10 && at_login <= 20, "{at_opening} reads to open, {at_login} to log in");
    // A secret is read when it is wanted, and no other with it.
    unlocked.secret(numbered(500).id).unwrap();
    assert_eq!(backend.reads(), 1);
}

#[test]
fn records_that_were_added_one_by_one_are_indexed_at_a_price_that_each_pays_a_part_of() {
    let backend = Arc::new(Counting::default());
    one_by_one(&backend, 2000);
    let length = backend.memory.contents().unwrap().len();
    let rewritten = backend.rewritten.load(Ordering::Relaxed);
    assert!(rewritten < 6 * length, "{rewritten} bytes were rewritten for a file of {length}");
    let vault = open(backend.clone());
    backend.reads();
    assert_eq!(user(&vault).records().unwrap().len(), 2000);
    let reads = backend.reads();
    assert!(reads < 2000 / 4 + 20, "a login read {reads} records");
}

#[test]
fn a_file_that_cannot_be_replaced_is_not_tried_again_at_every_commit() {
    let backend = Arc::new(Counting { irreplaceable: true, ..Counting::default() });
    one_by_one(&backend, 1000);
    let tried = backend.replacements.load(Ordering::Relaxed);
    assert!((1..=10).contains(&tried), "{tried} times");
}

fn large_token(path: &Path, count: u32) {
    let unlocked = user(&token(file(path)));
    let put = |number: u32| {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_le_bytes());
        let secret = SecretPart::New(Secret::new(vec![7; 140]));
        Change::Add(Put { id: RecordId(id), tag: vec![9; 44], metadata: vec![5; 500], secret, ..private(0) })
    };
    for start in (0..count).step_by(1000) {
        unlocked.commit((start..count.min(start + 1000)).map(put).collect()).unwrap();
    }
    unlocked.compact().unwrap();
}

/// The body of each PUT by its id, and how long head and tag of it are.
fn puts(file: &[u8]) -> std::collections::BTreeMap<[u8; 16], (Vec<u8>, usize)> {
    const PUT: u8 = 2;
    let bodies = frames::frames(file).into_iter().filter(|frame| frame.kind() == PUT).map(|frame| {
        let body = frame.0[24..frame.0.len() - 32].to_vec();
        let tag = u16::from_le_bytes([body[32], body[33]]) as usize;
        (body[..16].try_into().unwrap(), (body, 44 + tag))
    });
    bodies.collect()
}

/// Absolute times depend on the machine, so what is counted is work: bytes that are written and reads. The time is printed.
#[test]
fn rotating_the_root_key_over_ten_thousand_keys_is_one_new_file_with_the_same_payload() {
    let backend = Arc::new(Counting::default());
    let unlocked = user(&token(backend.clone()));
    let changes = |numbers: std::ops::Range<u32>| numbers.map(|n| Change::Add(numbered(n))).collect();
    for start in (0..10_000).step_by(1000) {
        unlocked.commit(changes(start..start + 1000)).unwrap();
    }
    unlocked.compact().unwrap();
    let before = backend.memory.contents().unwrap();
    backend.reads();
    backend.replacements.store(0, Ordering::Relaxed);
    backend.rewritten.store(0, Ordering::Relaxed);

    let start = Clock::now();
    unlocked.rotate_root().unwrap();
    println!("10,000 keys: {:?} of processor time, without the one sync of a file", start.elapsed());

    let after = backend.memory.contents().unwrap();
    assert_eq!(backend.replacements.load(Ordering::Relaxed), 1);
    assert_eq!(backend.rewritten.load(Ordering::Relaxed), before.len());
    let reads = backend.reads();
    // Each record once, and the new file from front to back, a quarter of a megabyte at a time.
    assert!(reads <= 10_000 + 20 + after.len() / (256 << 10), "{reads} reads");
    let (old, new) = (puts(&before), puts(&after));
    assert_eq!((old.len(), new.len()), (10_000, 10_000));
    for (id, (body, key)) in &old {
        let (renewed, _) = &new[id];
        assert_ne!(body[*key..key + 96], renewed[*key..key + 96], "the object key is wrapped anew");
        assert_eq!(body[key + 96..], renewed[key + 96..], "metadata and secret are copied");
    }
}

/// The time that this thread has been running, which other load on the machine does not change.
struct Clock(Duration);

impl Clock {
    fn now() -> Self {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        Self(Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap()))
    }

    fn elapsed(&self) -> Duration {
        Self::now().0 - self.0
    }
}

/// Prints how much processor time things take at 10,000 and 100,000 records. Run with --release for figures that mean something.
#[test]
#[ignore = "prints figures; run by hand"]
fn figures() {
    for count in [10_000, 100_000] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.coffer");
        let start = Clock::now();
        large_token(&path, count);
        println!(
            "{count} records: made in {:?}, {} bytes",
            start.elapsed(),
            std::fs::metadata(&path).unwrap().len()
        );
        let start = Clock::now();
        let vault = open(file(&path));
        println!("  open {:?}", start.elapsed());
        let start = Clock::now();
        let unlocked = user(&vault);
        println!("  login {:?}", start.elapsed());
        let start = Clock::now();
        assert_eq!(unlocked.records().unwrap().len(), count as usize);
        println!("  records {:?}", start.elapsed());
        let start = Clock::now();
        unlocked.secret(RecordId([0; 16])).unwrap();
        println!("  secret {:?}", start.elapsed());
        let start = Clock::now();
        for _ in 0..1000 {
            vault.refresh(vault.revision()).unwrap();
        }
        println!("  refresh {:?}", start.elapsed() / 1000);
        let start = Clock::now();
        for number in 0..50 {
            add(&unlocked, private(100 + number));
        }
        println!("  commit {:?}", start.elapsed() / 50);
        let start = Clock::now();
        unlocked.compact().unwrap();
        println!("  compact {:?}", start.elapsed());
    }
}
