//! Self-tests: a known answer of each algorithm, checked at the first use of a mechanism that stands on it.
//!
//! A mechanism's tests are those that have one of their words in its name. They run once in a process; a mechanism of
//! which one has failed answers CKR_DEVICE_ERROR from then on, and so does every other that stands on that algorithm.
//! `coffer selftest` runs all of them.

mod answers;
mod check;
mod ciphers;
mod derivations;
mod public_keys;
mod stateful;

use std::sync::atomic::{AtomicU8, Ordering};

use crate::error::{Error, Result};

use super::row::Mechanism;

/// The test of one algorithm.
pub struct SelfTest {
    pub algorithm: &'static str,
    /// Parts of the names of the mechanisms that stand on it.
    words: &'static [&'static str],
    /// False where the answer is another one. An error is a failure too.
    check: fn() -> Result<bool>,
    verdict: Verdict,
}

/// What has come of a test in this process. Threads that meet at the first use run it twice, to the same end.
struct Verdict(AtomicU8);

const OPEN: u8 = 0;
const PASSED: u8 = 1;
const FAILED: u8 = 2;

impl Verdict {
    const fn open() -> Self {
        Self(AtomicU8::new(OPEN))
    }

    /// Runs `check` if it has not run yet. Errors: CKR_DEVICE_ERROR, once and for all.
    fn settle(&self, check: impl FnOnce() -> Result<bool>) -> Result<()> {
        match self.0.load(Ordering::Relaxed) {
            PASSED => Ok(()),
            FAILED => Err(Error::DeviceError),
            _ => {
                let passed = check().unwrap_or(false);
                self.0.store(if passed { PASSED } else { FAILED }, Ordering::Relaxed);
                if passed { Ok(()) } else { Err(Error::DeviceError) }
            }
        }
    }
}

impl SelfTest {
    const fn new(
        algorithm: &'static str,
        words: &'static [&'static str],
        check: fn() -> Result<bool>,
    ) -> Self {
        Self { algorithm, words, check, verdict: Verdict::open() }
    }

    /// Whether this mechanism stands on the algorithm.
    pub fn serves(&self, row: &Mechanism) -> bool {
        self.words.iter().any(|word| row.name.contains(word))
    }

    /// Errors: CKR_DEVICE_ERROR where the test fails, or has failed before.
    pub fn run(&self) -> Result<()> {
        self.verdict.settle(self.check)
    }
}

/// All tests.
pub fn all() -> impl Iterator<Item = &'static SelfTest> {
    let families: [&[SelfTest]; 5] =
        [&answers::TESTS, &ciphers::TESTS, &public_keys::TESTS, &derivations::TESTS, &stateful::TESTS];
    families.into_iter().flatten()
}

/// Makes the test of this algorithm fail before its first use, for the whole process.
#[cfg(test)]
pub fn fail_from_now_on(algorithm: &str) {
    for test in all().filter(|test| test.algorithm == algorithm) {
        assert_eq!(test.verdict.0.swap(FAILED, Ordering::Relaxed), OPEN);
    }
}

/// The verdict on one mechanism: all its tests together, so that later uses cost one load.
pub(super) struct Tested(Verdict);

impl Tested {
    pub(super) const fn not_yet() -> Self {
        Self(Verdict::open())
    }

    /// Errors: CKR_DEVICE_ERROR.
    pub(super) fn check(&self, row: &Mechanism) -> Result<()> {
        self.0.settle(|| Ok(all().filter(|test| test.serves(row)).all(|test| test.run().is_ok())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_gives_its_known_answer() {
        for test in all() {
            assert_eq!(test.run(), Ok(()), "{}", test.algorithm);
        }
    }

    /// The names of what puts bytes together or reads a public key out of a private one.
    const COMPUTES_NOTHING: [&str; 4] = ["CKM_CONCATENATE_", "CKM_XOR_", "CKM_EXTRACT_", "CKM_PUB_KEY_"];

    #[test]
    fn every_mechanism_that_computes_stands_on_a_known_answer() {
        for row in super::super::all() {
            let random = |test: &&SelfTest| test.algorithm == "random numbers";
            let known = all().filter(|test| test.serves(row)).any(|test| !random(&test));
            let nothing = COMPUTES_NOTHING.iter().any(|name| row.name.starts_with(name));
            let random_alone = row.name == "CKM_GENERIC_SECRET_KEY_GEN";
            assert_eq!(known, !nothing && !random_alone, "{}", row.name);
        }
    }

    /// A row can stand on several algorithms: its curves, its hash, its cipher.
    #[test]
    fn a_mechanism_stands_on_every_algorithm_that_it_can_reach() {
        for (id, algorithms) in [
            (crate::ck::CKM_EDDSA, vec!["EdDSA", "Ed448"]),
            (crate::ck::CKM_ECDH1_DERIVE, vec!["ECDH", "X25519", "X448"]),
            (crate::ck::CKM_SHA256_RSA_PKCS_PSS, vec!["SHA-256", "RSA signature", "RSA-PSS"]),
            (crate::ck::CKM_CHACHA20_POLY1305, vec!["ChaCha20", "ChaCha20-Poly1305", "Poly1305"]),
            (crate::ck::CKM_DSA_SHA256, vec!["SHA-256", "DSA"]),
        ] {
            let row = super::super::lookup(id).unwrap();
            let reached: Vec<_> = all().filter(|test| test.serves(row)).map(|test| test.algorithm).collect();
            for algorithm in algorithms {
                assert!(reached.contains(&algorithm), "{} stands on {reached:?}", row.name);
            }
        }
    }

    #[test]
    fn every_test_serves_a_mechanism() {
        for test in all() {
            assert!(super::super::all().iter().any(|row| test.serves(row)), "{}", test.algorithm);
        }
    }

    #[test]
    fn a_test_that_has_failed_blocks_for_ever_and_runs_once() {
        for failure in [Ok(false), Err(Error::HostMemory)] {
            let (verdict, mut runs) = (Verdict::open(), 0);
            for _ in 0..3 {
                let answer = verdict.settle(|| {
                    runs += 1;
                    failure
                });
                assert_eq!(answer, Err(Error::DeviceError));
                // It would pass now, but it is too late.
                assert_eq!(verdict.settle(|| Ok(true)), Err(Error::DeviceError));
            }
            assert_eq!(runs, 1);
        }
        let passed = Verdict::open();
        assert_eq!(passed.settle(|| Ok(true)), Ok(()));
        assert_eq!(passed.settle(|| Ok(false)), Ok(()));
    }

    #[test]
    fn one_failed_algorithm_blocks_the_mechanisms_that_stand_on_it() {
        let test = SelfTest::new("broken", &["ECDSA"], || Ok(false));
        let row = super::super::lookup(crate::ck::CKM_ECDSA_SHA256).unwrap();
        assert!(test.serves(row));
        let tested = Tested::not_yet();
        assert_eq!(tested.0.settle(|| test.run().map(|()| true)), Err(Error::DeviceError));
        assert_eq!(tested.check(row), Err(Error::DeviceError));
    }
}
