//! Whether two kinds of input take the same time, on a machine that does other things as well.
//!
//! The kinds take turns, so that whatever slows the machine slows all of them, and their medians are compared. A
//! difference that is there is there each time: a measurement is repeated, and one that shows none is believed.

use std::time::Instant;

/// Medians that differ by less are the same. Early returns that attacks have used are above it: the shortest
/// computation between right and wrong is a tenth of the call.
const SHARE: f64 = 0.05;
const ATTEMPTS: usize = 5;

/// Runs `call` with each kind of input in turn, `rounds` times; the input is made outside the measured time.
fn medians<I>(kinds: &[&str], rounds: usize, make: &impl Fn(usize) -> I, call: &impl Fn(I)) -> Vec<f64> {
    let mut times = vec![Vec::with_capacity(rounds); kinds.len()];
    for round in 0..rounds {
        for turn in 0..kinds.len() {
            // Each kind follows each other kind equally often.
            let kind = (turn + round) % kinds.len();
            let input = make(kind);
            let start = Instant::now();
            call(input);
            times[kind].push(start.elapsed().as_nanos() as f64);
        }
    }
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    times.into_iter().map(median).collect()
}

/// The largest difference of two medians, as a share of the smaller one.
fn spread(medians: &[f64]) -> f64 {
    let smallest = medians.iter().copied().fold(f64::INFINITY, f64::min);
    let largest = medians.iter().copied().fold(0.0, f64::max);
    largest / smallest - 1.0
}

/// Panics where every attempt tells the kinds apart.
pub fn equal<I>(what: &str, kinds: &[&str], rounds: usize, make: impl Fn(usize) -> I, call: impl Fn(I)) {
    let mut last = Vec::new();
    for attempt in 0..ATTEMPTS {
        last = medians(kinds, rounds, &make, &call);
        let spread = spread(&last);
        if spread < SHARE {
            println!("{what}: {:.1} % in attempt {}", spread * 100.0, attempt + 1);
            return;
        }
    }
    let told: Vec<_> = kinds.iter().zip(last).map(|(kind, median)| format!("{kind}: {median} ns")).collect();
    panic!("{what} takes a time of its own for each kind of input: {}", told.join(", "));
}

#[test]
fn the_measurement_tells_a_tenth_more_work_apart() {
    let work = |amount: u64| {
        let mut number = 1u64;
        for step in 0..amount {
            number = std::hint::black_box(number.wrapping_mul(step | 1));
        }
    };
    let told = (0..ATTEMPTS)
        .all(|_| spread(&medians(&["less", "more"], 301, &|kind| [20_000, 22_000][kind], &work)) > SHARE);
    assert!(told);
}
