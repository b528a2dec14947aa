//! Recovery keys and backups of whole tokens: what opens them, what is in them, and what comes back.

mod common;

use std::collections::{BTreeMap, HashMap};
use std::io::Cursor;
use std::sync::Arc;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error;
use coffer_pkcs11::lifecycle::backup::{
    self, Choice, Destroyed, Error, Inside, Made, NewSet, Opened, Outcome, Plan, Reason, Rules, Seed, Set,
};
use coffer_pkcs11::lifecycle::copies::{self, Way};
use coffer_pkcs11::lifecycle::destruction;
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::object::{Attributes, Object, Value};
use coffer_pkcs11::policy::Profile;
use coffer_pkcs11::session::{Output, Session};
use coffer_pkcs11::token::{ObjectHandle, SlotId, Token};

use common::*;

const NOW: u64 = 1_900_000_000;

/// A token with its user logged in.
struct World {
    fixture: Fixture,
    session: Arc<Session>,
    token: Arc<Token>,
}

impl World {
    fn new() -> Self {
        Self::with_profile(Profile::Compatible)
    }

    fn with_profile(profile: Profile) -> Self {
        let fixture = Fixture::with_profile(profile);
        let (session, token) = (fixture.user_session(), fixture.module.token(SlotId(0)).unwrap());
        Self { fixture, session, token }
    }

    fn secret_key(&self, label: &str, more: &[(CK_ATTRIBUTE_TYPE, Value)]) -> ObjectHandle {
        let basic = [
            (CKA_LABEL, bytes(label.as_bytes())),
            (CKA_TOKEN, Value::Bool(true)),
            (CKA_VALUE_LEN, Value::Ulong(32)),
            (CKA_SENSITIVE, Value::Bool(true)),
            (CKA_EXTRACTABLE, Value::Bool(false)),
        ];
        let template = template(&[&basic[..], more].concat());
        self.session.generate_key(CKM_GENERIC_SECRET_KEY_GEN, &Params::None, &template).unwrap()
    }

    fn ed25519(&self, label: &str) -> ObjectHandle {
        let common = [(CKA_LABEL, bytes(label.as_bytes())), (CKA_TOKEN, Value::Bool(true))];
        let public = [&common[..], &[(CKA_EC_PARAMS, bytes(&[6, 3, 0x2b, 0x65, 0x70]))]].concat();
        let pair = self.session.generate_key_pair(
            CKM_EC_EDWARDS_KEY_PAIR_GEN,
            &Params::None,
            &template(&public),
            &template(&[&common[..], &[(CKA_SIGN, Value::Bool(true))]].concat()),
        );
        pair.unwrap().1
    }

    fn set(&self, threshold: u8, count: usize) -> Vec<Opened> {
        let custodians: Vec<String> = (1..=count).map(|number| format!("Custodian {number}")).collect();
        let set = NewSet::make(&self.token, threshold, &custodians, NOW).unwrap();
        set.keep(&self.token).unwrap();
        assert_eq!(backup::recovery_sets(&self.token).unwrap().last(), Some(&set.set));
        set.shares
    }

    fn backup(&self, choice: Choice) -> (Vec<u8>, Made) {
        let sets = backup::recovery_sets(&self.token).unwrap();
        self.backup_for(choice, vec![backup::recovery_recipient(&sets).unwrap()], Vec::new())
    }

    fn backup_for(
        &self,
        choice: Choice,
        keys: Vec<(backup::PublicHalf, Option<Set>)>,
        destroyed: Vec<Destroyed>,
    ) -> (Vec<u8>, Made) {
        let plan = Plan { keys, choice, destroyed, now: NOW };
        backup::write(&self.token, Vec::new(), &plan, |_, _| {}).unwrap()
    }

    fn restore(&self, file: &[u8], seed: &Seed, rules: &Rules) -> Result<Outcome, Error> {
        let survey = backup::survey(file)?;
        let mut file = Cursor::new(file);
        backup::check(&mut file, &survey, seed)?;
        backup::restore(&self.token, &mut file, &survey, seed, rules, |_| {})
    }

    /// Everything in the token, by unique id.
    fn everything(&self) -> BTreeMap<Vec<u8>, (Vec<u8>, Vec<u8>, bool)> {
        let handles = self.token.token_objects().unwrap();
        let whole = |handle: ObjectHandle| {
            let whole = self.token.whole(handle).unwrap().unwrap();
            let id = self.token.object(handle).unwrap().bytes(CKA_UNIQUE_ID).unwrap().to_vec();
            (
                id,
                (
                    whole.attributes.as_bytes().to_vec(),
                    whole.secrets.as_bytes().to_vec(),
                    whole.authenticated,
                ),
            )
        };
        handles.into_iter().map(whole).collect()
    }

    fn sign(&self, mechanism: CK_MECHANISM_TYPE, label: &str, class: CK_OBJECT_CLASS) -> Vec<u8> {
        let found = find_label(&self.session, label);
        let is_of_class = |handle: &&ObjectHandle| self.token.object(**handle).unwrap().class() == class;
        let key = *found.iter().find(is_of_class).unwrap();
        self.session.sign_init(mechanism, &Params::None, key).unwrap();
        let mut signature = vec![0; 512];
        let mut output = Output::buffer(&mut signature);
        self.session.sign(b"data", &mut output).unwrap();
        let length = output.length();
        signature.truncate(length);
        signature
    }
}

fn rules() -> Rules {
    Rules { own: true, officer: true, resurrect: false, destroyed: HashMap::new() }
}

const EVERYTHING: Choice = Choice { signing: true, only_extractable: false };

fn inside(file: &[u8], seed: &Seed) -> Result<Inside, Error> {
    let survey = backup::survey(file)?;
    backup::check(&mut Cursor::new(file), &survey, seed)
}

#[test]
fn a_backup_restores_every_object_exactly_and_a_restored_key_signs_identically() {
    let source = World::new();
    source.secret_key("mac", &[(CKA_SIGN, Value::Bool(true)), (CKA_ID, bytes(b"\x01"))]);
    source.ed25519("signer");
    source.session.create_object(&data("a file", true, true)).unwrap();
    source.session.create_object(&data("public", true, false)).unwrap();
    source.session.create_object(&data("of the session", false, true)).unwrap();
    let shares = source.set(2, 3);
    let (file, made) = source.backup(EVERYTHING);
    assert_eq!((made.counts.objects, made.left_out.len(), made.keys.len()), (5, 0, 2));

    let target = World::new();
    let seed = backup::combine(&shares[1..]).unwrap();
    let outcome = target.restore(&file, &seed, &rules()).unwrap();
    assert_eq!(outcome.restored.len(), 5);
    assert!(outcome.refused.is_empty() && outcome.untrusted.is_empty());
    assert_eq!(target.everything(), source.everything());
    for (mechanism, label, class) in
        [(CKM_SHA256_HMAC, "mac", CKO_SECRET_KEY), (CKM_EDDSA, "signer", CKO_PRIVATE_KEY)]
    {
        assert_eq!(target.sign(mechanism, label, class), source.sign(mechanism, label, class));
    }
    let mac = target.token.object(find_label(&target.session, "mac")[0]).unwrap();
    for attribute in [CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE] {
        assert!(mac.is_true(attribute));
    }
    // And for other processes, from the file.
    let other = target.fixture.second_module();
    let session = user_session(&other);
    assert_eq!(find_label(&session, "signer").len(), 2);
}

#[test]
fn any_k_of_n_shares_restore_and_fewer_do_not() {
    for (threshold, count) in [(2, 2), (2, 3), (3, 4)] {
        let source = World::new();
        source.secret_key("key", &[]);
        let shares = source.set(threshold, count);
        let (file, _) = source.backup(EVERYTHING);
        for subset in 0_u32..1 << count {
            let some: Vec<Opened> = (0..count)
                .filter(|place| subset >> place & 1 == 1)
                .map(|place| shares[place].clone())
                .collect();
            match backup::combine(&some) {
                Ok(seed) => {
                    assert!(some.len() >= threshold.into());
                    assert_eq!(inside(&file, &seed).unwrap().counts.objects, 1);
                }
                Err(error) => {
                    assert!(matches!(error, Error::Quorum(_)), "{error}");
                    assert!(some.len() < threshold.into());
                }
            }
        }
    }
}

/// The shares of one token are put together in many ways; which, a fixed sequence of numbers tells.
#[test]
fn every_rule_for_shares_holds_for_quorums_that_chance_puts_together() {
    let world = World::new();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut chance = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % below
    };
    for count in 2..=16_usize {
        let threshold = 2 + chance(count - 1);
        let custodians: Vec<String> = (1..=count).map(|number| format!("Custodian {number}")).collect();
        let set = NewSet::make(&world.token, threshold as u8, &custodians, NOW).unwrap();
        let mut shares = set.shares.clone();
        for place in (1..shares.len()).rev() {
            shares.swap(place, chance(place + 1));
        }
        let seed = backup::combine(&shares[..threshold]).unwrap();
        assert_eq!(seed.public_half().unwrap(), set.set.public);
        assert!(matches!(backup::combine(&shares[..threshold - 1]), Err(Error::Quorum(_))));
    }
}

#[test]
fn another_recovery_key_or_recipient_does_not_open_a_backup_and_is_told_what_does() {
    let source = World::new();
    source.secret_key("key", &[]);
    source.set(2, 3);
    let (file, _) = source.backup(EVERYTHING);
    let later = backup::combine(&source.set(2, 3)).unwrap();
    let stranger = Seed::random().unwrap();
    for seed in [later, stranger] {
        let error = inside(&file, &seed).unwrap_err();
        assert!(matches!(&error, Error::Mismatch(_)), "{error}");
        assert!(error.to_string().contains("opens with 2 of the 3 shares of set "), "{error}");
    }
}

#[test]
fn recipients_open_a_backup_without_the_quorum() {
    let source = World::new();
    source.secret_key("key", &[]);
    let recipients = [(); 2].map(|()| Seed::random().unwrap());
    let keys = recipients.iter().map(|seed| (seed.public_half().unwrap(), None)).collect();
    let (file, _) = source.backup_for(EVERYTHING, keys, Vec::new());
    for seed in &recipients {
        assert_eq!(World::new().restore(&file, seed, &rules()).unwrap().restored.len(), 1);
    }
}

#[test]
fn signature_keys_are_left_out_and_listed_unless_asked_for() {
    let source = World::new();
    source.secret_key("mac", &[]);
    source.ed25519("signer");
    let shares = source.set(2, 2);
    let seed = backup::combine(&shares).unwrap();
    let (file, made) = source.backup(Choice::default());
    let inside = inside(&file, &seed).unwrap();
    assert_eq!(inside.left_out, made.left_out);
    assert_eq!((inside.left_out.len(), inside.left_out[0].reason), (1, Reason::Signature));
    assert_eq!(inside.left_out[0].label, "signer");
    // The public half is there.
    assert_eq!(inside.counts.objects, 2);
}

#[test]
fn only_the_user_reads_a_token_out_or_restores_into_it() {
    let world = World::new();
    world.secret_key("key", &[]);
    let shares = world.set(2, 2);
    let (file, _) = world.backup(EVERYTHING);
    let seed = backup::combine(&shares).unwrap();
    let sets = backup::recovery_sets(&world.token).unwrap();
    let keys = vec![backup::recovery_recipient(&sets).unwrap()];
    let plan = Plan { keys, choice: EVERYTHING, destroyed: Vec::new(), now: NOW };
    world.session.logout().unwrap();
    let refused = |result: Result<(), Error>| {
        assert!(matches!(result, Err(Error::Token(error::Error::UserNotLoggedIn))), "{result:?}");
    };
    for officer in [false, true] {
        if officer {
            world.session.login(CKU_SO, &secret(SO_PIN)).unwrap();
        }
        refused(backup::write(&world.token, Vec::new(), &plan, |_, _| {}).map(drop));
        refused(world.restore(&file, &seed, &rules()).map(drop));
    }
}

#[test]
fn what_is_there_stays_as_it_is_and_is_listed() {
    let world = World::new();
    let key = world.secret_key("before", &[]);
    let shares = world.set(2, 2);
    let (file, _) = world.backup(EVERYTHING);
    world.session.set_attribute_values(key, &template(&[(CKA_LABEL, bytes(b"after"))])).unwrap();
    let (before, seed) = (world.everything(), backup::combine(&shares).unwrap());
    let outcome = world.restore(&file, &seed, &rules()).unwrap();
    assert_eq!((outcome.restored.len(), outcome.existing.len()), (0, 1));
    assert_eq!(outcome.existing[0].label, "before");
    assert_eq!(world.everything(), before);
}

#[test]
fn a_destroyed_key_comes_back_with_a_quorum_only() {
    let world = World::new();
    let key = world.secret_key("destroyed", &[]);
    world.secret_key("kept", &[]);
    let unique_id =
        String::from_utf8(world.token.object(key).unwrap().bytes(CKA_UNIQUE_ID).unwrap().to_vec()).unwrap();
    let shares = world.set(2, 2);
    let (file, _) = world.backup(EVERYTHING);
    let seed = backup::combine(&shares).unwrap();
    let gone = Destroyed { when: NOW, unique_id: unique_id.clone(), label: "destroyed".into() };
    let tombstone = HashMap::from([(unique_id, gone)]);
    let target = World::new();
    let without = Rules { destroyed: tombstone.clone(), ..rules() };
    let outcome = target.restore(&file, &seed, &without).unwrap();
    assert_eq!((outcome.restored.len(), outcome.destroyed.len(), outcome.resurrected.len()), (1, 1, 0));
    assert!(find_label(&target.session, "destroyed").is_empty());
    let with = Rules { destroyed: tombstone, resurrect: true, ..rules() };
    let outcome = target.restore(&file, &seed, &with).unwrap();
    assert_eq!((outcome.restored.len(), outcome.destroyed.len(), outcome.resurrected.len()), (1, 0, 1));
    assert_eq!(find_label(&target.session, "destroyed").len(), 1);
}

#[test]
fn what_a_backup_tells_of_destroyed_keys_is_known_to_the_token_that_takes_it() {
    let source = World::new();
    source.secret_key("destroyed", &[]);
    let shares = source.set(2, 2);
    let (old, made) = source.backup(EVERYTHING);
    let sets = backup::recovery_sets(&source.token).unwrap();
    destruction::destroy_object(&source.token, find_label(&source.session, "destroyed")[0]).unwrap();
    let destroyed = backup::destroyed(&source.token).unwrap();
    let gone = destroyed[0].clone();
    assert_eq!(
        (&gone.unique_id, gone.label.as_str(), destroyed.len()),
        (&made.keys[0].unique_id, "destroyed", 1)
    );
    let keys = vec![backup::recovery_recipient(&sets).unwrap()];
    let (new, _) = source.backup_for(EVERYTHING, keys, destroyed);
    let (target, seed) = (World::new(), backup::combine(&shares).unwrap());
    for _ in 0..2 {
        target.restore(&new, &seed, &rules()).unwrap();
        assert_eq!(backup::destroyed(&target.token).unwrap(), std::slice::from_ref(&gone));
    }
    let destroyed = HashMap::from([(gone.unique_id.clone(), gone)]);
    let outcome = target.restore(&old, &seed, &Rules { destroyed, ..rules() }).unwrap();
    assert_eq!((outcome.restored.len(), outcome.destroyed.len()), (0, 1));
}

#[test]
fn what_a_newer_backup_names_as_destroyed_stays_so_when_the_older_one_is_restored_again() {
    let source = World::new();
    source.secret_key("destroyed", &[]);
    let shares = source.set(2, 2);
    let (old, made) = source.backup(EVERYTHING);
    let seed = backup::combine(&shares).unwrap();
    let unique_id = made.keys[0].unique_id.clone();
    let gone = Destroyed { when: NOW, unique_id: unique_id.clone(), label: "destroyed".into() };
    let target = World::new();
    let named = Rules { destroyed: HashMap::from([(unique_id, gone.clone())]), ..rules() };
    assert_eq!(target.restore(&old, &seed, &named).unwrap().destroyed.len(), 1);
    // Nobody names the newer backup the next time.
    assert_eq!(backup::destroyed(&target.token).unwrap(), [gone]);
}

/// Somebody who makes a token of his own is the security officer there. He must not become that of another token.
#[test]
fn what_only_the_officer_may_say_of_a_key_is_not_believed_of_a_foreign_backup() {
    let source = World::new();
    let key = source.secret_key("wrapping", &[(CKA_WRAP, Value::Bool(true))]);
    let attributes = source.token.object(key).unwrap().attributes().clone();
    source
        .token
        .change(key, |_| {
            let mut attributes = attributes.clone();
            attributes.set(CKA_TRUSTED, Value::Bool(true));
            Ok(attributes)
        })
        .unwrap();
    let shares = source.set(2, 2);
    let (file, made) = source.backup(EVERYTHING);
    let seed = backup::combine(&shares).unwrap();
    let target = World::new();
    assert!(backup::is_own(&source.token, &made.header.signer).unwrap());
    assert!(!backup::is_own(&target.token, &made.header.signer).unwrap());
    let outcome = target.restore(&file, &seed, &Rules { own: false, officer: false, ..rules() }).unwrap();
    assert_eq!((outcome.restored.len(), outcome.untrusted.len()), (1, 1));
    assert!(!target.token.object(find_label(&target.session, "wrapping")[0]).unwrap().is_true(CKA_TRUSTED));
    let target = World::new();
    let outcome = target.restore(&file, &seed, &rules()).unwrap();
    assert_eq!((outcome.restored.len(), outcome.untrusted.len()), (1, 0));
    assert!(target.token.object(find_label(&target.session, "wrapping")[0]).unwrap().is_true(CKA_TRUSTED));
    // A strict token takes no wrapping key of which it does not know the origin.
    let strict = World::with_profile(Profile::Strict);
    let outcome = strict.restore(&file, &seed, &Rules { own: false, officer: false, ..rules() }).unwrap();
    assert_eq!((outcome.restored.len(), outcome.refused.len()), (0, 1));
}

/// The officer may have taken the trust from it, and whoever may delete a public object could bring it back with it.
#[test]
fn what_was_trusted_once_comes_back_from_the_token_s_own_backup_without_trust_unless_the_officer_agrees() {
    let world = World::new();
    world.ed25519("signer");
    let public = || {
        let found = find_label(&world.session, "signer");
        let is_public = |key: &ObjectHandle| world.token.object(*key).unwrap().class() == CKO_PUBLIC_KEY;
        found.into_iter().find(is_public).unwrap()
    };
    let trust = |trusted| {
        let change = |object: &Object| {
            let mut attributes = object.attributes().clone();
            attributes.set(CKA_TRUSTED, Value::Bool(trusted));
            Ok(attributes)
        };
        world.token.change(public(), change).unwrap();
    };
    trust(true);
    let shares = world.set(2, 2);
    let (file, _) = world.backup(EVERYTHING);
    trust(false);
    let seed = backup::combine(&shares).unwrap();
    for officer in [false, true] {
        world.session.destroy_object(public()).unwrap();
        let outcome = world.restore(&file, &seed, &Rules { officer, ..rules() }).unwrap();
        assert_eq!((outcome.restored.len(), outcome.untrusted.len()), (1, usize::from(!officer)));
        assert_eq!(world.token.object(public()).unwrap().is_true(CKA_TRUSTED), officer);
    }
}

#[test]
fn what_came_in_without_a_login_stays_marked_so() {
    let source = World::new();
    source.session.logout().unwrap();
    source.session.create_object(&data("unproven", true, false)).unwrap();
    source.session.login(CKU_USER, &secret(USER_PIN)).unwrap();
    let shares = source.set(2, 2);
    let (file, _) = source.backup(EVERYTHING);
    let target = World::new();
    target.restore(&file, &backup::combine(&shares).unwrap(), &rules()).unwrap();
    let everything = target.everything();
    assert_eq!(everything, source.everything());
    assert!(everything.values().all(|(_, _, authenticated)| !authenticated));
}

#[test]
fn more_objects_than_one_transaction_holds_come_back_and_again_come_back_as_existing() {
    let source = World::new();
    let objects = (0..1200_u32).map(|number| {
        [
            (CKA_CLASS, Value::Ulong(CKO_DATA)),
            (CKA_TOKEN, Value::Bool(true)),
            (CKA_PRIVATE, Value::Bool(true)),
            (CKA_LABEL, bytes(&number.to_be_bytes())),
            (CKA_UNIQUE_ID, bytes(format!("unique {number}").as_bytes())),
        ]
    });
    let objects: Vec<Attributes> = objects.map(|attributes| attributes.into_iter().collect()).collect();
    source
        .token
        .transact(|batch| objects.iter().try_for_each(|object| batch.create(object.clone()).map(drop)))
        .unwrap();
    let shares = source.set(2, 2);
    let (file, made) = source.backup(EVERYTHING);
    assert_eq!(made.counts.objects, 1200);
    let (target, seed) = (World::new(), backup::combine(&shares).unwrap());
    assert_eq!(target.restore(&file, &seed, &rules()).unwrap().restored.len(), 1200);
    assert_eq!(target.everything(), source.everything());
    assert_eq!(target.restore(&file, &seed, &rules()).unwrap().existing.len(), 1200);
}

#[test]
fn a_token_knows_that_what_was_restored_is_in_the_backup_as_well() {
    let source = World::new();
    source.secret_key("key", &[]);
    let (shares, target) = (source.set(2, 2), World::new());
    let (file, made) = source.backup(EVERYTHING);
    let (seed, survey) = (backup::combine(&shares).unwrap(), backup::survey(&file[..]).unwrap());
    for _ in 0..2 {
        let outcome = target.restore(&file, &seed, &rules()).unwrap();
        backup::remember(&target.token, &survey, "/media/file", &outcome).unwrap();
        let copies = copies::of_key(&target.token, &made.keys[0].unique_id).unwrap();
        assert_eq!((copies.len(), copies[0].1.place.as_str()), (1, "/media/file"));
    }
}

#[test]
fn a_token_remembers_its_backups_and_what_was_in_them() {
    let world = World::new();
    world.secret_key("key", &[]);
    world.set(2, 2);
    let (_, made) = world.backup(EVERYTHING);
    backup::record(&world.token, &made, "/somewhere/file").unwrap();
    let known = backup::backups(&world.token).unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!((known[0].path.as_str(), known[0].made), ("/somewhere/file", NOW));
    assert_eq!(known[0].keys, made.keys);
    // So do the inventory of the key's copies, and a certificate of its destruction.
    let copies = || copies::of_key(&world.token, &made.keys[0].unique_id).unwrap();
    assert_eq!(
        (copies().len(), copies()[0].1.way, copies()[0].1.place.as_str()),
        (1, Way::BackedUp, "/somewhere/file")
    );
    assert_eq!(
        copies::confirm_destroyed(&world.token, &made.keys[0].unique_id, None, "shredded").unwrap(),
        1
    );
    assert!(copies()[0].1.are_confirmed());
    assert!(backup::backups(&world.token).unwrap()[0].status.ends_with("shredded"));
    // None of it is an object.
    assert_eq!(world.token.token_objects().unwrap().len(), 1);
}
