//! Tests of key files.
