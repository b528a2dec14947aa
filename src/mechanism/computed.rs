//! CKA_CHECK_VALUE and CKA_PUBLIC_KEY_INFO, which only the engine can tell.

use crate::object::{Attributes, Computed};

/// Computes with the engine.
pub struct Engine;

impl Computed for Engine {
    fn public_key_info(&self, _attributes: &Attributes) -> Option<Vec<u8>> {
        None
    }

    fn check_value(&self, attributes: &Attributes) -> Option<Vec<u8>> {
        super::check_value::check_value(attributes)
    }
}
