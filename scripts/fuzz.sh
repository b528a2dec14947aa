#!/usr/bin/env bash
# Builds the fuzz targets (fuzz/) with coverage and AddressSanitizer, and runs them. What they learn is kept in
# target/fuzz/corpus, what made one fail in target/fuzz/artifacts; inputs of fuzz/corpus/TARGET are run as well. For each
# target one line is printed: executions, how many of them the code behind answered with a success, and the edges that
# were covered. A target that reaches no success has failed.
# usage: fuzz.sh [TARGET…] [--seconds N] [--slice] [--check] [--list]
#   --seconds N   for each target (60)
#   --slice       every target, shortly: 150 seconds for all of them together, besides the build
#   --check       only builds them, and says so where they do not compile
#   --list        the names of the targets
# Needs a nightly compiler; exits with 77 where there is none. COFFER_NIGHTLY names another toolchain.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$ROOT"
export CARGO_TERM_COLOR=never
readonly SLICE_SECONDS=150

seconds=60 slice="" check="" list="" wanted=()
while [ $# -gt 0 ]; do
    case $1 in
    --seconds) seconds=${2:?a number of seconds} && shift ;;
    --slice) slice=1 ;;
    --check) check=1 ;;
    --list) list=1 ;;
    -h | --help) sed -n '2,12s/^# \{0,1\}//p' "$0" && exit ;;
    -*) echo "there is no option $1; see fuzz.sh --help" >&2 && exit 2 ;;
    *) wanted+=("$1") ;;
    esac
    shift
done

toolchain=$(nightly_toolchain) || exit "$SKIPPED"
host=$(rustc "+$toolchain" -vV | sed -n 's/^host: //p')
folder="${CARGO_TARGET_DIR:-$ROOT/target}/fuzz"
program="$folder/$host/release/targets"

# As cargo-fuzz does it.
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Ccodegen-units=1 --cfg fuzzing"
coverage+=" -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
coverage+=" -Cllvm-args=-sanitizer-coverage-trace-compares"
# The versions of the project's own lock file; cargo adds what only the fuzzer needs.
cp Cargo.lock fuzz/Cargo.lock
(cd fuzz && RUSTUP_TOOLCHAIN=$toolchain RUSTFLAGS="$coverage -Zsanitizer=address" CARGO_TARGET_DIR=$folder \
    cargo build --quiet --release --target "$host") || {
    echo "the fuzz targets do not compile: fuzz/ is a workspace of its own, which other builds do not see"
    exit 1
}

mapfile -t all < <(COFFER_FUZZ_LIST=1 "$program")
if [ -n "$check" ]; then
    echo "${#all[@]} fuzz targets compile"
    exit
fi
if [ -n "$list" ]; then
    printf '%s\n' "${all[@]}"
    exit
fi
[ ${#wanted[@]} -gt 0 ] || wanted=("${all[@]}")
jobs=$(nproc)
if [ -n "$slice" ]; then seconds=$((SLICE_SECONDS * jobs / ${#wanted[@]})); fi
[ "$seconds" -gt 0 ] || seconds=1

# fuzz TARGET: one line about it; the status says whether it went well.
fuzz() {
    local target=$1 corpus="$folder/corpus/$1" log="$SCRATCH/$1.log" status=0
    mkdir -p "$corpus" "$folder/artifacts"
    local folders=("$corpus")
    [ ! -d "fuzz/corpus/$target" ] || folders+=("fuzz/corpus/$target")
    export COFFER_FUZZ_TARGET=$target
    COFFER_FUZZ_SEEDS=$corpus "$program" >"$log" 2>&1 || status=$?
    "$program" "${folders[@]}" -max_total_time="$seconds" -max_len=16384 -timeout=20 -malloc_limit_mb=1024 \
        -rss_limit_mb=4096 -artifact_prefix="$folder/artifacts/$target-" >>"$log" 2>&1 || status=$?
    local edges counts
    edges=$(grep -oE ' cov: [0-9]+' "$log" | tail -n 1 | grep -oE '[0-9]+' || echo 0)
    counts=$(sed -n 's/^coffer: //p' "$log" | tail -n 1)
    printf '%-28s %s, %s edges\n' "$target" "${counts:-no count}" "$edges"
    if [ "$status" -ne 0 ] || [[ $counts != *" successes" ]] || [[ $counts == *" 0 successes" ]]; then
        echo "FAILED: $target (exit status $status)"
        grep -vE '^#[0-9]|^INFO' "$log" | tail -n 40 | sed 's/^/    /'
        return 1
    fi
}

scratch_folder
# The token of the C functions is written in every execution: in memory, if there is a file system there.
TMPDIR=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo "$SCRATCH")" coffer-fuzz.XXXXXX)
trap 'rm -rf "$TMPDIR"; remove_scratch' EXIT
export TMPDIR
export -f fuzz
export program folder seconds SCRATCH
status=0
printf '%s\n' "${wanted[@]}" | xargs -P "$jobs" -I{} bash -c 'fuzz "$1"' fuzz {} || status=1
echo "${#wanted[@]} targets, $seconds seconds each"
exit "$status"
