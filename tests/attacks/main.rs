//! Published attacks on tokens and their interfaces, each as a test that says what answers it.
//!
//! The literature that is cited by its authors:
//! - Clulow: J. Clulow, "On the Security of PKCS#11", CHES 2003.
//! - Bortolozzo: M. Bortolozzo, M. Centenaro, R. Focardi, G. Steel, "Attacking and Fixing PKCS#11 Security Tokens",
//!   CCS 2010; its attacks are numbered a1 to a5.
//! - Bleichenbacher, CRYPTO 1998; Manger, CRYPTO 2001; Vaudenay, EUROCRYPT 2002; Bardou and others, CRYPTO 2012.
//! - Biehl, Meyer, Müller, CRYPTO 2000 (invalid curves); Lim and Lee, CRYPTO 1997 (small subgroups).
//!
//! Where a token that behaves as applications expect permits an attack by design, its test shows both: what is
//! possible, and which attribute stops it; `strict.rs` has the same attacks on a token with the profile `strict`. `COFFER_CAMPAIGN=full` makes the long tests long, `COFFER_SEED` repeats one.

#[path = "../common/mod.rs"]
mod common;
#[path = "../interface/mod.rs"]
mod interface;

mod clones;
mod conjuring;
mod curves;
mod derivation;
mod gcm;
mod groups;
mod host;
mod matrix;
mod padding;
mod property;
#[path = "../storage/random.rs"]
mod random;
mod rsa_blocks;
mod strict;
mod templates;
mod timing;
mod wrapping;
