//! One-time keys of HSS: processes with threads sign with one key and are killed, most of them between the commit that takes a
//! one-time key and the signature. No index comes twice.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use coffer_pkcs11::ck::*;
use coffer_pkcs11::config::Config;
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::module::Module;
use coffer_pkcs11::object::{Template, Value};
use coffer_pkcs11::policy::Profile;
use coffer_pkcs11::secret::Secret;
use coffer_pkcs11::token::{Settings, SlotId, padded};

use crate::call;
use crate::child::*;
use crate::client::*;
use crate::interface::*;
use crate::shim::*;

/// So many processes sign at once, each with so many threads.
const LANES: usize = 4;
const THREADS: usize = 3;
/// The steps of a commit at which a process is killed.
const AIMED: [i32; 6] = [WRITE, SYNC, POINTER, UNLOCK, ANSWER, OUTSIDE];
/// Two levels, LMS_SHA256_M32_H10 and _H5 with LMOTS_SHA256_N32_W2: 32,768 signatures.
const TREES: [u64; 2] = [6, 5];
const ONE_TIME: u64 = 2;
/// A signature of the first tree, and the signed public key of the second.
const UPPER: usize = 12 + 32 * (1 + 133 + 10);
const SECOND: usize = 4 + UPPER + 56;
const SIGNATURE: usize = SECOND + 12 + 32 * (1 + 133 + 5);

/// A token with stateful signatures and an HSS key.
fn prepare_signer() {
    fork(|_| {
        let mut config = Config::with_home(home());
        config.pin.kdf_iterations = 10_000;
        let module = Module::new(config);
        let (so_pin, pin) = (Secret::copy_of(SO_PIN), Secret::copy_of(USER_PIN));
        let settings = Settings { stateful_signatures: true, ..Settings::default() };
        module.init_token_as(SlotId(0), &so_pin, padded("t"), Profile::Compatible, settings).unwrap();
        let session = module.open_session(SlotId(0), CKF_SERIAL_SESSION | CKF_RW_SESSION).unwrap();
        let session = module.session(session).unwrap();
        session.login(CKU_SO, &so_pin).unwrap();
        session.init_pin(&pin).unwrap();
        session.logout().unwrap();
        session.login(CKU_USER, &pin).unwrap();
        let mut private = Template::new();
        for (attribute, value) in [
            (CKA_TOKEN, Value::Bool(true)),
            (CKA_ID, Value::Bytes(b"signer".to_vec())),
            (CKA_HSS_LEVELS, Value::Ulong(2)),
            (CKA_HSS_LMS_TYPES, Value::Mechanisms(TREES.to_vec())),
            (CKA_HSS_LMOTS_TYPES, Value::Mechanisms(vec![ONE_TIME; 2])),
        ] {
            private.push_value(attribute, value).unwrap();
        }
        session.generate_key_pair(CKM_HSS_KEY_PAIR_GEN, &Params::None, &Template::new(), &private).unwrap();
    })
    .finish();
}

/// The index of the one-time key that has signed.
fn sign_once(functions: Functions, session: CK_SESSION_HANDLE, key: CK_OBJECT_HANDLE) -> Result<u32, CK_RV> {
    let (mut hss, mut message) = (mechanism(CKM_HSS), *b"a message");
    let (mut signature, mut length) = (vec![0; SIGNATURE], SIGNATURE as CK_ULONG);
    let rv = match call!(functions, C_SignInit, session, &mut hss, key) {
        CKR_OK => {
            let (data, count) = (message.as_mut_ptr(), message.len() as CK_ULONG);
            call!(functions, C_Sign, session, data, count, signature.as_mut_ptr(), &mut length)
        }
        refused => refused,
    };
    match rv {
        CKR_OK => Ok(leaf_at(&signature, 4) << 5 | leaf_at(&signature, SECOND)),
        _ => {
            assert!(signature.iter().all(|byte| *byte == 0), "a part of a signature has left");
            Err(rv)
        }
    }
}

fn leaf_at(signature: &[u8], place: usize) -> u32 {
    u32::from_be_bytes(*signature[place..].first_chunk().unwrap())
}

fn the_key(functions: Functions, session: CK_SESSION_HANDLE) -> CK_OBJECT_HANDLE {
    find(functions, session, Some("signer")).unwrap()[0]
}

fn used(functions: Functions, session: CK_SESSION_HANDLE) -> u64 {
    let mut used = [0 as CK_ULONG];
    let mut asked = CK_ATTRIBUTE {
        type_: CKA_COFFER_ONE_TIME_KEYS_USED,
        pValue: used.as_mut_ptr().cast(),
        ulValueLen: 8,
    };
    let key = the_key(functions, session);
    assert_eq!(call!(functions, C_GetAttributeValue, session, key, &mut asked, 1), CKR_OK);
    used[0]
}

/// Signs in all threads until it is killed.
fn work(functions: Functions, report: &Report) {
    let first = join(functions);
    let key = the_key(functions, first);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(move || {
                let session = open_session(functions);
                loop {
                    report.line(&sign_once(functions, session, key).unwrap().to_string());
                }
            });
        }
    });
}

struct Outcome {
    kills: usize,
    /// Processes that were not killed, but failed.
    failed: usize,
    /// How often each index has signed.
    signed: HashMap<u32, usize>,
}

impl Outcome {
    fn twice(&self) -> Vec<u32> {
        self.signed.iter().filter(|(_, count)| **count > 1).map(|(index, _)| *index).collect()
    }
}

fn campaign(functions: Functions, wanted: usize, limit: Duration, seed: u64, lie: i32) -> Outcome {
    let (kills, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (signed, forks) = (Mutex::new(HashMap::new()), Mutex::new(()));
    let end = Instant::now() + limit;
    std::thread::scope(|scope| {
        for lane in 0..LANES as u64 {
            let (kills, failed, signed, forks) = (&kills, &failed, &signed, &forks);
            scope.spawn(move || {
                let (mut random, page) = (Random::new(seed + lane), Page::new());
                while kills.load(Ordering::Relaxed) + failed.load(Ordering::Relaxed) < wanted
                    && Instant::now() < end
                {
                    page.clear();
                    page.lie(lie);
                    match AIMED[random.below(AIMED.len() as u64) as usize] {
                        OUTSIDE => {}
                        WRITE if random.below(2) == 0 => {
                            page.plan(WRITE, random.below(6) as i32, Action::Tear)
                        }
                        step => page.plan(step, random.below(6) as i32, Action::Kill),
                    }
                    let mut child = {
                        let _alone = forks.lock().unwrap();
                        fork(|report| {
                            page.attach();
                            work(functions, report);
                        })
                    };
                    let mut lines: Vec<String> = (0..12).map_while(|_| child.next_line()).collect();
                    child.signal(libc::SIGKILL);
                    lines.extend(child.rest());
                    let killed = child.wait() == libc::SIGKILL;
                    if killed { kills } else { failed }.fetch_add(1, Ordering::Relaxed);
                    let mut signed = signed.lock().unwrap();
                    for line in &lines {
                        *signed.entry(line.parse::<u32>().unwrap()).or_insert(0) += 1;
                    }
                }
            });
        }
    });
    let (kills, failed) = (kills.into_inner(), failed.into_inner());
    Outcome { kills, failed, signed: signed.into_inner().unwrap() }
}

const CONFIGURATION: &str =
    "[pin]\nkdf-iterations = 10000\nattempts = 255\n[limits]\nlock-timeout-ms = 100000\n";

#[test]
fn no_one_time_key_signs_twice_whatever_kills_the_signers() {
    in_shimmed_process("one_time::no_one_time_key_signs_twice_whatever_kills_the_signers", || {
        configure(CONFIGURATION);
        let functions = functions();
        prepare_signer();
        let (seed, wanted) = (seed(), size(100, 1_500));
        let limit = Duration::from_secs(limit_in_seconds(60));
        let outcome = campaign(functions, wanted, limit, seed, 0);
        let used: u64 = fork(|report| report.line(&used(functions, join(functions)).to_string()))
            .finish()
            .remove(0)
            .parse()
            .unwrap();
        let signed = outcome.signed.len() as u64;
        println!(
            "one-time keys: seed {seed}, {} kills of {wanted}, {signed} signatures that were told, {used} keys used, {} twice",
            outcome.kills,
            outcome.twice().len()
        );
        assert_eq!(outcome.failed, 0, "processes failed");
        assert!(outcome.twice().is_empty(), "these have signed twice: {:?}", outcome.twice());
        assert!(signed > 0 && signed < used, "no kill has come between a key and its signature");
        assert!(outcome.signed.keys().all(|index| u64::from(*index) < used));
    });
}

#[test]
fn the_campaign_notices_one_time_keys_that_are_not_counted() {
    in_shimmed_process("one_time::the_campaign_notices_one_time_keys_that_are_not_counted", || {
        configure(CONFIGURATION);
        let functions = functions();
        prepare_signer();
        let lie = TRANSACTIONS_THAT_ARE_NOT_WRITTEN;
        let outcome = campaign(functions, 40, Duration::from_secs(60), seed(), lie);
        println!(
            "one-time keys, with counts that are not written: {} twice, as it must",
            outcome.twice().len()
        );
        assert!(!outcome.twice().is_empty(), "the campaign did not notice");
    });
}

/// The file may not grow: the commit fails, and nothing is signed.
#[test]
fn where_the_disk_is_full_nothing_is_signed_and_nothing_is_repeated_later() {
    in_own_process(
        "one_time::where_the_disk_is_full_nothing_is_signed_and_nothing_is_repeated_later",
        || {
            configure(CONFIGURATION);
            let functions = functions();
            prepare_signer();
            let session = join(functions);
            let key = the_key(functions, session);
            assert_eq!(sign_once(functions, session, key), Ok(0));
            let length = std::fs::metadata(home().join("token-0.coffer")).unwrap().len();
            let limit = |bytes| {
                let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
                // SAFETY: plain system calls with a structure of their own.
                unsafe {
                    libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
                    assert_eq!(libc::setrlimit(libc::RLIMIT_FSIZE, &limit), 0);
                }
            };
            limit(length);
            let refused = sign_once(functions, session, key);
            limit(libc::RLIM_INFINITY);
            assert!(matches!(refused, Err(CKR_DEVICE_MEMORY | CKR_DEVICE_ERROR)), "{refused:?}");
            assert_eq!(sign_once(functions, session, key), Ok(1));
        },
    );
}
