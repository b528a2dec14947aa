#!/usr/bin/env bash
# Builds what is released, in target/release: the tool `coffer`, `p11-conformance` with its proxy and the raw engine's
# benchmark (unless --no-conformance), and the library libcoffer_pkcs11.so. The library comes last and through
# `cargo rustc --crate-type cdylib`: beside an rlib, which the tool needs, cargo silently drops link-time optimisation,
# and a later `cargo build --release` puts the unoptimised library in the place of this one. A note of the library's
# hash tells when that has happened.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$ROOT"

packages=(--package coffer --bin coffer)
if [ "${1:-}" != --no-conformance ]; then
    cargo build --release --locked --package p11-conformance-proxy
    packages+=(--package p11-conformance --bin p11-conformance --example engine_bench)
fi
cargo build --release --locked "${packages[@]}"

library=$(module_release)
note="$library.sha256"
if [ -e "$library" ] && ! sha256sum --status --check "$note" 2>/dev/null; then
    rm -f "$library" "$(dirname "$library")/deps/$(basename "$library")"
fi
cargo rustc --release --locked --lib --crate-type cdylib
sha256sum "$library" >"$note"
ls -l "$library" "$(tool_release)"
