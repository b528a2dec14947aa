//! Handles and ids of the C interface, each a type of its own.

use crate::ck::*;

/// A handle of an object, valid in one process. Zero is never given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectHandle(pub CK_OBJECT_HANDLE);

/// A handle of a session, valid in one process. Zero is never given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionHandle(pub CK_SESSION_HANDLE);

/// The id of a slot: below 2^31, and stable for the life of the token in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId(pub CK_SLOT_ID);
