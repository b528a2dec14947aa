//! Who may see and use what. Every check of a key happens here, once, for every mechanism.
#![forbid(unsafe_code)]

mod access;
mod algorithms;
mod control;
mod cryptoperiod;
mod dates;
mod explain;
mod profile;
mod strength;
mod usage;
mod validity;

pub use access::{
    Function, MAXIMUM_NAME, Role, is_name, may_alter, may_export, may_make, may_read_value, roles_that_use,
    session_state, visible,
};
pub use algorithms::{AlgorithmPolicy, Finding, LONGEST_POLICY, Rule, Severity};
pub use control::{
    Approval, Control, Controlled, KEY_LEN, LONGEST_REQUEST, MAXIMUM_PARTICIPANTS, Participant,
    Refusal as ControlRefusal, Request, SignedRequest, Subject,
};
pub use cryptoperiod::{Cryptoperiod, cryptoperiod, cryptoperiods};
pub use dates::text as time_text;
pub use explain::{Answer, explain};
pub use profile::{Parameter, Profile, Refusal, Source};
pub use strength::of as strength_of;
pub use usage::{Check, Denial, Meter, Need, TakeCounter, UsableKey, Use, permit, permit_digest};
pub use validity::{Class, Concern, Life, Mode, State, Validity, Verdict, state, verdict};
