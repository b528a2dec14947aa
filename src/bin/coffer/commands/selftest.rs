//! `coffer selftest`: the known answer of every algorithm, as the library checks it at first use.

use clap::Args;
use coffer_pkcs11::mechanism::{self, self_test};
use serde::Serialize;

use crate::failure::{Exit, Result};
use crate::output;

#[derive(Args)]
pub struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document {
    tests: Vec<Test>,
}

#[derive(Serialize)]
struct Test {
    algorithm: &'static str,
    passed: bool,
    /// How many mechanisms stand on it.
    mechanisms: usize,
}

impl Arguments {
    /// Exit code 1 where a test has failed.
    pub fn run(self) -> Result<Exit> {
        let tests: Vec<Test> = self_test::all()
            .map(|test| Test {
                algorithm: test.algorithm,
                passed: test.run().is_ok(),
                mechanisms: mechanism::all().iter().filter(|row| test.serves(row)).count(),
            })
            .collect();
        let failed = tests.iter().filter(|test| !test.passed).count();
        if self.json {
            output::json("selftest", 1, Document { tests })?;
        } else {
            let cells = tests.iter().map(|test| {
                let verdict = if test.passed { "passed" } else { "FAILED" };
                vec![test.algorithm.to_string(), verdict.to_string(), test.mechanisms.to_string()]
            });
            output::line(&output::table(&["algorithm", "known answer", "mechanisms"], cells.collect()))?;
            output::line(&format!("{} failed.", output::count(failed, "test")))?;
        }
        Ok(if failed == 0 { Exit::Success } else { Exit::Error })
    }
}
