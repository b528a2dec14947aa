//! An approval serves once, whoever comes first, and is not lost with a change that did not come about.

use std::sync::{Arc, Barrier};

use coffer_pkcs11::ck::*;
use coffer_pkcs11::error::Error;
use coffer_pkcs11::lifecycle::destruction::{self, Targets};
use coffer_pkcs11::lifecycle::{approval, copies};
use coffer_pkcs11::mechanism::Params;
use coffer_pkcs11::object::Object;
use coffer_pkcs11::policy::Controlled;
use coffer_pkcs11::session::Output;

use super::board::{Board, wrap};
use super::common::find_label;
use super::common::world::{DAY, TODAY};
use super::disk::Disk;

#[test]
fn of_many_threads_that_wrap_with_one_approval_one_succeeds() {
    let board = Arc::new(Board::new());
    let (by, key) = (board.aes("by"), board.aes("web"));
    board.approved(Controlled::Export, board.subject(key));
    let start = Arc::new(Barrier::new(8));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (board, start) = (Arc::clone(&board), Arc::clone(&start));
            std::thread::spawn(move || {
                start.wait();
                board.wrap(by, key)
            })
        })
        .collect();
    let results: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let prohibited = results.iter().filter(|result| **result == Err(Error::ActionProhibited)).count();
    assert_eq!((results.iter().filter(|result| result.is_ok()).count(), prohibited), (1, 7));
    assert_eq!(board.waiting(), 0);
}

#[test]
fn of_two_processes_that_wrap_with_one_approval_one_succeeds() {
    let board = Board::new();
    let (by, key) = (board.aes("by"), board.aes("web"));
    let (_module, other) = board.elsewhere();
    for round in 0..10 {
        board.approved(Controlled::Export, board.subject(key));
        let start = Barrier::new(2);
        let (here, there) = std::thread::scope(|scope| {
            let there = scope.spawn(|| {
                let find = |label: &str| find_label(&other, label)[0];
                let (by, key) = (find("by"), find("web"));
                start.wait();
                wrap(&other, by, key).map(|_| ())
            });
            start.wait();
            let here = board.wrap(by, key).map(|_| ());
            (here, there.join().unwrap())
        });
        let prohibited = Err(Error::ActionProhibited);
        assert!(
            (here == Ok(()) && there == prohibited) || (here == prohibited && there == Ok(())),
            "round {round}: {here:?} {there:?}"
        );
        assert_eq!(board.waiting(), 0);
    }
}

#[test]
fn a_question_about_the_length_uses_nothing_up() {
    let board = Board::new();
    let (by, key) = (board.aes("by"), board.aes("web"));
    board.approved(Controlled::Export, board.subject(key));
    for _ in 0..3 {
        let mut question = Output::query();
        board.session.wrap_key(CKM_AES_KEY_WRAP_KWP, &Params::None, by, key, &mut question).unwrap();
    }
    assert_eq!(board.waiting(), 1);
    board.wrap(by, key).unwrap();
    assert_eq!(board.wrap(by, key), Err(Error::ActionProhibited));
}

#[test]
fn a_change_that_cannot_be_written_uses_nothing_up() {
    let board = Board::new();
    let key = board.aes("web");
    board.approved(Controlled::Destroy, board.subject(key));
    let disk = Disk::holding(std::fs::read(board.world.file()).unwrap(), false);
    let config = board.world.module.config();
    let token = disk.token(config);
    let key = token.token_objects().unwrap()[0];
    disk.fail(true);
    assert_eq!(destruction::destroy_object(&token, key), Err(Error::DeviceError));
    disk.fail(false);
    drop(token);
    // A process that comes after it finds the key and the approval.
    let token = disk.token(config);
    assert!(approval::list(&token).unwrap()[0].is_approved());
    let key = token.token_objects().unwrap()[0];
    destruction::destroy_object(&token, key).unwrap();
    assert!(approval::list(&token).unwrap().is_empty() && token.token_objects().unwrap().is_empty());
}

#[test]
fn wherever_a_process_dies_while_it_writes_the_key_and_the_approval_are_both_there_or_both_gone() {
    let board = Board::new();
    let key = board.aes("web");
    board.approved(Controlled::Destroy, board.subject(key));
    let before = std::fs::read(board.world.file()).unwrap();
    board.session.destroy_object(key).unwrap();
    let after = std::fs::read(board.world.file()).unwrap();
    let written = &after[before.len()..];
    let found = |length: usize| {
        let file = [&before[..], &written[..length]].concat();
        let token = Disk::holding(file, false).token(board.world.module.config());
        (token.token_objects().unwrap().len(), approval::list(&token).unwrap().len())
    };
    for length in (0..written.len()).step_by(61).chain([written.len() - 1]) {
        assert_eq!(found(length), (1, 1), "{length} of {} bytes", written.len());
    }
    assert_eq!(found(written.len()), (0, 0));
}

#[test]
fn a_change_that_is_refused_for_another_reason_uses_nothing_up() {
    let board = Board::new();
    let key = board.aes("web");
    board.approved(Controlled::Destroy, board.subject(key));
    let token = board.session.token();
    let decide = |due| destruction::decide(token, &Targets { handles: &[key], reason: "", due });
    // Approved is the end of one key, and the other has no approval.
    let other = board.aes("other");
    let both = destruction::decide(token, &Targets { handles: &[key, other], reason: "", due: TODAY });
    assert_eq!(both.err(), Some(Error::ActionProhibited));
    assert_eq!(board.waiting(), 1);
    assert!(board.works(key));
    // The decision is what was approved; carrying it out needs nothing more, undoing it neither.
    let pending = decide(TODAY + DAY).unwrap();
    assert_eq!(board.waiting(), 0);
    destruction::undo(token, &pending.keys[0].unique_id).unwrap();
    assert_eq!(decide(TODAY + DAY).err(), Some(Error::ActionProhibited), "it was used");
    board.approved(Controlled::Destroy, board.subject(key));
    decide(TODAY + DAY).unwrap();
    board.world.set_time(TODAY + DAY);
    destruction::carry_out(token, &pending.keys[0].unique_id).unwrap();
    assert!(!board.works(key));
}

#[test]
fn a_token_that_cannot_be_written_to_lets_no_key_out() {
    let board = Board::without_rules();
    // Such a token lets users log in only where it was made so.
    let mut config = board.world.module.config().clone();
    config.allow_readonly_login = true;
    let folder = tempfile::tempdir().unwrap();
    config.home = folder.path().to_owned();
    let module = coffer_pkcs11::module::Module::new(config.clone());
    let board = board.moved_to(module);
    let (by, key) = (board.aes("by"), board.aes("web"));
    approval::set_control(board.session.token(), Some(&board.control(2))).unwrap();
    board.approved(Controlled::Export, board.subject(key));
    let file = std::fs::read(folder.path().join("token-0.coffer")).unwrap();
    let (by, key) = (board.unique_id(by), board.unique_id(key));
    let token = Disk::holding(file, true).token(&config);
    let object = |unique_id: &str| {
        let found = token.token_objects().unwrap().into_iter().map(|handle| token.object(handle).unwrap());
        let is = |object: &Arc<Object>| object.bytes(CKA_UNIQUE_ID) == Some(unique_id.as_bytes());
        found.into_iter().find(is).unwrap()
    };
    let refused = copies::wrapped(&token, &object(&key), &object(&by), CKM_AES_KEY_WRAP_KWP);
    assert_eq!(refused, Err(Error::ActionProhibited));
}
