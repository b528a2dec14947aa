//! Processes that are killed in the middle of their work: what was acknowledged is there, and nothing is there by halves.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use coffer_pkcs11::vault::{Change, Changes, Put, RecordId};

use super::*;

const CHILD: &str = "COFFER_TEST_KILLED_CHILD";

/// Two records that belong together, as a key pair does.
fn pair(number: u32) -> Vec<Change> {
    let record = |half: u8| {
        let mut id = [half; 16];
        id[..4].copy_from_slice(&number.to_le_bytes());
        Change::Add(Put { id: RecordId(id), metadata: vec![half; 3000], ..private(half) })
    };
    vec![record(1), record(2)]
}

/// Not a test of its own: what the killed process does. It commits pairs from a number on, says so, compacts now and then,
/// and never ends.
#[test]
fn child() {
    let Ok(arguments) = std::env::var(CHILD) else { return };
    let (path, first) = arguments.split_once('#').unwrap();
    let unlocked = user(&open(file(Path::new(path))));
    for number in first.parse::<u32>().unwrap().. {
        unlocked.commit(pair(number)).unwrap();
        println!("acknowledged {number}");
        if number % 5 == 4 {
            unlocked.compact().unwrap();
        }
    }
}

#[test]
fn a_killed_process_loses_nothing_that_it_had_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.coffer");
    token(file(&path));
    let mut acknowledged = 0;
    for cycle in 0..25_usize {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::child", "--nocapture", "--test-threads=1"])
            .env(CHILD, format!("{}#{acknowledged}", path.display()))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut acknowledgements =
            lines.filter_map(|line| line.split("acknowledged ").nth(1)?.parse::<u32>().ok());
        // It is killed a different number of steps and of moments after its last acknowledgement.
        let last = acknowledgements.by_ref().take(1 + cycle % 7).last().expect("the child works");
        for _ in 0..cycle * 20_000 {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let last = acknowledgements.last().unwrap_or(last);

        let unlocked = user(&open(file(&path)));
        unlocked.verify(|_, _| {}).unwrap();
        let mut found: Vec<_> = unlocked.records().unwrap().iter().map(|record| record.id.0).collect();
        found.sort_unstable_by_key(|id| (u32::from_le_bytes(*id.first_chunk().unwrap()), id[15]));
        assert_eq!(found.len() % 2, 0, "no half of a pair");
        for (index, id) in found.iter().enumerate() {
            assert_eq!(u32::from_le_bytes(*id.first_chunk().unwrap()) as usize, index / 2);
        }
        assert!(found.len() / 2 > last as usize, "{last} was acknowledged");
        acknowledged = found.len() / 2;
    }
}

const WORKER: &str = "COFFER_TEST_WORKER_CHILD";
const WORKERS: u32 = 4;
const STEPS: u32 = 25;

/// Not a test of its own: one of several processes. It makes pairs, deletes every third, compacts once, logs in again
/// and again, and ends.
#[test]
fn worker() {
    let Ok(arguments) = std::env::var(WORKER) else { return };
    let (path, worker) = arguments.split_once('#').unwrap();
    let vault = open(file(Path::new(path)));
    for step in 0..STEPS {
        let unlocked = user(&vault);
        let number = worker.parse::<u32>().unwrap() * 1000 + step;
        unlocked.commit(pair(number)).unwrap();
        let mut id = [1; 16];
        id[..4].copy_from_slice(&number.to_le_bytes());
        assert_eq!(unlocked.metadata(RecordId(id)).unwrap(), [1; 3000]);
        if step % 3 == 0 {
            unlocked.commit(vec![Change::Delete(RecordId(id))]).unwrap();
        }
        if step == 12 {
            unlocked.rotate_root().unwrap();
        }
    }
}

#[test]
fn several_processes_on_one_file_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.coffer");
    token(file(&path));
    let follower = open(file(&path));
    let unlocked = user(&follower);
    let mut workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "killed::worker", "--test-threads=1"])
                .env(WORKER, format!("{}#{worker}", path.display()))
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    // Meanwhile a reader follows, and never sees an error or a record that does not open.
    let mut known = follower.revision();
    while workers.iter_mut().any(|worker| worker.try_wait().unwrap().is_none()) {
        let before = known;
        known = match follower.refresh(known).unwrap() {
            Changes::None => known,
            Changes::Records { revision, .. } | Changes::All { revision } => revision,
            Changes::Reinitialised { .. } => panic!("nobody did that"),
        };
        assert!(known >= before);
        unlocked.records().unwrap();
    }
    assert!(workers.iter_mut().all(|worker| worker.wait().unwrap().success()));
    let fresh = user(&open(file(&path)));
    fresh.verify(|_, _| {}).unwrap();
    let deleted = STEPS.div_ceil(3);
    assert_eq!(contents(&fresh).len() as u32, WORKERS * (2 * STEPS - deleted));
    follower.refresh(known).unwrap();
    assert_eq!(contents(&unlocked), contents(&fresh));
}
