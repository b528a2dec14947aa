//! The commands, one file a group.

pub mod backup;
pub mod ceremony;
pub mod clock;
pub mod delete;
pub mod destroy;
pub mod doctor;
pub mod explain;
pub mod export;
pub mod generate;
pub mod import;
pub mod info;
pub mod init;
pub mod key;
pub mod list;
pub mod mechanisms;
pub mod migrate;
pub mod pin;
pub mod recovery;
pub mod rewrap;
pub mod rotate;
pub mod salvage;
pub mod selftest;
pub mod softhsm2_util;
pub mod uri;
pub mod verify;
