//! Coffer: a PKCS#11 token in software. The layers, top to bottom; a layer imports only what stands below it
//! (`scripts/layers.sh` checks this list).

#[cfg(panic = "abort")]
compile_error!("Coffer must be built with panic = \"unwind\": a panic may not kill the host application");

pub mod ck;
pub mod secret; // bytes that wipe themselves // the names of PKCS#11
