//! All fuzz targets in one program; `COFFER_FUZZ_TARGET` names the one to run. `scripts/fuzz.sh` is how to run them.
#![no_main]

mod approvals;
mod backups;
mod decoders;
mod input;
mod interface;
mod storage;
mod targets;

libfuzzer_sys::fuzz_target!(init: targets::begin(), |data: &[u8]| targets::run(data));
