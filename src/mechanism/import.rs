//! Completes and checks the values of a key that comes from outside.

use crate::error::Result;
use crate::object::Attributes;

/// The attributes, completed.
pub fn check_key(attributes: &Attributes) -> Result<Attributes> {
    Ok(attributes.clone())
}
