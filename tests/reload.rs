//! A host that loads and unloads the library again and again, while one of its threads has used it and lives on.
//!
//! The engine keeps thread-local state with destructors in the library: without `-z nodelete` they run in unmapped
//! code when that thread ends.

mod interface;

use std::ptr;
use std::sync::mpsc;

use interface::*;

#[test]
fn fifty_reloads_with_a_live_thread_harm_nobody() {
    in_own_process("fifty_reloads_with_a_live_thread_harm_nobody", || {
        let (work, received) = mpsc::channel::<&'static coffer_pkcs11::ck::CK_FUNCTION_LIST_3_2>();
        let (done, finished) = mpsc::channel();
        let worker = std::thread::spawn(move || {
            for functions in received {
                let session = open_session(functions);
                let mut bytes = [0u8; 16];
                done.send((
                    digest(functions, session),
                    call!(functions, C_GenerateRandom, session, bytes.as_mut_ptr(), 16),
                ))
                .unwrap();
            }
        });
        for round in 0..50 {
            let loaded = load();
            initialize(loaded.functions);
            if round == 0 {
                make_token(loaded.functions);
            }
            work.send(loaded.functions).unwrap();
            assert_eq!(finished.recv().unwrap(), (0, 0), "round {round}");
            // Every other host forgets to finalise.
            if round % 2 == 0 {
                finalize(loaded.functions);
                loaded.library.close().unwrap();
            } else {
                loaded.library.close().unwrap();
                assert_eq!(call!(load().functions, C_Finalize, ptr::null_mut()), 0);
            }
        }
        drop(work);
        worker.join().unwrap();
    });
}
