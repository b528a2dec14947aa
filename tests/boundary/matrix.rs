//! Every function, in every state, with every way in which one argument can be wrong, and with all pointers wrong at once:
//! the answer is one that the standard allows, the process lives, and no byte beside the buffers changes. Before
//! C_Initialize, and with a wrong session handle, it is the one that says so, whatever else is wrong.
//!
//! The table of functions is compared with the library's list, so that a function without a row fails. The calls are made in a
//! child process; when one kills it, another goes on behind it. The slice makes one call of so many,
//! `COFFER_CAMPAIGN=full` all of them; `COFFER_SEED` chooses others.
//!
//! Lengths of 2^31 and more are told where the library must refuse or never use them: with NULL, for PINs, templates and
//! attributes, output, and above the address space. A caller who tells 2^31 bytes of input must have them.

use std::sync::atomic::Ordering;

use coffer_pkcs11::ck::*;

use super::answers;
use super::arguments::{Maker, POINTERS, Way, everywhere, ways};
use super::functions::{FUNCTIONS, Kind};
use super::interface::*;
use super::memory::Pointer;
use super::worker::{Progress, in_slice, is_campaign};
use super::world::{Base, STATES, World};

/// One call in how many the slice makes.
const SLICE: u64 = 23;

#[derive(Clone, Copy)]
struct Case {
    state: usize,
    function: usize,
    change: Change,
}

/// Which of the arguments is not as usual.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Usual,
    One(usize, Way),
    /// Every pointer lies so, and every length that comes with one is this.
    All(Pointer, u64),
    /// All pointers lead to the same memory, which is zeros.
    Shared,
}

impl Case {
    fn told(&self) -> String {
        let (state, function) = (&STATES[self.state], &FUNCTIONS[self.function]);
        let change = match self.change {
            Change::Usual => "as usual".to_owned(),
            Change::One(argument, way) => {
                format!("argument {argument} {:?} {way:?}", function.kinds[argument])
            }
            Change::All(pointer, length) => format!("all pointers {pointer:?}, with {length}"),
            Change::Shared => "all pointers to one place".to_owned(),
        };
        format!("{}, {change}, in {:?} {:?}", function.name, state.base, state.calls)
    }

    fn way(&self, argument: usize) -> Way {
        match self.change {
            Change::One(changed, way) if changed == argument => way,
            Change::All(pointer, length) => {
                everywhere(FUNCTIONS[self.function].kinds[argument], pointer, length)
            }
            _ => Way::Usual,
        }
    }

    /// The one answer that is right whatever else is wrong: what has a higher priority (section 5.1.7).
    fn only_answer(&self) -> Option<CK_RV> {
        let (base, row) = (STATES[self.state].base, &FUNCTIONS[self.function]);
        if base == Base::NotInitialised {
            return (!answers::is_anytime(row.name)).then_some(CKR_CRYPTOKI_NOT_INITIALIZED);
        }
        let no_session = matches!(base, Base::NoSession | Base::Closed);
        let wrong_handle = no_session || matches!(self.change, Change::One(0, Way::Number(_)));
        let has_session = row.kinds[0] == Kind::Session && !answers::is_parallel(row.name);
        (has_session && wrong_handle).then_some(CKR_SESSION_HANDLE_INVALID)
    }
}

/// All cases, state by state.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for state in 0..STATES.len() {
        for (function, row) in FUNCTIONS.iter().enumerate() {
            let mut add = |change| cases.push(Case { state, function, change });
            add(Change::Usual);
            for (argument, kind) in row.kinds.iter().enumerate() {
                ways(*kind).into_iter().skip(1).for_each(|way| add(Change::One(argument, way)));
            }
            for pointer in POINTERS {
                [0, 1].into_iter().for_each(|length| add(Change::All(pointer, length)));
            }
            add(Change::Shared);
        }
    }
    cases
}

fn chosen() -> Vec<Case> {
    let all = cases();
    if is_campaign() {
        return all;
    }
    // The usual call of each function in each state always, for the numbers to mean something.
    let slice = all.into_iter().enumerate();
    let slice = slice.filter(|(index, case)| case.change == Change::Usual || in_slice(*index, SLICE));
    slice.map(|(_, case)| case).collect()
}

#[test]
fn the_table_has_every_function_of_the_list() {
    let loaded = load();
    assert_eq!(size_of::<CK_FUNCTION_LIST_3_2>() / 8 - 1, FUNCTIONS.len());
    // SAFETY: behind its version the list has a pointer for each function.
    let listed = unsafe {
        let first = std::ptr::from_ref(loaded.functions).cast::<usize>().add(1);
        std::slice::from_raw_parts(first, FUNCTIONS.len())
    };
    for (row, address) in FUNCTIONS.iter().zip(listed) {
        // SAFETY: looked up, not called.
        let exported = unsafe { loaded.library.get::<unsafe extern "C" fn()>(row.name) }.unwrap();
        assert_eq!(*exported as usize, *address, "{}", row.name);
    }
}

#[test]
fn no_argument_in_no_state_hurts_the_host() {
    in_own_process("matrix::no_argument_in_no_state_hurts_the_host", || {
        let home = std::env::var("COFFER_HOME").unwrap();
        let configuration = "[pin]\nkdf-iterations = 10000\nattempts = 255\nmin-length = 1\n";
        std::fs::write(format!("{home}/coffer.toml"), configuration).unwrap();
        let functions = load().functions;
        let cases = chosen();
        let progress = Progress::shared();
        let deaths = progress.run(cases.len(), |first| work(functions, &cases[first..], progress));
        let deaths: Vec<String> = deaths.into_iter().map(|case| cases[case].told()).collect();
        let never = FUNCTIONS.iter().zip(&progress.answered).filter(|(_, [answered, succeeded])| {
            answered.load(Ordering::Relaxed) > 0 && succeeded.load(Ordering::Relaxed) == 0
        });
        let never: Vec<&str> = never.map(|(function, _)| function.name).collect();
        println!("boundary: never succeeded: {}", never.join(", "));
        let what = format!("{} functions in {} states", FUNCTIONS.len(), STATES.len());
        progress.judge(&what, &deaths);
    });
}

fn work(functions: &'static CK_FUNCTION_LIST_3_2, cases: &[Case], progress: &Progress) {
    let mut world = World::new(functions);
    for case in cases {
        progress.next();
        if !world.enter(&STATES[case.state]) {
            progress.unsupported.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        world.memory.clear();
        if case.change == Change::Shared {
            world.memory.share();
        }
        let mut maker =
            Maker { memory: &mut world.memory, handles: &world.handles, slot: world.slot, input: None };
        let mut words = Vec::new();
        for (argument, kind) in FUNCTIONS[case.function].kinds.iter().enumerate() {
            words.extend(maker.words(*kind, case.way(argument)));
        }
        progress.call(&mut world, case.function, &words, case.only_answer(), || case.told());
    }
}
