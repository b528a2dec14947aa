//! A change and its event are one transaction: whatever prefix of the token file a crash leaves, both are there or neither.

use std::collections::BTreeSet;

use coffer_pkcs11::object::SearchTemplate;
use coffer_pkcs11::policy::Role;
use coffer_pkcs11::store::MemoryBackend;
use coffer_pkcs11::token::What;

use super::common::{USER_PIN, config, secret};
use super::*;

/// The labels of the objects that the file holds, and those that its events say it must hold.
fn both(folder: &tempfile::TempDir, contents: &[u8]) -> (BTreeSet<String>, BTreeSet<String>) {
    let backend = Arc::new(MemoryBackend::with_contents(contents.to_vec()));
    let token = Token::open(backend, Arc::new(config(folder))).unwrap();
    token.session_opened(true).unwrap();
    token.log_in(Role::User, &secret(USER_PIN)).unwrap();
    let label = |handle| {
        let object = token.object(handle).unwrap();
        String::from_utf8(object.bytes(CKA_LABEL).unwrap().to_vec()).unwrap()
    };
    let held = token.find(&SearchTemplate::new()).unwrap().into_iter().map(label).collect();
    let mut told = BTreeSet::new();
    // By unique id: a label can change.
    let mut labels = std::collections::HashMap::new();
    for (_, text) in token.events(1).unwrap() {
        let event = Event::decode(text.text()).unwrap();
        let Some(key) = event.key else { continue };
        match event.what {
            What::Generated | What::Changed => drop(labels.insert(key.unique_id, key.label)),
            What::Destroyed => drop(labels.remove(&key.unique_id)),
            _ => {}
        }
    }
    told.extend(labels.into_values());
    (held, told)
}

#[test]
fn every_prefix_of_a_token_file_has_a_change_with_its_event_or_neither() {
    let fixture = Fixture::new();
    let session = fixture.user_session();
    let path = fixture.module.slot_info(SlotId(0)).unwrap().path;
    let start = std::fs::metadata(&path).unwrap().len() as usize;
    let first = secret_key(&session, "first", true);
    let second = secret_key(&session, "second", true);
    session.set_attribute_values(first, &template(&[(CKA_LABEL, bytes(b"renamed"))])).unwrap();
    let mut wrapped = [0; 64];
    session
        .wrap_key(CKM_AES_KEY_WRAP, &Params::None, second, first, &mut Output::buffer(&mut wrapped))
        .unwrap();
    session.destroy_object(second).unwrap();
    let contents = std::fs::read(&path).unwrap();
    let mut seen = BTreeSet::new();
    for length in (start..contents.len()).step_by(61).chain([contents.len()]) {
        let (held, told) = both(&fixture.folder, &contents[..length]);
        assert_eq!(held, told, "{length} bytes");
        seen.insert(held);
    }
    // None, one, two, one renamed and two, one.
    assert_eq!(seen.len(), 5, "{seen:?}");
}
