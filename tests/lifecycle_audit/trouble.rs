//! A log that cannot be written to, is exchanged or is gone: keys are used all the same, or not at all where the log is required;
//! nothing is told twice, and what is missing is counted.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use coffer_pkcs11::config::Config;
use coffer_pkcs11::error::Error;
use coffer_pkcs11::lifecycle::log::AuditLog;
use coffer_pkcs11::policy::Role;
use coffer_pkcs11::token::Audit;

use super::common::{USER_PIN, secret, user_session};
use super::disk::{Disk, Faults};
use super::*;

/// A token whose log is on a disk that can fail.
struct Troubled {
    audited: Audited,
    session: Arc<Session>,
    key: ObjectHandle,
    faults: Arc<Faults>,
}

impl Troubled {
    fn new(required: bool) -> Self {
        let audited = Audited::new(AuditMode::Uses);
        let session = audited.fixture.user_session();
        let key = secret_key(&session, "mac", true);
        let token = audited.token();
        let audit = Audit { required, ..token.settings().unwrap().audit };
        log::configure(&token, What::SettingsChanged, &audit).unwrap();
        token.flush_log(true);
        let path = audited.fixture.module.slot_info(SlotId(0)).unwrap().path;
        let faults = Arc::new(Faults::default());
        let inner = audited.fixture.module.audit_backend(&path);
        let disk = Arc::new(Disk { inner, faults: Arc::clone(&faults) });
        token.attach_log(Arc::new(AuditLog::open(disk, false).unwrap()));
        Self { audited, session, key, faults }
    }

    fn signs(&self) -> coffer_pkcs11::error::Result<()> {
        self.session.sign_init(CKM_AES_CMAC, &Params::None, self.key)?;
        self.session.sign(b"data", &mut Output::buffer(&mut [0; 16]))
    }

    /// How many signatures are told; the log is sound.
    fn told(&self) -> usize {
        let contents = self.audited.contents();
        let checked = self.audited.check(&contents, &self.audited.side());
        assert_eq!((checked.findings, checked.torn), (vec![], 0));
        told(&contents).iter().filter(|what| **what == What::Sign).count()
    }
}

#[test]
fn on_a_full_disk_keys_are_used_or_refused_and_everything_is_told_once_when_there_is_room() {
    for required in [false, true] {
        let troubled = Troubled::new(required);
        let before = std::fs::read(troubled.audited.path()).unwrap();
        // A part of a record finds room.
        troubled.faults.full_at.store(before.len() as u64 + 100, Relaxed);
        troubled.signs().unwrap();
        troubled.audited.token().flush_log(false);
        assert!(std::fs::read(troubled.audited.path()).unwrap() == before, "nothing stays by halves");
        let meanwhile: Vec<_> = (0..20).map(|_| troubled.signs()).collect();
        let expected = if required { Err(Error::FunctionRejected) } else { Ok(()) };
        assert!(meanwhile.iter().all(|result| *result == expected), "required {required}: {meanwhile:?}");
        troubled.faults.full_at.store(0, Relaxed);
        troubled.signs().unwrap();
        assert_eq!(troubled.told(), if required { 2 } else { 22 });
    }
}

#[test]
fn what_was_written_before_the_header_or_the_sync_failed_is_not_told_twice() {
    let troubled = Troubled::new(false);
    for fault in [&troubled.faults.header_fails, &troubled.faults.sync_fails] {
        fault.store(true, Relaxed);
        troubled.signs().unwrap();
        secret_key(&troubled.session, "an event", true);
        troubled.audited.token().flush_log(true);
        fault.store(false, Relaxed);
        troubled.audited.token().flush_log(true);
    }
    assert_eq!(troubled.told(), 2);
}

#[test]
fn nobody_who_signs_waits_for_a_process_that_keeps_the_lock() {
    let troubled = Troubled::new(false);
    troubled.faults.locked.store(true, Relaxed);
    let begun = Instant::now();
    for _ in 0..100 {
        troubled.signs().unwrap();
        // As the first use after a second does.
        troubled.audited.token().note(&troubled.audited.token().event(What::LoginFailed));
    }
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    troubled.faults.locked.store(false, Relaxed);
    assert_eq!(troubled.told(), 100);
}

#[test]
fn what_finds_no_room_in_memory_either_is_counted_and_told_as_a_gap() {
    let troubled = Troubled::new(false);
    let length = std::fs::metadata(troubled.audited.path()).unwrap().len();
    troubled.faults.full_at.store(length, Relaxed);
    let token = troubled.audited.token();
    let long = token.event(What::Sign).detail(&"x".repeat(1000));
    // 16 MiB of notes, and some more.
    let most = (16 << 20) / long.encode().len() + 100;
    for _ in 0..most {
        token.note(&long);
    }
    troubled.faults.full_at.store(0, Relaxed);
    let contents = troubled.audited.contents();
    let checked = troubled.audited.check(&contents, &troubled.audited.side());
    assert_eq!((checked.findings, checked.gaps), (vec![], 1));
    let all = events(&contents);
    let gap = all.iter().find(|event| event.what == What::LogGap).unwrap();
    let lost: usize = gap.detail.split(' ').next().unwrap().parse().unwrap();
    let told = all.iter().filter(|event| event.what == What::Sign).count();
    assert!(lost > 0 && lost + told == most, "{lost} lost, {told} told, of {most}");
}

#[test]
fn a_running_process_does_not_write_into_another_log_that_was_put_in_the_place_of_its_own() {
    for (required, same_token) in [(false, false), (true, false), (true, true)] {
        let troubled = Troubled::new(required);
        let mine = std::fs::read(troubled.audited.path()).unwrap();
        let other = if same_token {
            // An earlier log of the token.
            let mut earlier = mine.clone();
            earlier[32] ^= 1;
            let check = adversary::sha2_again::sha256(&earlier[..480]);
            earlier[480..512].copy_from_slice(&check);
            adversary::reseal_with(&mut earlier, 1024, 1, &[7; 32]);
            earlier
        } else {
            Audited::new(AuditMode::Uses).contents()
        };
        std::fs::write(troubled.audited.path(), &other).unwrap();
        let first = troubled.signs();
        troubled.audited.token().flush_log(false);
        assert!(std::fs::read(troubled.audited.path()).unwrap() == other, "it was written to");
        let refused = Err(Error::FunctionRejected);
        assert_eq!((first, troubled.signs()), (Ok(()), if required { refused } else { Ok(()) }));
        // A process that comes now does not write there either.
        let module = troubled.audited.fixture.second_module();
        let session = user_session(&module);
        let its = session.sign_init(CKM_AES_CMAC, &Params::None, secret_key(&session, "new", true));
        assert_eq!(its, if required { refused } else { Ok(()) });
        session.logout().unwrap();
        assert!(std::fs::read(troubled.audited.path()).unwrap() == other, "it was written to");
        std::fs::write(troubled.audited.path(), &mine).unwrap();
        assert_eq!(troubled.told(), if required { 1 } else { 2 });
    }
}

#[test]
fn a_deleted_log_is_missed_and_a_new_one_begins_with_what_it_takes_the_place_of() {
    let audited = Audited::new(AuditMode::Uses);
    let before = audited.token().settings().unwrap().audit.log.unwrap();
    std::fs::remove_file(audited.path()).unwrap();
    let fixture = &audited.fixture;
    let module = fixture.second_module();
    let session = user_session(&module);
    let key = secret_key(&session, "mac", true);
    sign(&session, key);
    assert!(!audited.path().exists(), "nobody makes another one by himself");
    let first_key = enable(&module, &Begin { mode: AuditMode::Uses, ..Begin::default() }).unwrap();
    let contents = std::fs::read(audited.path()).unwrap();
    let hex = |id: [u8; 16]| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let enabled = events(&contents).into_iter().rfind(|event| event.what == What::AuditEnabled).unwrap();
    let now = module.token(SlotId(0)).unwrap().settings().unwrap().audit.log.unwrap();
    assert!(
        enabled.detail.contains(&hex(before)) && enabled.detail.contains(&hex(now)),
        "{}",
        enabled.detail
    );
    let side = {
        let token = module.token(SlotId(0)).unwrap();
        let log = token.settings().unwrap().audit.log;
        TokenSide { uuid: token.uuid(), log, tally: token.vault().tally(), events: token.events(1).unwrap() }
    };
    let against = Against { first_key: Some(&first_key), token: Some(&side), anchor: None };
    assert_eq!(check(&contents, &against).findings, []);
}

const CHILD: &str = "COFFER_TEST_AUDIT_CHILD";

/// Not a test of its own: a process that signs for ever, and writes each signature to the log before it says so.
#[test]
fn child() {
    let Ok(folder) = std::env::var(CHILD) else { return };
    let mut config = Config::with_home(&folder);
    config.audit_each = true;
    let module = Module::new(config);
    let session = user_session(&module);
    let key = secret_key(&session, "of a child", true);
    loop {
        sign(&session, key);
        println!("signed");
    }
}

#[test]
fn of_two_processes_that_append_one_is_killed_and_what_it_had_written_stays_in_one_chain() {
    let audited = Audited::new(AuditMode::Uses);
    let module = audited.fixture.second_module();
    let session = user_session(&module);
    let key = secret_key(&session, "mine", true);
    let (mut theirs, mut mine) = (0, 0);
    for cycle in 0..8_usize {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "trouble::child", "--nocapture", "--test-threads=1"])
            .env(CHILD, audited.fixture.folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut signatures = lines.filter(|line| line.contains("signed"));
        for _ in 0..5 + cycle {
            signatures.next().expect("the child works");
            theirs += 1;
            sign(&session, key);
            mine += 1;
            module.flush_logs();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        theirs += signatures.count();
        // The next writer goes on behind whatever was left.
        sign(&session, key);
        mine += 1;
        module.flush_logs();
    }
    session.logout().unwrap();
    let token = audited.token();
    token.session_opened(true).unwrap();
    token.log_in(Role::User, &secret(USER_PIN)).unwrap();
    let contents = audited.contents();
    let checked = audited.check(&contents, &audited.side());
    assert_eq!((checked.findings, checked.gaps, checked.torn), (vec![], 0, 0));
    let signed = |label: &str| {
        let all = events(&contents).into_iter().filter(|event| event.what == What::Sign);
        all.filter(|event| event.key.as_ref().is_some_and(|key| key.label == label)).count()
    };
    assert_eq!(signed("mine"), mine);
    // Each that was acknowledged, and at most one more of each child.
    let told = signed("of a child");
    assert!((theirs..=theirs + 8).contains(&told), "{told} told of {theirs} acknowledged");
}
