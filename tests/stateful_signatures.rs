//! HSS: keys and signatures only where a token's settings say so, no one-time key twice whatever happens, and no second copy.

mod common;
#[path = "common/lifecycle.rs"]
mod lifecycle;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::Error;
use coffer_pkcs11::lifecycle::rotation::Choice;
use coffer_pkcs11::lifecycle::settings;
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::object::Value;
use coffer_pkcs11::policy::Mode;
use coffer_pkcs11::session::{Output, Session};
use coffer_pkcs11::token::{ObjectHandle, Settings, SlotId};

use crate::common::{bytes, find_label, template, user_session};
use crate::lifecycle::{World, read};

fn stateful() -> World {
    let settings = Settings { lifecycle: Mode::Enforce, stateful_signatures: true, ..Settings::default() };
    World::with_settings(settings)
}

type Entry = (CK_ATTRIBUTE_TYPE, Value);

/// The private template of a pair with these LMS and LM-OTS types, in the token file.
fn private(trees: &[u64], one_time: &[u64], more: &[Entry]) -> Vec<Entry> {
    let own = [
        (CKA_TOKEN, Value::Bool(true)),
        (CKA_LABEL, bytes(b"signer")),
        (CKA_HSS_LEVELS, Value::Ulong(trees.len() as u64)),
        (CKA_HSS_LMS_TYPES, Value::Mechanisms(trees.to_vec())),
        (CKA_HSS_LMOTS_TYPES, Value::Mechanisms(one_time.to_vec())),
    ];
    let stays = |(id, _): &Entry| more.iter().all(|(other, _)| id != other);
    own.into_iter().filter(stays).chain(more.to_vec()).collect()
}

fn generate(session: &Session, private: &[Entry]) -> Result<(ObjectHandle, ObjectHandle), Error> {
    let public = template(&[(CKA_TOKEN, Value::Bool(true)), (CKA_LABEL, bytes(b"verifier"))]);
    session.generate_key_pair(CKM_HSS_KEY_PAIR_GEN, &Params::None, &public, &template(private))
}

/// A pair of one level of 32 one-time keys.
fn small(session: &Session) -> (ObjectHandle, ObjectHandle) {
    generate(session, &private(&[5], &[3], &[])).unwrap()
}

fn sign(session: &Session, key: ObjectHandle, message: &[u8]) -> Result<Vec<u8>, Error> {
    session.sign_init(CKM_HSS, &Params::None, key)?;
    let mut place = vec![0; 80_000];
    let mut output = Output::buffer(&mut place);
    session.sign(message, &mut output)?;
    let length = output.length();
    place.truncate(length);
    Ok(place)
}

fn verify(session: &Session, key: ObjectHandle, message: &[u8], signature: &[u8]) -> Result<(), Error> {
    session.verify_init(CKM_HSS, &Params::None, key)?;
    session.verify(message, signature)
}

fn file(world: &World) -> PathBuf {
    world.folder.path().join("token-0.coffer")
}

/// The index of the one-time key, of a key with one level.
fn index(signature: &[u8]) -> u32 {
    u32::from_be_bytes(*signature[4..].first_chunk().unwrap())
}

fn remaining(session: &Session, key: ObjectHandle) -> u64 {
    read(session, key, CKA_HSS_KEYS_REMAINING).unwrap().as_ulong().unwrap()
}

#[test]
fn without_the_setting_a_token_verifies_and_shows_nothing_else() {
    let world = World::new(Mode::Enforce);
    let session = world.session();
    let list = world.module.mechanism_list(SlotId(0)).unwrap();
    assert!(list.contains(&CKM_HSS) && !list.contains(&CKM_HSS_KEY_PAIR_GEN));
    let info = world.module.mechanism_info(SlotId(0), CKM_HSS).unwrap();
    assert_eq!(info.flags & (CKF_SIGN | CKF_VERIFY | CKF_MESSAGE_SIGN), CKF_VERIFY);
    let hidden = world.module.mechanism_info(SlotId(0), CKM_HSS_KEY_PAIR_GEN);
    assert!(matches!(hidden, Err(Error::MechanismInvalid)));
    assert_eq!(generate(&session, &private(&[5], &[3], &[])), Err(Error::MechanismInvalid));
}

#[test]
fn a_key_goes_on_verifying_and_signs_no_more_when_the_setting_is_taken_back() {
    let world = stateful();
    let session = world.session();
    let (public, key) = small(&session);
    let signature = sign(&session, key, b"message").unwrap();
    session.sign_init(CKM_HSS, &Params::None, key).unwrap();
    settings::change(session.token(), None, |settings| settings.stateful_signatures = false).unwrap();
    let begun = session.sign(b"message", &mut Output::buffer(&mut [0; 3000]));
    assert_eq!(begun, Err(Error::MechanismInvalid));
    assert_eq!(sign(&session, key, b"message"), Err(Error::MechanismInvalid));
    assert_eq!(verify(&session, public, b"message", &signature), Ok(()));
    assert_eq!(remaining(&session, key), 31);
}

#[test]
fn a_pair_says_what_it_is_and_every_signature_uses_up_one_key_until_none_is_left() {
    let world = stateful();
    let session = world.session();
    let (public, key) = small(&session);
    for (object, attribute, wanted) in [
        (public, CKA_HSS_LEVELS, Value::Ulong(1)),
        (public, CKA_HSS_LMS_TYPE, Value::Ulong(5)),
        (public, CKA_HSS_LMOTS_TYPE, Value::Ulong(3)),
        (key, CKA_HSS_LEVELS, Value::Ulong(1)),
        (key, CKA_HSS_LMS_TYPES, Value::Mechanisms(vec![5])),
        (key, CKA_SENSITIVE, Value::Bool(true)),
        (key, CKA_EXTRACTABLE, Value::Bool(false)),
        (key, CKA_COPYABLE, Value::Bool(false)),
        (key, CKA_NEVER_EXTRACTABLE, Value::Bool(true)),
        (key, CKA_KEY_GEN_MECHANISM, Value::Ulong(CKM_HSS_KEY_PAIR_GEN)),
    ] {
        assert_eq!(read(&session, object, attribute), Ok(wanted), "{attribute:#x}");
    }
    assert_eq!(read(&session, key, CKA_VALUE), Err(Error::AttributeSensitive));
    let info = |object| read(&session, object, CKA_PUBLIC_KEY_INFO).unwrap();
    assert_eq!(info(public), info(key));
    for number in 0..32 {
        assert_eq!(remaining(&session, key), 32 - u64::from(number));
        let message = format!("message {number}");
        let signature = sign(&session, key, message.as_bytes()).unwrap();
        assert_eq!(index(&signature), number);
        assert_eq!(verify(&session, public, message.as_bytes(), &signature), Ok(()));
        assert_eq!(verify(&session, public, b"another", &signature), Err(Error::SignatureInvalid));
    }
    assert_eq!(sign(&session, key, b"one more"), Err(Error::KeyExhausted));
    assert_eq!(remaining(&session, key), 0);
}

#[test]
fn asking_for_the_length_and_a_short_buffer_use_up_nothing() {
    let world = stateful();
    let session = world.session();
    let (_, key) = small(&session);
    session.sign_init(CKM_HSS, &Params::None, key).unwrap();
    let mut short = [0; 10];
    assert_eq!(session.sign(b"m", &mut Output::buffer(&mut short)), Err(Error::BufferTooSmall));
    assert_eq!(remaining(&session, key), 32);
    assert_eq!(session.sign(b"m", &mut Output::buffer(&mut [0; 3000])), Ok(()));
    assert_eq!(remaining(&session, key), 31);
}

#[test]
fn several_levels_go_on_over_the_end_of_a_tree_also_in_a_new_process() {
    let world = stateful();
    let session = world.session();
    let (public, key) = generate(&session, &private(&[10, 10, 10], &[8, 7, 6], &[])).unwrap();
    assert_eq!(remaining(&session, key), 1 << 15);
    for number in 0..34 {
        let signature = if number % 3 == 0 {
            let process = world.second_module();
            let there = user_session(&process);
            sign(&there, find_label(&there, "signer")[0], b"message").unwrap()
        } else {
            sign(&session, key, b"message").unwrap()
        };
        assert_eq!(verify(&session, public, b"message", &signature), Ok(()), "{number}");
    }
    assert_eq!(remaining(&session, key), (1 << 15) - 34);
}

#[test]
fn a_key_with_more_signatures_than_can_be_told_says_the_most_that_can_be_told() {
    let world = stateful();
    let session = world.session();
    let (_, key) = generate(&session, &private(&[5; 8], &[1; 8], &[])).unwrap();
    assert_eq!(remaining(&session, key), 0xffff_ffff);
    sign(&session, key, b"message").unwrap();
    assert_eq!(remaining(&session, key), 0xffff_ffff);
    assert_eq!(read(&session, key, CKA_COFFER_ONE_TIME_KEYS_USED), Ok(Value::Ulong(1)));
}

#[test]
fn no_index_comes_twice_from_modules_and_threads_that_sign_at_once() {
    let world = stateful();
    let session = world.session();
    let (public, key) = generate(&session, &private(&[6], &[3], &[])).unwrap();
    let modules: Vec<_> = (0..3).map(|_| world.second_module()).collect();
    let signatures: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let signers: Vec<_> = modules
            .iter()
            .chain([&world.module])
            .flat_map(|module| [module; 2])
            .map(|module| {
                scope.spawn(move || {
                    let there: Arc<Session> = common::open(module, SlotId(0), true);
                    // The second thread of a process finds the user logged in.
                    _ = there.login(CKU_USER, &common::secret(common::USER_PIN));
                    let key = find_label(&there, "signer")[0];
                    (0..12).map(|_| sign(&there, key, b"message").unwrap()).collect::<Vec<_>>()
                })
            })
            .collect();
        signers.into_iter().flat_map(|signer| signer.join().unwrap()).collect()
    });
    let indices: BTreeSet<u32> = signatures.iter().map(|signature| index(signature)).collect();
    assert_eq!(indices, (0..96).collect::<BTreeSet<u32>>());
    for signature in &signatures {
        assert_eq!(verify(&session, public, b"message", signature), Ok(()));
    }
    assert_eq!(remaining(&session, key), 1024 - 96);
}

#[test]
fn the_key_is_not_copied_not_wrapped_and_does_not_come_from_outside() {
    let world = stateful();
    let session = world.session();
    let (public, key) = small(&session);
    let copied = session.copy_object(key, &template(&[(CKA_TOKEN, Value::Bool(false))]));
    assert_eq!(copied, Err(Error::ActionProhibited));
    for (attribute, value) in [(CKA_COPYABLE, true), (CKA_EXTRACTABLE, true), (CKA_SENSITIVE, false)] {
        let change = template(&[(attribute, Value::Bool(value))]);
        assert_eq!(session.set_attribute_values(key, &change), Err(Error::AttributeReadOnly));
    }
    for counted in [CKA_HSS_KEYS_REMAINING, CKA_COFFER_ONE_TIME_KEYS_USED] {
        let change = template(&[(counted, Value::Ulong(0))]);
        assert_eq!(session.set_attribute_values(key, &change), Err(Error::AttributeReadOnly));
    }
    let wrapping = lifecycle::aes_key(&session, &[(CKA_WRAP, Value::Bool(true))]);
    let wrapped = session.wrap_key(
        CKM_AES_KEY_WRAP_KWP,
        &Params::None,
        wrapping,
        key,
        &mut Output::buffer(&mut [0; 9000]),
    );
    assert_eq!(wrapped, Err(Error::KeyUnextractable));
    let Ok(Value::Bytes(value)) = read(&session, public, CKA_VALUE) else { panic!("a public key is told") };
    let outside = [
        (CKA_CLASS, Value::Ulong(CKO_PRIVATE_KEY)),
        (CKA_KEY_TYPE, Value::Ulong(CKK_HSS)),
        (CKA_VALUE, bytes(&value)),
        (CKA_SENSITIVE, Value::Bool(true)),
        (CKA_EXTRACTABLE, Value::Bool(false)),
        (CKA_COPYABLE, Value::Bool(false)),
    ];
    let created = session.create_object(&template(&private(&[5], &[3], &outside)));
    assert_eq!(created, Err(Error::AttributeValueInvalid));
}

#[test]
fn templates_that_no_pair_can_have_are_refused() {
    let world = stateful();
    let session = world.session();
    let refused = |private: &[Entry]| generate(&session, private).unwrap_err();
    for (trees, one_time, error) in [
        (&[5][..], &[3, 3][..], Error::TemplateInconsistent),
        (&[], &[], Error::AttributeValueInvalid),
        (&[5; 9], &[3; 9], Error::AttributeValueInvalid),
        (&[4], &[3], Error::AttributeValueInvalid),
        (&[5], &[17], Error::AttributeValueInvalid),
        (&[5], &[5], Error::AttributeValueInvalid),
        (&[5, 15], &[1, 9], Error::AttributeValueInvalid),
        (&[9], &[4], Error::KeySizeRange),
        (&[5, 8], &[1, 1], Error::KeySizeRange),
    ] {
        assert_eq!(refused(&private(trees, one_time, &[])), error, "{trees:?} {one_time:?}");
    }
    for (attribute, value) in [(CKA_COPYABLE, true), (CKA_EXTRACTABLE, true), (CKA_SENSITIVE, false)] {
        let private = private(&[5], &[3], &[(attribute, Value::Bool(value))]);
        assert_eq!(refused(&private), Error::TemplateInconsistent);
    }
    let mut without = private(&[5], &[3], &[]);
    without.retain(|(attribute, _)| *attribute != CKA_HSS_LMOTS_TYPES);
    assert_eq!(refused(&without), Error::TemplateIncomplete);
    let given = private(&[5], &[3], &[(CKA_HSS_KEYS_REMAINING, Value::Ulong(5))]);
    assert_eq!(refused(&given), Error::AttributeReadOnly);
}

/// A key of a session dies with it, and its state too.
#[test]
fn a_session_key_counts_as_one_of_the_token_does() {
    let world = stateful();
    let session = world.session();
    let (_, key) = generate(&session, &private(&[5], &[3], &[(CKA_TOKEN, Value::Bool(false))])).unwrap();
    let indices: Vec<u32> = (0..3).map(|_| index(&sign(&session, key, b"m").unwrap())).collect();
    assert_eq!(indices, [0, 1, 2]);
    assert_eq!(remaining(&session, key), 29);
    let into_file = session.copy_object(key, &template(&[(CKA_TOKEN, Value::Bool(true))]));
    assert_eq!(into_file, Err(Error::ActionProhibited));
}

/// A process that has seen what was signed since refuses an older file; nobody else can.
#[test]
fn an_older_file_that_is_put_back_is_refused_by_a_process_that_has_seen_a_newer_one() {
    let world = stateful();
    let session = world.session();
    let (_, key) = small(&session);
    sign(&session, key, b"message").unwrap();
    let older = std::fs::read(file(&world)).unwrap();
    assert_eq!(index(&sign(&session, key, b"message").unwrap()), 1);
    // In place, and as another file of the same name.
    std::fs::write(file(&world), &older).unwrap();
    assert!(sign(&session, key, b"another message").is_err());
    std::fs::write(world.folder.path().join("old"), &older).unwrap();
    std::fs::rename(world.folder.path().join("old"), file(&world)).unwrap();
    assert!(sign(&session, key, b"another message").is_err());
}

/// A new PIN is followed by a compaction: the file is another one, and the count goes on.
#[test]
fn the_count_goes_on_in_a_file_that_was_compacted() {
    let world = stateful();
    let session = world.session();
    let (public, key) = small(&session);
    sign(&session, key, b"message").unwrap();
    let before = std::fs::metadata(file(&world)).unwrap().len();
    let (old, new) = (common::secret(common::USER_PIN), common::secret("another-pin"));
    session.set_pin(&old, &new).unwrap();
    assert!(std::fs::metadata(file(&world)).unwrap().len() < before, "it was compacted");
    let signature = sign(&session, key, b"message").unwrap();
    assert_eq!(index(&signature), 1);
    assert_eq!(verify(&session, public, b"message", &signature), Ok(()));
}

#[test]
fn messages_are_signed_one_by_one_each_with_a_key_of_its_own() {
    let world = stateful();
    let session = world.session();
    let (public, key) = small(&session);
    session.message_sign_init(CKM_HSS, Params::None, key).unwrap();
    let mut indices = Vec::new();
    for message in [b"one", b"two"] {
        let mut place = [0; 3000];
        let mut output = Output::buffer(&mut place);
        session.sign_message(message, &mut output).unwrap();
        let length = output.length();
        assert_eq!(verify(&session, public, message, &place[..length]), Ok(()));
        indices.push(index(&place));
    }
    assert_eq!(indices, [0, 1]);
}

#[test]
fn a_rotated_key_has_a_successor_of_the_same_levels_with_one_time_keys_of_its_own() {
    let world = stateful();
    let session = world.session();
    let (_, key) = small(&session);
    sign(&session, key, b"message").unwrap();
    let rotated = session.rotate_key(key, &Choice::default()).unwrap();
    assert_eq!(remaining(&session, rotated.key), 32);
    assert_eq!(read(&session, rotated.key, CKA_HSS_LMOTS_TYPES), Ok(Value::Mechanisms(vec![3])));
    assert_eq!(sign(&session, key, b"message"), Err(Error::KeyFunctionNotPermitted));
    assert!(sign(&session, rotated.key, b"message").is_ok());
}

/// Where the file takes no commit, the count is not advanced, and nothing is signed.
#[test]
fn without_a_durable_commit_there_is_no_signature() {
    let world = stateful();
    let session = world.session();
    let (_, key) = small(&session);
    sign(&session, key, b"message").unwrap();
    session.sign_init(CKM_HSS, &Params::None, key).unwrap();
    let file = file(&world);
    // Cut off while it is open: what the process knows is gone.
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let mut place = [0; 3000];
    let signed = session.sign(b"message", &mut Output::buffer(&mut place));
    assert!(signed.is_err());
    assert!(place.iter().all(|byte| *byte == 0), "nothing of a signature has left");
    std::fs::write(&file, &whole).unwrap();
}
