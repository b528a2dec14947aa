//! Dual control (docs/roles.md): what several people must approve happens with their approval, once, and else not.

mod common;

#[path = "lifecycle_control/board.rs"]
mod board;
#[path = "lifecycle_control/disk.rs"]
mod disk;
#[path = "lifecycle_control/operations.rs"]
mod operations;
#[path = "lifecycle_control/refusals.rs"]
mod refusals;
#[path = "lifecycle_control/rules.rs"]
mod rules;
#[path = "lifecycle_control/single_use.rs"]
mod single_use;
