use super::*;
use crate::object::Value;

fn key(attributes: &[(CK_ATTRIBUTE_TYPE, u64)]) -> Attributes {
    attributes.iter().map(|(id, number)| (*id, Value::Ulong(*number))).collect()
}

#[test]
fn a_key_of_which_nothing_is_said_is_active() {
    let object = Object::new(Attributes::new());
    assert!(!object.is_governed());
    assert_eq!(state(&object, 0), State::Active);
    assert_eq!(
        Validity { mode: Mode::Enforce, now: u64::MAX, algorithms: None }.concern(&object, Use::Sign, None),
        None
    );
}

#[test]
fn dates_count_from_their_second_on() {
    let life = Life::of(&key(&[
        (CKA_COFFER_ACTIVATION_DATE, 100),
        (CKA_COFFER_PROTECT_STOP_DATE, 200),
        (CKA_COFFER_PROCESS_STOP_DATE, 300),
    ]));
    let says = |now| (life.state(now), life.concern(Class::Protect, now), life.concern(Class::Process, now));
    let early = Some(Concern::NotYet(100));
    let late = Some(Concern::ProtectStopped(200));
    assert_eq!(says(99), (State::PreActive, early, early));
    assert_eq!(says(100), (State::Active, None, None));
    assert_eq!(says(199), (State::Active, None, None));
    assert_eq!(says(200), (State::Deactivated, late, None));
    assert_eq!(says(299), (State::Deactivated, late, None));
    assert_eq!(says(300), (State::Deactivated, late, Some(Concern::ProcessStopped(300))));
}

#[test]
fn the_end_date_is_the_last_day_and_the_earlier_stop_holds() {
    let mut attributes = key(&[(CKA_COFFER_PROTECT_STOP_DATE, 200_000)]);
    attributes.set(CKA_END_DATE, Value::Bytes(b"19700102".to_vec()));
    assert_eq!(Life::of(&attributes).protect_stop, Some(172_800));
    attributes.set(CKA_END_DATE, Value::Bytes(b"19700103".to_vec()));
    assert_eq!(Life::of(&attributes).protect_stop, Some(200_000));
    attributes.set(CKA_END_DATE, Value::Bytes(Vec::new()));
    assert_eq!(Life::of(&attributes).protect_stop, Some(200_000));
}

#[test]
fn dates_do_not_wake_what_was_suspended_or_compromised() {
    for decided in [State::Suspended, State::Compromised, State::Destroyed, State::Deactivated] {
        let life = Life::of(&key(&[
            (CKA_COFFER_STATE, decided.number()),
            (CKA_COFFER_ACTIVATION_DATE, 100),
            (CKA_COFFER_PROTECT_STOP_DATE, 200),
        ]));
        assert!([0, 150, 250].iter().all(|now| life.state(*now) == decided));
    }
}

#[test]
fn an_exception_lets_a_suspended_key_process_until_it_expires_and_never_protect() {
    let life =
        Life::of(&key(&[(CKA_COFFER_STATE, State::Suspended.number()), (CKA_COFFER_EXCEPTION_UNTIL, 100)]));
    let suspended = Some(Concern::State(State::Suspended));
    assert_eq!(life.concern(Class::Process, 99), None);
    assert_eq!(life.concern(Class::Process, 100), suspended);
    assert_eq!(life.concern(Class::Protect, 99), suspended);
}

#[test]
fn a_state_of_a_later_version_allows_nothing() {
    let life = Life::of(&key(&[(CKA_COFFER_STATE, 7)]));
    assert!([Class::Protect, Class::Process].iter().all(|class| life.concern(*class, 0).is_some()));
}

#[test]
fn dates_and_limits_only_become_tighter() {
    let held = key(&[
        (CKA_COFFER_ACTIVATION_DATE, 100),
        (CKA_COFFER_PROTECT_STOP_DATE, 200),
        (CKA_COFFER_USE_LIMIT, 5),
    ]);
    let with = |id, number| {
        let mut new = held.clone();
        new.set(id, Value::Ulong(number));
        Validity::NONE.check_change(&held, &new)
    };
    let refused = Err(Error::AttributeReadOnly);
    assert_eq!(with(CKA_COFFER_PROTECT_STOP_DATE, 199), Ok(()));
    assert_eq!(with(CKA_COFFER_PROTECT_STOP_DATE, 201), refused);
    assert_eq!(with(CKA_COFFER_ACTIVATION_DATE, 101), Ok(()));
    assert_eq!(with(CKA_COFFER_ACTIVATION_DATE, 99), refused);
    assert_eq!(with(CKA_COFFER_USE_LIMIT, 6), refused);
    // One that was not there is tighter than none.
    assert_eq!(with(CKA_COFFER_PROCESS_STOP_DATE, 900), Ok(()));
    assert_eq!(Validity::NONE.check_change(&held, &Attributes::new()), refused);
}

#[test]
fn the_end_date_can_be_put_off_unless_the_token_enforces_it() {
    let dated = |date: &[u8]| Attributes::from_iter([(CKA_END_DATE, Value::Bytes(date.to_vec()))]);
    let change = |mode, from: &[u8], to: &[u8]| {
        Validity { mode, ..Validity::NONE }.check_change(&dated(from), &dated(to))
    };
    assert_eq!(change(Mode::Warn, b"20300101", b"20310101"), Ok(()));
    assert_eq!(change(Mode::Enforce, b"20300101", b"20310101"), Err(Error::AttributeReadOnly));
    assert_eq!(change(Mode::Enforce, b"20300101", b""), Err(Error::AttributeReadOnly));
    assert_eq!(change(Mode::Enforce, b"20300101", b"20290101"), Ok(()));
    assert_eq!(change(Mode::Enforce, b"", b"20290101"), Ok(()));
}
