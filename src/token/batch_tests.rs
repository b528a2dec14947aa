use std::sync::Arc;

use super::event::What;
use super::*;
use crate::object::{Attributes, SearchTemplate, Value};
use crate::policy::{Role, Source};
use crate::store::MemoryBackend;

fn config() -> Arc<Config> {
    let mut config = Config::with_home("/nowhere");
    config.pin.kdf_iterations = 10_000;
    Arc::new(config)
}

fn pin() -> Secret {
    Secret::copy_of(b"1234")
}

fn logged_in(token: Token) -> Token {
    token.session_opened(true).unwrap();
    token.log_in(Role::User, &pin()).unwrap();
    token
}

fn token(backend: Arc<MemoryBackend>) -> Token {
    let so_pin = Secret::copy_of(b"5678");
    let identity = Identity {
        slot: SlotId(0),
        label: padded("t"),
        serial: padded("1"),
        profile: Profile::Compatible,
        settings: Settings::default(),
    };
    let token = Token::create(backend, config(), &identity, &so_pin).unwrap();
    token.session_opened(true).unwrap();
    token.log_in(Role::SecurityOfficer, &so_pin).unwrap();
    token.init_pin(&pin()).unwrap();
    token.log_out().unwrap();
    logged_in(token)
}

fn data(label: &str) -> Attributes {
    Attributes::from_iter([
        (CKA_CLASS, Value::Ulong(CKO_DATA)),
        (CKA_TOKEN, Value::Bool(true)),
        (CKA_PRIVATE, Value::Bool(true)),
        (CKA_LABEL, Value::Bytes(label.into())),
    ])
}

/// What has happened, as the token file tells it.
fn told(token: &Token) -> Vec<(What, Option<String>)> {
    let events = token.unlocked().unwrap().events(1).unwrap();
    let events = events.iter().map(|(_, text)| Event::decode(text.text()).unwrap());
    events.map(|event| (event.what, event.key.map(|key| key.label))).collect()
}

fn all(token: &Token) -> usize {
    token.find(&SearchTemplate::new()).unwrap().len()
}

#[test]
fn ledger_records_are_found_by_kind_and_never_as_objects_also_after_compaction_and_rotation() {
    let backend = Arc::new(MemoryBackend::new());
    let token = token(backend.clone());
    token.create_objects(vec![data("a")], SessionHandle(1), Source::Imported).unwrap();
    token
        .transact(|batch| {
            batch.put(LedgerKind::ROLE, b"one".to_vec())?;
            batch.put(LedgerKind::ROLE, b"two".to_vec())?;
            batch.put(LedgerKind::REQUEST, b"other".to_vec())
        })
        .unwrap();
    let bytes = |token: &Token| -> Vec<Vec<u8>> {
        token.ledger(LedgerKind::ROLE).unwrap().into_iter().map(|record| record.bytes).collect()
    };
    let other = logged_in(Token::open(backend.clone(), config()).unwrap());
    for _ in 0..2 {
        for token in [&token, &other] {
            assert_eq!(bytes(token), [b"one", b"two"]);
            assert_eq!(all(token), 1);
        }
        token.unlocked().unwrap().compact().unwrap();
        token.unlocked().unwrap().rotate_root().unwrap();
    }
    let fresh = logged_in(Token::open(backend, config()).unwrap());
    assert_eq!((bytes(&fresh), all(&fresh)), (vec![b"one".to_vec(), b"two".to_vec()], 1));
    fresh.log_out().unwrap();
    assert_eq!(fresh.ledger(LedgerKind::ROLE), Err(Error::UserNotLoggedIn));
}

#[test]
fn of_two_who_change_a_ledger_record_the_second_sees_what_the_first_wrote() {
    let backend = Arc::new(MemoryBackend::new());
    let first = token(backend.clone());
    first.transact(|batch| batch.put(LedgerKind::REQUEST, vec![0])).unwrap();
    let second = logged_in(Token::open(backend, config()).unwrap());
    std::thread::scope(|scope| {
        for token in [&first, &second, &first, &second] {
            scope.spawn(move || {
                for _ in 0..5 {
                    let count = || {
                        token.transact(|batch| {
                            let records = token.ledger(LedgerKind::REQUEST)?;
                            let record = records.first().ok_or(Error::GeneralError)?;
                            batch.replace(record, vec![record.bytes[0] + 1]);
                            Ok(())
                        })
                    };
                    count().unwrap();
                }
            });
        }
    });
    let records = first.ledger(LedgerKind::REQUEST).unwrap();
    assert_eq!((records.len(), &records[0].bytes), (1, &vec![20]));
    first
        .transact(|batch| {
            batch.remove(&records[0]);
            Ok(())
        })
        .unwrap();
    assert!(second.ledger(LedgerKind::REQUEST).unwrap().is_empty());
}

#[test]
fn each_change_of_a_token_object_is_told_by_an_event_and_the_number_and_head_outlive_the_file() {
    let backend = Arc::new(MemoryBackend::new());
    let token = token(backend.clone());
    let handle = token.create_objects(vec![data("a")], SessionHandle(1), Source::Imported).unwrap()[0];
    token
        .change(handle, |object| {
            let mut attributes = object.attributes().clone();
            attributes.set(CKA_LABEL, Value::Bytes(b"b".to_vec()));
            Ok(attributes)
        })
        .unwrap();
    token.destroy(handle).unwrap();
    let label = |label: &str| Some(label.to_owned());
    let mut expected = vec![
        (What::TokenInitialised, None),
        (What::PinSet, None),
        (What::Created, label("a")),
        (What::Changed, label("b")),
        (What::Destroyed, label("b")),
    ];
    assert_eq!(told(&token), expected);
    let tally = token.vault().tally();
    assert_eq!(tally.count, 5);
    // A new root key, and events that are durable elsewhere are dropped.
    token.unlocked().unwrap().rotate_root().unwrap();
    assert_eq!((told(&token), token.vault().tally()), (expected.clone(), tally));
    token.vault().keep_events_from(5);
    token.unlocked().unwrap().rotate_root().unwrap();
    assert_eq!((told(&token), token.vault().tally()), (expected.split_off(4), tally));
    let fresh = logged_in(Token::open(backend, config()).unwrap());
    assert_eq!((fresh.vault().tally(), fresh.vault().first_event()), (tally, 5));
    // Initialised anew: the count goes on, and what was wiped is told.
    fresh.log_out().unwrap();
    fresh.session_closed(true, fresh.era());
    token.log_out().unwrap();
    token.session_closed(true, token.era());
    fresh
        .reinitialise(padded("u"), &Secret::copy_of(b"5678"), Profile::Compatible, Settings::default())
        .unwrap();
    assert_eq!(fresh.vault().tally().count, 6);
}

#[test]
fn a_batch_that_fails_leaves_neither_its_changes_nor_its_events() {
    let token = token(Arc::new(MemoryBackend::new()));
    let before = (told(&token), all(&token));
    let refused: Result<()> = token.transact(|batch| {
        batch.create(data("a"))?;
        batch.event(token.event(What::Imported));
        batch.destroy(ObjectHandle(99))
    });
    assert_eq!(refused, Err(Error::ObjectHandleInvalid));
    assert_eq!((told(&token), all(&token)), before);
}

#[test]
fn failed_logins_are_told_by_the_next_that_succeeds() {
    let token = token(Arc::new(MemoryBackend::new()));
    token.log_out().unwrap();
    for _ in 0..2 {
        assert_eq!(token.log_in(Role::User, &Secret::copy_of(b"9999")), Err(Error::PinIncorrect));
    }
    token.log_in(Role::User, &pin()).unwrap();
    let events = token.unlocked().unwrap().events(1).unwrap();
    let last = Event::decode(events.last().unwrap().1.text()).unwrap();
    assert_eq!((last.what, last.who.role), (What::LoginFailed, 2));
    assert!(last.detail.starts_with("2 failed"));
}
