//! Events, under the name by which the life cycle knows them. They are defined where changes are committed: a change and
//! the event that tells of it are one transaction.

pub use crate::token::{Event, KeyName, Outcome, What, Who};
