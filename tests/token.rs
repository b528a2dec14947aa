//! What a token promises: slots, logins, session objects, several processes, damaged files.

mod common;

use coffer_pkcs11::ck::*;
use coffer_pkcs11::config::Characters;
use coffer_pkcs11::error::Error;
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::object::{SearchTemplate, Value};
use coffer_pkcs11::token::{SlotId, padded};

use common::*;

#[test]
fn one_empty_slot_is_always_offered_and_tokens_stay_in_theirs() {
    let fixture = Fixture::empty();
    assert_eq!(fixture.module.slots(), [SlotId(0)]);
    assert_eq!(fixture.module.token_info(SlotId(0)).unwrap().flags & CKF_TOKEN_INITIALIZED, 0);
    fixture.make_token(SlotId(0), "first");
    assert_eq!(fixture.module.slots(), [SlotId(0), SlotId(1)]);
    fixture.make_token(SlotId(1), "second");
    std::fs::remove_file(fixture.folder.path().join("token-0.coffer")).unwrap();

    let later = fixture.second_module();
    assert_eq!(later.slots(), [SlotId(0), SlotId(1)]);
    let info = later.token_info(SlotId(1)).unwrap();
    assert_eq!(info.identity.unwrap().label_text(), "second");
    assert_eq!(later.token_info(SlotId(0)).unwrap().identity, None);
}

#[test]
fn slots_that_were_counted_are_listed_so_whatever_others_make_meanwhile() {
    let (fixture, empty) = (Fixture::empty(), vec![SlotId(0)]);
    let other = fixture.second_module();
    assert_eq!(other.counted_slots(), empty, "nothing was counted: what is there is listed");
    assert_eq!(other.count_slots(), empty);
    fixture.make_token(SlotId(0), "first");
    assert_eq!(other.counted_slots(), empty);
    assert_eq!(other.count_slots(), [SlotId(0), SlotId(1)]);
    assert_eq!(other.counted_slots(), [SlotId(0), SlotId(1)]);
}

#[test]
fn a_session_with_the_empty_slot_is_refused() {
    let fixture = Fixture::empty();
    let refused = fixture.module.open_session(SlotId(0), CKF_SERIAL_SESSION);
    assert_eq!(refused.err(), Some(Error::TokenNotRecognized));
    assert_eq!(fixture.module.open_session(SlotId(7), CKF_SERIAL_SESSION).err(), Some(Error::SlotIdInvalid));
}

#[test]
fn logins_follow_the_tables_of_the_standard() {
    let fixture = Fixture::new();
    let read_only = fixture.open(SlotId(0), false);
    assert_eq!(read_only.info().state, CKS_RO_PUBLIC_SESSION);
    assert_eq!(read_only.login(CKU_SO, &secret(SO_PIN)), Err(Error::SessionReadOnlyExists));
    assert_eq!(read_only.login(CKU_USER, &secret("wrong")), Err(Error::PinIncorrect));
    assert_eq!(read_only.logout(), Err(Error::UserNotLoggedIn));
    read_only.login(CKU_USER, &secret(USER_PIN)).unwrap();
    assert_eq!(read_only.info().state, CKS_RO_USER_FUNCTIONS);
    assert_eq!(read_only.login(CKU_USER, &secret(USER_PIN)), Err(Error::UserAlreadyLoggedIn));
    assert_eq!(read_only.login(CKU_SO, &secret(SO_PIN)), Err(Error::UserAnotherAlreadyLoggedIn));
    assert_eq!(read_only.login(77, &secret(SO_PIN)), Err(Error::UserTypeInvalid));

    let read_write = fixture.open(SlotId(0), true);
    assert_eq!(read_write.info().state, CKS_RW_USER_FUNCTIONS);
    read_write.logout().unwrap();
    fixture.module.close_session(read_only.handle()).unwrap();
    read_write.login(CKU_SO, &secret(SO_PIN)).unwrap();
    assert_eq!(read_write.info().state, CKS_RW_SO_FUNCTIONS);
    let refused = fixture.module.open_session(SlotId(0), CKF_SERIAL_SESSION);
    assert_eq!(refused.err(), Some(Error::SessionReadWriteSoExists));
}

#[test]
fn the_close_of_the_last_session_logs_out() {
    let fixture = Fixture::new();
    let first = fixture.user_session();
    let second = fixture.open(SlotId(0), false);
    fixture.module.close_session(first.handle()).unwrap();
    assert_eq!(second.info().state, CKS_RO_USER_FUNCTIONS);
    fixture.module.close_session(second.handle()).unwrap();
    assert_eq!(fixture.open(SlotId(0), false).info().state, CKS_RO_PUBLIC_SESSION);
}

#[test]
fn session_objects_are_shared_never_stored_and_gone_with_their_session() {
    let fixture = Fixture::new();
    let maker = fixture.open(SlotId(0), false);
    let other = fixture.open(SlotId(0), false);
    maker.create_object(&data("a session object", false, false)).unwrap();
    assert_eq!(find_label(&other, "a session object").len(), 1);
    let file = std::fs::read(fixture.folder.path().join("token-0.coffer")).unwrap();
    assert!(!file.windows(16).any(|window| window == b"a session object"));
    fixture.module.close_session(maker.handle()).unwrap();
    assert_eq!(find_label(&other, "a session object").len(), 0);
}

#[test]
fn private_objects_and_their_operations_vanish_at_logout() {
    let fixture = Fixture::new();
    let session = fixture.user_session();
    let stored = session.create_object(&data("stored", true, true)).unwrap();
    session.create_object(&data("kept in memory", false, true)).unwrap();
    let key = session
        .generate_key(
            CKM_AES_KEY_GEN,
            &Params::None,
            &template(&[(CKA_VALUE_LEN, Value::Ulong(32)), (CKA_ENCRYPT, Value::Bool(true))]),
        )
        .unwrap();
    session.encrypt_init(CKM_AES_ECB, &Params::None, key).unwrap();
    session.logout().unwrap();
    assert_eq!(session.attribute_values(stored, &[CKA_LABEL]).err(), Some(Error::ObjectHandleInvalid));
    assert_eq!(session.encrypt_init(CKM_AES_ECB, &Params::None, key), Err(Error::KeyHandleInvalid));
    session.login(CKU_USER, &secret(USER_PIN)).unwrap();
    assert_eq!(find_label(&session, "stored").len(), 1);
    assert_eq!(find_label(&session, "kept in memory").len(), 0);
}

#[test]
fn another_process_sees_what_is_made_changed_and_destroyed() {
    let fixture = Fixture::new();
    let session = fixture.user_session();
    let second = fixture.second_module();
    let other = user_session(&second);

    let handle = session.create_object(&data("shared", true, true)).unwrap();
    let [seen] = find_label(&other, "shared")[..] else { panic!("the object is not seen") };
    other.set_attribute_values(seen, &template(&[(CKA_LABEL, bytes(b"renamed"))])).unwrap();
    let values = session.attribute_values(handle, &[CKA_LABEL]).unwrap();
    assert_eq!(values, [Ok(bytes(b"renamed"))]);
    session.destroy_object(handle).unwrap();
    assert_eq!(other.attribute_values(seen, &[CKA_LABEL]).err(), Some(Error::ObjectHandleInvalid));
    assert_eq!(find_label(&other, "renamed").len(), 0);
}

#[test]
fn a_key_destroyed_elsewhere_is_no_longer_used() {
    let fixture = Fixture::new();
    let session = fixture.user_session();
    let second = fixture.second_module();
    let other = user_session(&second);
    let key = template(&[
        (CKA_VALUE_LEN, Value::Ulong(32)),
        (CKA_TOKEN, Value::Bool(true)),
        (CKA_LABEL, bytes(b"k")),
    ]);
    let key = session.generate_key(CKM_AES_KEY_GEN, &Params::None, &key).unwrap();
    let [seen] = find_label(&other, "k")[..] else { panic!("the key is not seen") };
    other.encrypt_init(CKM_AES_ECB, &Params::None, seen).unwrap();
    other.encrypt_cancel();
    session.destroy_object(key).unwrap();
    // The look at the file that a search makes is also the key's.
    find_label(&other, "k");
    assert_eq!(other.encrypt_init(CKM_AES_ECB, &Params::None, seen), Err(Error::KeyHandleInvalid));
}

#[test]
fn the_so_unlocks_a_locked_user_pin() {
    let fixture = Fixture::new();
    let session = fixture.open(SlotId(0), true);
    for _ in 0..10 {
        assert_eq!(session.login(CKU_USER, &secret("wrong")), Err(Error::PinIncorrect));
    }
    assert_eq!(session.login(CKU_USER, &secret(USER_PIN)), Err(Error::PinLocked));
    assert_ne!(fixture.module.token_info(SlotId(0)).unwrap().flags & CKF_USER_PIN_LOCKED, 0);
    session.login(CKU_SO, &secret(SO_PIN)).unwrap();
    session.init_pin(&secret("another")).unwrap();
    session.logout().unwrap();
    session.login(CKU_USER, &secret("another")).unwrap();
}

#[test]
fn pins_change_and_have_limits() {
    let fixture = Fixture::new();
    let session = fixture.open(SlotId(0), true);
    assert_eq!(session.set_pin(&secret(USER_PIN), &secret("123")), Err(Error::PinLenRange));
    assert_eq!(session.set_pin(&secret("wrong"), &secret("1234")), Err(Error::PinIncorrect));
    session.set_pin(&secret(USER_PIN), &secret("1234")).unwrap();
    assert_eq!(session.login(CKU_USER, &secret(USER_PIN)), Err(Error::PinIncorrect));
    session.login(CKU_USER, &secret("1234")).unwrap();
    let read_only = fixture.open(SlotId(0), false);
    assert_eq!(read_only.set_pin(&secret("1234"), &secret("12345")), Err(Error::SessionReadOnly));
    assert_eq!(session.init_pin(&secret("12345")), Err(Error::UserNotLoggedIn));
}

#[test]
fn initialising_anew_needs_the_so_pin_and_closed_sessions() {
    let fixture = Fixture::new();
    let session = fixture.user_session();
    session.create_object(&data("old", true, false)).unwrap();
    let init = |pin: &str| fixture.module.init_token(SlotId(0), &secret(pin), padded("anew"));
    assert_eq!(init(SO_PIN), Err(Error::SessionExists));
    fixture.module.close_all_sessions(SlotId(0)).unwrap();
    assert_eq!(init("wrong pin"), Err(Error::PinIncorrect));
    init(SO_PIN).unwrap();
    let session = fixture.open(SlotId(0), true);
    assert_eq!(find_label(&session, "old").len(), 0);
    assert_eq!(session.login(CKU_USER, &secret(USER_PIN)), Err(Error::UserPinNotInitialized));
    let info = fixture.module.token_info(SlotId(0)).unwrap();
    assert_eq!(info.identity.unwrap().label_text(), "anew");
    assert_eq!(info.flags & CKF_USER_PIN_INITIALIZED, 0);
}

#[test]
fn without_a_login_public_objects_can_be_added_and_nothing_else() {
    let fixture = Fixture::new();
    let session = fixture.open(SlotId(0), true);
    let added = session.create_object(&data("added", true, false)).unwrap();
    assert_eq!(session.create_object(&data("private", true, true)), Err(Error::UserNotLoggedIn));
    assert_eq!(session.destroy_object(added), Err(Error::UserNotLoggedIn));
    let renamed = template(&[(CKA_LABEL, bytes(b"renamed"))]);
    assert_eq!(session.set_attribute_values(added, &renamed), Err(Error::UserNotLoggedIn));
    session.login(CKU_USER, &secret(USER_PIN)).unwrap();
    session.set_attribute_values(added, &renamed).unwrap();
    session.destroy_object(added).unwrap();
}

#[test]
fn a_public_object_without_secrets_is_copied_without_a_login() {
    let fixture = Fixture::new();
    let session = fixture.open(SlotId(0), true);
    let stored = session.create_object(&data("stored", true, false)).unwrap();
    let in_memory = template(&[(CKA_TOKEN, Value::Bool(false))]);
    session.copy_object(stored, &in_memory).unwrap();
    session.copy_object(stored, &template(&[])).unwrap();
    let reader = fixture.open(SlotId(0), false);
    reader.copy_object(stored, &in_memory).unwrap();
    assert_eq!(find_label(&reader, "stored").len(), 4);
}

#[test]
fn read_only_sessions_write_no_token_objects() {
    let fixture = Fixture::new();
    let session = fixture.open(SlotId(0), false);
    session.login(CKU_USER, &secret(USER_PIN)).unwrap();
    assert_eq!(session.create_object(&data("stored", true, true)), Err(Error::SessionReadOnly));
    session.create_object(&data("in memory", false, true)).unwrap();
}

#[test]
fn the_so_sees_no_private_object() {
    let fixture = Fixture::new();
    let session = fixture.user_session();
    let handle = session.create_object(&data("private", true, true)).unwrap();
    session.logout().unwrap();
    session.login(CKU_SO, &secret(SO_PIN)).unwrap();
    assert_eq!(find_label(&session, "private").len(), 0);
    assert_eq!(session.attribute_values(handle, &[CKA_VALUE]).err(), Some(Error::ObjectHandleInvalid));
    assert_eq!(session.create_object(&data("private", true, true)), Err(Error::UserNotLoggedIn));
}

#[test]
fn a_change_is_all_of_the_template_or_nothing() {
    let fixture = Fixture::new();
    let session = fixture.user_session();
    let handle = session.create_object(&data("before", true, true)).unwrap();
    let change = template(&[(CKA_LABEL, bytes(b"after")), (CKA_CLASS, Value::Ulong(CKO_SECRET_KEY))]);
    assert_eq!(session.set_attribute_values(handle, &change), Err(Error::AttributeReadOnly));
    assert_eq!(session.attribute_values(handle, &[CKA_LABEL]).unwrap(), [Ok(bytes(b"before"))]);
}

#[test]
fn a_generated_key_knows_its_history() {
    let fixture = Fixture::new();
    let session = fixture.user_session();
    let key = template(&[
        (CKA_VALUE_LEN, Value::Ulong(16)),
        (CKA_TOKEN, Value::Bool(true)),
        (CKA_SENSITIVE, Value::Bool(true)),
    ]);
    let key = session.generate_key(CKM_AES_KEY_GEN, &Params::None, &key).unwrap();
    let asked = [
        CKA_LOCAL,
        CKA_KEY_GEN_MECHANISM,
        CKA_ALWAYS_SENSITIVE,
        CKA_NEVER_EXTRACTABLE,
        CKA_VALUE_LEN,
        CKA_VALUE,
    ];
    let expected = [
        Ok(Value::Bool(true)),
        Ok(Value::Ulong(CKM_AES_KEY_GEN)),
        Ok(Value::Bool(true)),
        Ok(Value::Bool(true)),
        Ok(Value::Ulong(16)),
        Err(Error::AttributeSensitive),
    ];
    assert_eq!(session.attribute_values(key, &asked).unwrap(), expected);
    let Ok(Value::Bytes(check_value)) = session.attribute_values(key, &[CKA_CHECK_VALUE]).unwrap().remove(0)
    else {
        panic!("no check value")
    };
    assert_eq!(check_value.len(), 3);
}

#[test]
fn a_search_goes_by_any_attribute() {
    let fixture = Fixture::new();
    let session = fixture.user_session();
    for number in 0..20_u8 {
        session.create_object(&data(&format!("object {number}"), number % 2 == 0, true)).unwrap();
    }
    assert_eq!(find(&session, &SearchTemplate::new()).len(), 20);
    let mut stored = SearchTemplate::new();
    stored.push(CKA_TOKEN, &[CK_TRUE]).unwrap();
    assert_eq!(find(&session, &stored).len(), 10);
    let mut unknown = SearchTemplate::new();
    unknown.push(0x4321_4321, b"?").unwrap();
    assert_eq!(find(&session, &unknown).len(), 0);
}

/// What stands in place of a token file, and what C_OpenSession then answers.
fn with_file(content: Option<Vec<u8>>) -> (Fixture, coffer_pkcs11::module::Module) {
    let fixture = Fixture::new();
    let path = fixture.folder.path().join("token-0.coffer");
    match content {
        Some(content) => std::fs::write(&path, content).unwrap(),
        None => std::fs::remove_file(&path).unwrap(),
    }
    let module = fixture.second_module();
    (fixture, module)
}

#[test]
fn files_that_are_no_tokens_are_refused_and_left_alone() {
    let token = {
        let fixture = Fixture::new();
        std::fs::read(fixture.folder.path().join("token-0.coffer")).unwrap()
    };
    let mut other_version = token.clone();
    other_version[8..16].fill(0xff);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("truncated in its header", token[..40].to_vec()),
        ("not ours", b"just some text".repeat(1000)),
        ("all zeros", vec![0; 8192]),
        ("of another version", other_version),
    ];
    for (case, content) in cases {
        let (fixture, module) = with_file(Some(content.clone()));
        let refused = module.open_session(SlotId(0), CKF_SERIAL_SESSION).err();
        assert_eq!(refused, Some(Error::TokenNotRecognized), "{case}");
        assert_ne!(module.token_info(SlotId(0)).unwrap().flags & CKF_ERROR_STATE, 0, "{case}");
        assert!(module.init_token(SlotId(0), &secret(SO_PIN), padded("new")).is_err(), "{case}");
        let left = std::fs::read(fixture.folder.path().join("token-0.coffer")).unwrap();
        assert_eq!(left, content, "{case}");
        assert!(module.slots().len() >= 2, "{case}: another empty slot is offered");
    }
}

#[test]
fn a_missing_file_leaves_an_empty_slot() {
    let (_fixture, module) = with_file(None);
    assert_eq!(module.token_info(SlotId(0)).unwrap().identity, None);
}

#[test]
fn the_slot_of_a_deleted_token_is_empty_again() {
    let fixture = Fixture::new();
    std::fs::remove_file(fixture.folder.path().join("token-0.coffer")).unwrap();
    assert_eq!(fixture.module.slots(), [SlotId(0)]);
    fixture.make_token(SlotId(0), "again");
}

#[test]
fn a_folder_that_cannot_be_made_gives_an_error_and_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, b"in the way").unwrap();
    let mut config = config(&folder);
    config.home = file.join("tokens");
    let module = coffer_pkcs11::module::Module::new(config);
    let refused = module.init_token(SlotId(0), &secret(SO_PIN), padded("new"));
    assert!(matches!(refused, Err(Error::DeviceError | Error::TokenWriteProtected | Error::DeviceRemoved)));
}

#[test]
fn a_copy_beside_the_original_is_not_offered() {
    let fixture = Fixture::new();
    let folder = fixture.folder.path();
    std::fs::copy(folder.join("token-0.coffer"), folder.join("backup.coffer")).unwrap();
    let module = fixture.second_module();
    assert_eq!(module.slots(), [SlotId(0), SlotId(1)]);
    let flags = module.token_info(SlotId(1)).unwrap().flags;
    assert_eq!(flags & (CKF_TOKEN_INITIALIZED | CKF_ERROR_STATE), 0);
}

#[test]
fn a_token_in_use_elsewhere_is_not_initialised_anew() {
    let fixture = Fixture::new();
    let second = fixture.second_module();
    let init = || fixture.module.init_token(SlotId(0), &secret(SO_PIN), padded("anew"));
    let other = open(&second, SlotId(0), false);
    assert_eq!(init(), Err(Error::SessionExists));
    let another = open(&second, SlotId(0), true);
    second.close_session(other.handle()).unwrap();
    assert_eq!(init(), Err(Error::SessionExists));
    second.close_session(another.handle()).unwrap();
    init().unwrap();
}

#[test]
fn where_its_use_cannot_be_seen_a_token_initialised_anew_ends_the_sessions_of_others() {
    let fixture = Fixture::new();
    let second = fixture.second_module();
    let other = user_session(&second);
    let stored = other.create_object(&data("old", true, true)).unwrap();
    other.create_object(&data("in memory", false, false)).unwrap();
    let key = template(&[(CKA_VALUE_LEN, Value::Ulong(32)), (CKA_ENCRYPT, Value::Bool(true))]);
    let key = other.generate_key(CKM_AES_KEY_GEN, &Params::None, &key).unwrap();
    other.encrypt_init(CKM_AES_ECB, &Params::None, key).unwrap();
    // Nobody sees its sessions any more.
    std::fs::remove_file(fixture.folder.path().join("token-0.coffer.sessions")).unwrap();
    fixture.module.init_token(SlotId(0), &secret(SO_PIN), padded("anew")).unwrap();

    assert_eq!(other.attribute_values(stored, &[CKA_LABEL]).err(), Some(Error::SessionClosed));
    assert_eq!(second.session(other.handle()).err(), Some(Error::SessionHandleInvalid));
    assert_eq!(second.close_session(other.handle()), Err(Error::SessionHandleInvalid));
    let info = second.token_info(SlotId(0)).unwrap();
    assert_eq!((info.session_count, info.rw_session_count), (0, 0));
    // The other process goes on with the new token.
    let fresh = open(&second, SlotId(0), true);
    assert_eq!(fresh.info().state, CKS_RW_PUBLIC_SESSION);
    assert_eq!(find(&fresh, &SearchTemplate::new()).len(), 0);
    fresh.login(CKU_SO, &secret(SO_PIN)).unwrap();
    second.close_session(fresh.handle()).unwrap();
    fixture.module.init_token(SlotId(0), &secret(SO_PIN), padded("once more")).unwrap();
}

#[test]
fn new_pins_have_the_characters_that_the_configuration_allows() {
    for (characters, good, bad) in [
        (Characters::Any, "ключ 1", "abc"),
        (Characters::Ascii, "pin with ~!", "schlüssel"),
        (Characters::Alphanumeric, "Pin1234", "pin-1234"),
        (Characters::Digits, "123456", "12345a"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(&folder);
        config.pin.characters = characters;
        let module = coffer_pkcs11::module::Module::new(config);
        let refused = if characters == Characters::Any { Error::PinLenRange } else { Error::PinInvalid };
        assert_eq!(module.init_token(SlotId(0), &secret(bad), padded("t")), Err(refused));
        module.init_token(SlotId(0), &secret(good), padded("t")).unwrap();
        let session = open(&module, SlotId(0), true);
        session.login(CKU_SO, &secret(good)).unwrap();
        assert_eq!(session.init_pin(&secret(bad)), Err(refused));
        session.init_pin(&secret(good)).unwrap();
        assert_eq!(session.set_pin(&secret(good), &secret(bad)), Err(refused));
    }
}
