//! The shares of a recovery set as a way back to a forgotten user PIN, in a token whose security officer does not hold the keys
//! (docs/threat-model.md, "The security officer and the keys").

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::config::Config;
use coffer_pkcs11::error;
use coffer_pkcs11::lifecycle::backup::{self, Error, NewSet, Opened, Share};
use coffer_pkcs11::lifecycle::destruction::{self, Targets};
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::module::Module;
use coffer_pkcs11::object::Value;
use coffer_pkcs11::policy::{Profile, Role};
use coffer_pkcs11::session::{Output, Session};
use coffer_pkcs11::token::{
    Event, ObjectHandle, OfficerReset, Settings, SlotId, Token, What, has_recovery, padded, unknown_entries,
};
use coffer_pkcs11::vault::{Entry, EventText};
use common::{SO_PIN, USER_PIN, bytes, find_label, open, secret, template};

const NEW_PIN: &str = "new-user-pin";
const NOW: u64 = 1_900_000_000;

/// A token with a user and two keys.
struct World {
    folder: tempfile::TempDir,
    module: Module,
}

fn config(folder: &tempfile::TempDir, reset: OfficerReset) -> Config {
    let mut config = common::config(folder);
    config.pin.separate_officer = Some(reset != OfficerReset::Preserve);
    config
}

impl World {
    fn new(reset: OfficerReset) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let module = Module::new(config(&folder, reset));
        let settings = Settings { quorum_reset: reset == OfficerReset::Quorum, ..Settings::default() };
        let slot = SlotId(0);
        module.init_token_as(slot, &secret(SO_PIN), padded("test"), Profile::Compatible, settings).unwrap();
        let world = Self { folder, module };
        let officer = world.officer();
        officer.init_pin(&secret(USER_PIN)).unwrap();
        officer.logout().unwrap();
        let user = world.user(USER_PIN).unwrap();
        generate(&user, "signer");
        generate(&user, "other");
        user.logout().unwrap();
        world
    }

    fn session(&self) -> Arc<Session> {
        open(&self.module, SlotId(0), true)
    }

    fn officer(&self) -> Arc<Session> {
        let session = self.session();
        session.login(CKU_SO, &secret(SO_PIN)).unwrap();
        session
    }

    fn user(&self, pin: &str) -> error::Result<Arc<Session>> {
        let session = self.session();
        session.login(CKU_USER, &secret(pin)).map(|()| session)
    }

    fn token(&self) -> Arc<Token> {
        self.module.token(SlotId(0)).unwrap()
    }

    /// Makes a recovery set as the user, who has this PIN.
    fn set(&self, pin: &str, threshold: u8, count: usize) -> Vec<Opened> {
        let user = self.user(pin).unwrap();
        let custodians: Vec<String> = (1..=count).map(|number| format!("Custodian {number}")).collect();
        let set = NewSet::make(user.token(), threshold, &custodians, NOW).unwrap();
        set.keep(user.token()).unwrap();
        user.logout().unwrap();
        set.shares
    }

    fn reset(&self, shares: &[Opened], pin: &str) -> Result<(), Error> {
        backup::reset_pin(&self.token(), shares, &secret(pin))
    }

    /// What the key signs, by the user with this PIN.
    fn signs(&self, pin: &str) -> Vec<u8> {
        let user = self.user(pin).unwrap();
        let signature = sign(&user, find_label(&user, "signer")[0]);
        user.logout().unwrap();
        signature
    }

    fn events(&self, pin: &str) -> Vec<Event> {
        let unlocked = self.token().vault().login(Entry::User, &secret(pin)).unwrap();
        let decode = |(_, text): &(u64, EventText)| Event::decode(text.text()).unwrap();
        unlocked.events(1).unwrap().iter().map(decode).collect()
    }
}

fn generate(session: &Session, label: &str) -> ObjectHandle {
    let wanted = [
        (CKA_TOKEN, Value::Bool(true)),
        (CKA_LABEL, bytes(label.as_bytes())),
        (CKA_SIGN, Value::Bool(true)),
        (CKA_VALUE_LEN, Value::Ulong(32)),
    ];
    session.generate_key(CKM_GENERIC_SECRET_KEY_GEN, &Params::None, &template(&wanted)).unwrap()
}

fn sign(session: &Session, key: ObjectHandle) -> Vec<u8> {
    session.sign_init(CKM_SHA256_HMAC, &Params::None, key).unwrap();
    let mut signature = vec![0; 32];
    session.sign(b"a message", &mut Output::buffer(&mut signature)).unwrap();
    signature
}

fn picked(shares: &[Opened], numbers: &[usize]) -> Vec<Opened> {
    numbers.iter().map(|number| shares[*number].clone()).collect()
}

#[test]
fn any_two_of_three_shares_set_a_new_user_pin_and_no_key_is_lost() {
    let world = World::new(OfficerReset::Quorum);
    let before = world.signs(USER_PIN);
    let shares = world.set(USER_PIN, 2, 3);
    let mut pin = USER_PIN.to_owned();
    for (number, quorum) in [[0, 1], [0, 2], [1, 2], [2, 0]].iter().enumerate() {
        let new = format!("user-pin-number-{number}");
        world.reset(&picked(&shares, quorum), &new).unwrap();
        assert_eq!(world.user(&pin).err(), Some(error::Error::PinIncorrect));
        assert_eq!(world.signs(&new), before);
        pin = new;
    }
    // Others read the same.
    let other = Module::new(config(&world.folder, OfficerReset::Quorum));
    let session = open(&other, SlotId(0), true);
    session.login(CKU_USER, &secret(&pin)).unwrap();
    assert_eq!(sign(&session, find_label(&session, "signer")[0]), before);
    let told: Vec<_> = world.events(&pin).into_iter().filter(|event| event.what == What::PinSet).collect();
    assert_eq!(told.len(), 5, "the officer's and four");
    assert!(
        told[4].detail.contains("with the shares of Custodian 3, Custodian 1 (set "),
        "{}",
        told[4].detail
    );
    assert_eq!(told[4].who.role, Entry::Other(u16::MAX).number());
}

#[test]
fn fewer_shares_than_the_set_needs_change_nothing() {
    let world = World::new(OfficerReset::Quorum);
    let shares = world.set(USER_PIN, 3, 5);
    for quorum in [&[][..], &[0], &[0, 4], &[1, 1, 1]] {
        let refused = world.reset(&picked(&shares, quorum), NEW_PIN);
        assert!(matches!(&refused, Err(Error::Quorum(_))), "{refused:?}");
    }
    assert_eq!(world.user(NEW_PIN).err(), Some(error::Error::PinIncorrect));
    let _ = world.signs(USER_PIN);
    world.reset(&picked(&shares, &[4, 2, 0]), NEW_PIN).unwrap();
}

#[test]
fn a_locked_user_pin_is_unlocked_and_wrong_shares_lock_nothing() {
    let world = World::new(OfficerReset::Quorum);
    let shares = world.set(USER_PIN, 2, 2);
    for _ in 0..10 {
        assert!(world.user("a wrong pin").is_err());
    }
    assert_eq!(world.user(USER_PIN).err(), Some(error::Error::PinLocked));
    let foreign = World::new(OfficerReset::Quorum).set(USER_PIN, 2, 2);
    for _ in 0..20 {
        assert!(matches!(world.reset(&foreign, NEW_PIN), Err(Error::Mismatch(_))));
    }
    let short = world.reset(&shares, "1");
    assert!(matches!(short, Err(Error::Token(error::Error::PinLenRange))), "{short:?}");
    world.reset(&shares, NEW_PIN).unwrap();
    let _ = world.signs(NEW_PIN);
    let events = world.events(NEW_PIN);
    assert!(events.iter().any(|event| event.what == What::PinUnlocked && event.detail == "user"));
    assert!(events.iter().any(|event| event.detail.ends_with("; 10 wrong attempts before")));
}

#[test]
fn the_shares_of_an_older_set_do_not_reset_after_a_new_one() {
    let world = World::new(OfficerReset::Quorum);
    let old = world.set(USER_PIN, 2, 3);
    let copy = std::fs::read(&world.module.slot_info(SlotId(0)).unwrap().path).unwrap();
    let new = world.set(USER_PIN, 2, 2);
    let refused = world.reset(&picked(&old, &[0, 1]), NEW_PIN).unwrap_err();
    let set = new[0].head.set_id().unwrap();
    assert!(matches!(&refused, Error::Mismatch(text) if text.contains(&set.to_string())), "{refused}");
    // It is no matter of the name: the entry of the old set is not in the file any more.
    let file = std::fs::read(&world.module.slot_info(SlotId(0)).unwrap().path).unwrap();
    let old_set = old[0].head.set_id().unwrap().0;
    let holds = |file: &[u8]| file.windows(16).any(|window| window == old_set);
    assert!(holds(&copy) && !holds(&file));
    assert_eq!(backup::resetting_set(&world.token()).unwrap(), Some(set));
    world.reset(&new, NEW_PIN).unwrap();
}

#[test]
fn the_officer_alone_sets_no_pin_and_reads_nothing() {
    let world = World::new(OfficerReset::Quorum);
    let shares = world.set(USER_PIN, 2, 3);
    assert_eq!(world.token().officer_reset(), Ok(OfficerReset::Quorum));
    let officer = world.officer();
    assert_eq!(officer.init_pin(&secret(NEW_PIN)), Err(error::Error::ActionProhibited));
    let vault = Arc::clone(officer.token().vault());
    let unlocked = vault.login(Entry::SecurityOfficer, &secret(SO_PIN)).unwrap();
    assert!(!unlocked.opens_objects().unwrap());
    let kdf = vault.kdf(Entry::User).unwrap();
    let with = |entry| unlocked.set_entry(entry, &secret(NEW_PIN), kdf).err();
    assert_eq!(with(Entry::User), Some(coffer_pkcs11::vault::Error::NotAllowed));
    assert_eq!(with(Entry::Other(u16::MAX)), Some(coffer_pkcs11::vault::Error::NotAllowed));
    officer.logout().unwrap();
    world.reset(&shares, NEW_PIN).unwrap();
    // Who wipes the token takes the shares' way back with it.
    let officer = world.officer();
    officer.start_anew(&secret(USER_PIN)).unwrap();
    officer.logout().unwrap();
    assert!(!has_recovery(&world.token().vault().entries()));
    assert!(matches!(world.reset(&shares, NEW_PIN), Err(Error::Refused(_))));
    let _ = world.set(USER_PIN, 2, 2);
    assert!(has_recovery(&world.token().vault().entries()));
}

#[test]
fn rotations_compactions_destructions_and_new_pins_leave_the_way_back_open() {
    let world = World::new(OfficerReset::Quorum);
    let before = world.signs(USER_PIN);
    let shares = world.set(USER_PIN, 2, 3);
    let user = world.user(USER_PIN).unwrap();
    let token = user.token();
    token.rotate_root().unwrap();
    token.vault().login(Entry::User, &secret(USER_PIN)).unwrap().compact().unwrap();
    token.vault().login(Entry::SecurityOfficer, &secret(SO_PIN)).unwrap().compact().unwrap();
    let doomed = find_label(&user, "other");
    destruction::decide(token, &Targets { handles: &doomed, reason: "it is over", due: 0 }).unwrap();
    let id = token.object(doomed[0]).unwrap().bytes(CKA_UNIQUE_ID).unwrap().to_vec();
    destruction::carry_out(token, std::str::from_utf8(&id).unwrap()).unwrap();
    user.set_pin(&secret(USER_PIN), &secret("the user's own pin")).unwrap();
    assert_eq!(sign(&user, find_label(&user, "signer")[0]), before, "the login goes on");
    user.logout().unwrap();
    let officer = world.officer();
    officer.set_pin(&secret(SO_PIN), &secret("another-so-pin")).unwrap();
    officer.logout().unwrap();
    world.reset(&picked(&shares, &[1, 2]), NEW_PIN).unwrap();
    assert_eq!(world.signs(NEW_PIN), before);
    let path = world.module.slot_info(SlotId(0)).unwrap().path;
    let checked = world.token().vault().verify(Entry::User, &secret(NEW_PIN), |_, _| {}).unwrap();
    assert!(checked.objects > 0, "{}", path.display());
}

#[test]
fn a_login_with_the_old_pin_ends_when_the_shares_have_set_a_new_one() {
    let world = World::new(OfficerReset::Quorum);
    let shares = world.set(USER_PIN, 2, 2);
    let elsewhere = Module::new(config(&world.folder, OfficerReset::Quorum));
    let session = open(&elsewhere, SlotId(0), true);
    session.login(CKU_USER, &secret(USER_PIN)).unwrap();
    assert_eq!(find_label(&session, "signer").len(), 1);
    world.reset(&shares, NEW_PIN).unwrap();
    assert!(find_label(&session, "signer").is_empty());
    assert_eq!(session.info().state, CKS_RW_PUBLIC_SESSION);
}

#[test]
fn only_the_user_gives_the_token_another_set() {
    let world = World::new(OfficerReset::Quorum);
    let user = world.user(USER_PIN).unwrap();
    user.add_account("keys", Role::KeyManager, &secret("pin-of-an-account")).unwrap();
    let _ = backup::own_signer_id(user.token()).unwrap();
    user.logout().unwrap();
    let shares = world.set(USER_PIN, 2, 2);
    let session = world.session();
    session.login_user(CKU_USER, &secret("pin-of-an-account"), b"keys").unwrap();
    let names = ["Mallory".to_owned(), "Niaj".to_owned()];
    let set = NewSet::make(session.token(), 2, &names, NOW).unwrap();
    let refused = set.keep(session.token());
    assert!(matches!(refused, Err(Error::Token(error::Error::UserNotLoggedIn))), "{refused:?}");
    session.logout().unwrap();
    assert!(matches!(world.reset(&set.shares, NEW_PIN), Err(Error::Mismatch(_))));
    world.reset(&shares, NEW_PIN).unwrap();
}

#[test]
fn a_token_that_is_not_made_for_it_has_no_such_shares() {
    for reset in [OfficerReset::Preserve, OfficerReset::Wipe] {
        let world = World::new(reset);
        assert_eq!(world.token().officer_reset(), Ok(reset));
        let shares = world.set(USER_PIN, 2, 2);
        assert!(!has_recovery(&world.token().vault().entries()));
        let refused = world.reset(&shares, NEW_PIN);
        assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    }
    let world = World::new(OfficerReset::Quorum);
    assert!(matches!(world.reset(&[], NEW_PIN), Err(Error::Refused(_))), "before the first set");
}

#[test]
fn a_plain_initialisation_keeps_the_rule_and_ends_the_set() {
    let world = World::new(OfficerReset::Quorum);
    let shares = world.set(USER_PIN, 2, 2);
    let World { folder, module } = world;
    drop(module);
    let module = Module::new(common::config(&folder));
    module.init_token(SlotId(0), &secret(SO_PIN), padded("anew")).unwrap();
    let token = module.token(SlotId(0)).unwrap();
    assert_eq!(token.officer_reset(), Ok(OfficerReset::Quorum));
    assert!(matches!(backup::reset_pin(&token, &shares, &secret(NEW_PIN)), Err(Error::Refused(_))));
}

#[test]
fn an_entry_that_nobody_knows_is_seen() {
    let world = World::new(OfficerReset::Quorum);
    let _ = world.set(USER_PIN, 2, 2);
    let user = world.user(USER_PIN).unwrap();
    user.add_account("operator", Role::Operator, &secret("pin-of-an-account")).unwrap();
    let vault = user.token().vault();
    assert_eq!(unknown_entries(&vault.entries()), 0);
    let unlocked = vault.login(Entry::User, &secret(USER_PIN)).unwrap();
    let kdf = vault.kdf(Entry::User).unwrap();
    let (about, pin) = ((b"a way in".to_vec(), true), secret("pin-of-somebody"));
    unlocked.add_entry(|_| Some(Entry::Other(777)), &pin, kdf, about, Vec::new()).unwrap();
    assert_eq!(unknown_entries(&vault.entries()), 1);
}

#[test]
fn the_entry_is_none_of_the_accounts() {
    let world = World::new(OfficerReset::Quorum);
    let _ = world.set(USER_PIN, 2, 2);
    let session = world.session();
    assert_eq!(session.accounts().unwrap(), []);
    let user = world.user(USER_PIN).unwrap();
    for number in 1..=14 {
        let (name, pin) = (format!("account-{number}"), secret("pin-of-an-account"));
        user.add_account(&name, Role::Operator, &pin).unwrap();
    }
    user.logout().unwrap();
    for name in [&b"\x80"[..], b"quorum", b"recovery"] {
        let refused = session.login_user(CKU_USER, &secret("pin-of-an-account"), name);
        assert_eq!(refused, Err(error::Error::UserTypeInvalid));
    }
}

/// What the key `signer` of the golden token makes of the message.
const SIGNED: &str = "9988f4db9ec94c2bb5b81456f7d7d7cec3d9bbf7cd1dd95a226030fce8f5ab94";
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/quorum-v1");

/// Makes the golden files. Only to be run for a format that has none yet: existing ones are never replaced.
#[test]
#[ignore = "makes the golden files of a new format"]
fn make_the_golden_files() {
    let world = World::new(OfficerReset::Quorum);
    let shares = world.set(USER_PIN, 2, 3);
    std::fs::create_dir(GOLDEN).unwrap();
    std::fs::copy(world.module.slot_info(SlotId(0)).unwrap().path, format!("{GOLDEN}/token-0.coffer"))
        .unwrap();
    for share in &shares {
        let text = share.keep(None).unwrap().to_text().unwrap();
        std::fs::write(format!("{GOLDEN}/share-{}.txt", share.number), text.as_bytes()).unwrap();
    }
    println!("{}", hex::encode(world.signs(USER_PIN)));
}

#[test]
fn the_golden_token_opens_for_ever_with_any_two_of_its_shares() {
    let share = |number: usize| {
        let text = std::fs::read(format!("{GOLDEN}/share-{number}.txt")).unwrap();
        Share::from_text(&text).unwrap().open(None).unwrap()
    };
    for quorum in [[1, 2], [3, 1], [2, 3]] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(format!("{GOLDEN}/token-0.coffer"), folder.path().join("token-0.coffer")).unwrap();
        let module = Module::new(config(&folder, OfficerReset::Quorum));
        let world = World { folder, module };
        world.reset(&quorum.map(share), NEW_PIN).unwrap();
        assert_eq!(hex::encode(world.signs(NEW_PIN)), SIGNED);
    }
}

/// What a reader in Python, which was written from the pages of the formats, sees in a token that it opens with shares: a line
/// for each record.
fn read_by_a_stranger(token: &Path, shares: &[PathBuf]) -> Vec<String> {
    let reader = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/read_quorum.py");
    let run = Command::new("python3")
        .arg("-B")
        .arg(reader)
        .arg(token)
        .args(shares)
        .output()
        .expect("python3 is installed");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_reader_written_from_the_pages_alone_opens_a_token_with_its_shares() {
    let golden = |name: &str| Path::new(GOLDEN).join(name);
    let seen = read_by_a_stranger(&golden("token-0.coffer"), &[golden("share-3.txt"), golden("share-2.txt")]);
    assert!(seen.len() >= 3, "two keys and the set: {seen:?}");

    let world = World::new(OfficerReset::Quorum);
    let _ = world.set(USER_PIN, 2, 2);
    let shares = world.set(USER_PIN, 3, 4);
    let write = |share: &Opened| {
        let path = world.folder.path().join(format!("share-{}", share.number));
        std::fs::write(&path, share.keep(None).unwrap().to_text().unwrap().as_bytes()).unwrap();
        path
    };
    let paths: Vec<PathBuf> = shares[1..].iter().map(write).collect();
    let user = world.user(USER_PIN).unwrap();
    user.token().rotate_root().unwrap();
    let path = world.module.slot_info(SlotId(0)).unwrap().path;
    let seen = read_by_a_stranger(&path, &paths);
    let unlocked = world.token().vault().login(Entry::User, &secret(USER_PIN)).unwrap();
    let records = unlocked.records().unwrap();
    assert_eq!(seen.len(), records.len());
    for record in records {
        let line = seen.iter().find(|line| line.starts_with(&hex::encode(record.id.0))).unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words[3], hex::encode(unlocked.metadata(record.id).unwrap()));
        let value = unlocked.secret(record.id).map_or("-".into(), |secret| hex::encode(secret.as_bytes()));
        assert_eq!(words[4], value);
    }
}
