//! Vectors through the C functions of the loaded library: the files of Project Wycheproof (`wycheproof`, one row a file)
//! and known answers of NIST, the RFCs and others for what those lack (`answers`, one row an answer).

pub mod answers;
mod curves;
pub mod lattice;
pub mod parameter;
pub mod report;
mod symmetric;
mod token;
mod public_keys;
pub mod wycheproof;

pub use report::Report;
pub use token::Token;
