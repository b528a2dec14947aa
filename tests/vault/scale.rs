//! Many records: what costs time must not be their number.

use std::time::Duration;

use coffer_pkcs11::vault::{Change, Put, RecordId, SecretPart};

use super::*;

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
