//! Campaigns with real processes on one token file: killed, stopped, forked and racing.
//!
//! Each prints its seed and its counts. `COFFER_CAMPAIGN=full` makes them long, `COFFER_SEED` repeats one.

#[path = "../interface/mod.rs"]
mod interface;

mod child;
mod client;
mod crowd;
mod forks;
mod history;
mod kills;
mod locks;
mod mutations;
mod one_time;
mod pins;
mod shim;
mod starts;
mod syscalls;
