#!/usr/bin/env bash
# Runs the unit tests of the vault and of the storage in memory under Miri, which finds undefined behaviour, and prints
# the count. The vault is driven without any C code: its cryptography is Rust, its file stands in memory.
# usage: miri.sh [FILTER…]      other tests than vault::, store::memory, store::tests, secret:: and object::codec
# Exits with 77 where the nightly compiler or its component miri is missing. COFFER_NIGHTLY names another toolchain.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$ROOT"
export CARGO_TERM_COLOR=never

toolchain=$(nightly_toolchain) || exit "$SKIPPED"
for component in miri rust-src; do
    rustup component list --toolchain "$toolchain" | grep -q "^$component.* (installed)" || {
        echo "$component is missing: rustup component add $component --toolchain $toolchain"
        exit "$SKIPPED"
    }
done
filters=("$@")
[ ${#filters[@]} -gt 0 ] || filters=(vault:: store::memory store::tests secret:: object::codec)

# Random numbers come from the operating system, and lock waits read its clock.
export MIRIFLAGS="-Zmiri-disable-isolation ${MIRIFLAGS:-}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$ROOT/target}/miri"
RUSTUP_TOOLCHAIN=$toolchain cargo miri test --quiet --locked --lib --no-default-features -- "${filters[@]}"
