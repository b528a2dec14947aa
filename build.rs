//! Compiles the pages for secrets, the engine's allocator and its locks, and sets how the shared library is linked.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/pages.c");
    println!("cargo:rerun-if-changed=src/crypto/engine_memory.c");
    println!("cargo:rerun-if-changed=src/crypto/engine_locks.c");

    // Linked whole: the engine names these functions weakly, and a weak reference alone pulls nothing out of an archive.
    let mut memory = cc::Build::new();
    // Sanitizers know what malloc hands out, and nothing of pages that are cut by hand.
    if std::env::var("CARGO_ENCODED_RUSTFLAGS").is_ok_and(|flags| flags.contains("sanitizer")) {
        memory.define("COFFER_PLAIN_MALLOC", None);
    }
    memory
        .file("src/pages.c")
        .file("src/crypto/engine_memory.c")
        .warnings_into_errors(true)
        .flag_if_supported("-fvisibility=hidden")
        .cargo_metadata(false)
        .compile("coffer_engine_memory");
    if let Ok(folder) = std::env::var("OUT_DIR") {
        println!("cargo:rustc-link-search=native={folder}");
    }
    println!("cargo:rustc-link-lib=static:+whole-archive=coffer_engine_memory");

    cc::Build::new()
        .file("src/crypto/engine_locks.c")
        .warnings_into_errors(true)
        .flag_if_supported("-fvisibility=hidden")
        .compile("coffer_engine_locks");
    // A fork waits for the threads that hold a lock of the engine: its lock functions are ours, which count them.
    for function in ["rdlock", "wrlock", "unlock"] {
        println!("cargo:rustc-cdylib-link-arg=-Wl,--wrap=pthread_rwlock_{function}");
    }

    // The engine keeps thread-local state with destructors in this library: dlclose while a thread lives would leave
    // them pointing at unmapped code, so the library stays mapped.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
