//! Message authentication codes that the files of Project Wycheproof do not have.

use super::Known;

#[rustfmt::skip]
pub fn answers() -> Vec<Known> {
    vec![]
}
