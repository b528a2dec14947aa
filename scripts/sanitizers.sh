#!/usr/bin/env bash
# Runs the unit tests and the tests of the C boundary under a sanitizer of a nightly compiler, and prints the counts. The
# C code of the engine is instrumented as well, its assembly is not: what that does to memory goes unseen.
# usage: sanitizers.sh address|thread|leak [TEST…] [-- FILTER…]
#   TEST is lib or the name of a file of tests/; FILTER chooses tests in them
#   address   memory that is used after it was freed, or beyond its end; leaks as well
#   thread    data races; the standard library is built anew (component rust-src)
#   leak      memory that nobody frees
# Exits with 77 where the nightly compiler or the component is missing. COFFER_NIGHTLY names another toolchain.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$ROOT"
export CARGO_TERM_COLOR=never

sanitizer=${1:-}
case $sanitizer in
address | leak) tests=(lib boundary storage vault) ;;
thread) tests=(lib boundary vault) ;;
*) sed -n '2,9s/^# \{0,1\}//p' "$0" && exit 2 ;;
esac
shift
chosen=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    chosen+=("$1")
    shift
done
[ ${#chosen[@]} -eq 0 ] || tests=("${chosen[@]}")
filters=("${@:2}")

toolchain=$(nightly_toolchain) || exit "$SKIPPED"
host=$(rustc "+$toolchain" -vV | sed -n 's/^host: //p')
# The library and its tests, without what the tool needs.
options=(--target "$host" --locked --quiet --no-default-features)
flags="-Zsanitizer=$sanitizer"
case $sanitizer in
# The runtime stands in the test, and the shared library that it loads must find it there.
address) flags+=" -Clink-arg=-Wl,--export-dynamic-symbol=__asan_*" ;;
thread)
    flags+=" -Clink-arg=-Wl,--export-dynamic-symbol=__tsan_*"
    # The C code of the engine counts references in its own atomics, which must be seen.
    export "CFLAGS_${host//-/_}=-fsanitize=thread"
    # Races between our code and a standard library without instrumentation cannot be told from others.
    rustup component list --toolchain "$toolchain" | grep -q '^rust-src (installed)' || {
        echo "rust-src is missing: rustup component add rust-src --toolchain $toolchain"
        exit "$SKIPPED"
    }
    options+=(-Zbuild-std)
    ;;
esac
for test in "${tests[@]}"; do
    if [ "$test" = lib ]; then options+=(--lib); else options+=(--test "$test"); fi
done
# Memory is refused by a small library before the C library; under a sanitizer the runtime's malloc stands before both.
left_out=(--skip exhaustion::)

export RUSTUP_TOOLCHAIN=$toolchain RUSTFLAGS=$flags
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$ROOT/target}/sanitizer-$sanitizer"
# abort_on_error: a finding in a child is a child that was killed. allocator_may_return_null: callers pass lengths up to 2^64,
# for which malloc answers NULL, and so must the runtime. die_after_fork: tests fork processes with threads.
export ASAN_OPTIONS=abort_on_error=1:detect_leaks=1:allocator_may_return_null=1
export LSAN_OPTIONS=allocator_may_return_null=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:allocator_may_return_null=1:die_after_fork=0
cargo test "${options[@]}" --no-fail-fast -- "${left_out[@]}" "${filters[@]}"
