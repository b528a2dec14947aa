# shellcheck shell=bash
# What the scripts of this folder share: the root of the project, a scratch folder that is removed at the end, and
# stages. A stage is one command: its output goes to a log, one line says how it ended, and the end of the log is shown
# when it failed. A command that cannot do its work here for a good reason says why on its last line and exits with 77:
# the stage then counts as skipped.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export ROOT
readonly SKIPPED=77

stages_passed=0
stages_failed=0
stages_skipped=0
stages_failed_names=()

# scratch_folder: makes $SCRATCH, removed at the end unless KEEP_SCRATCH is set or a stage failed.
scratch_folder() {
    SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/coffer-scratch.XXXXXX")
    export SCRATCH
    trap remove_scratch EXIT
}

remove_scratch() {
    local status=$?
    if [ -n "${KEEP_SCRATCH:-}" ] || [ "$stages_failed" -gt 0 ]; then
        [ "$status" -eq 0 ] && [ -z "${KEEP_SCRATCH:-}" ] || echo "logs are in $SCRATCH" >&2
    else
        rm -rf "$SCRATCH"
    fi
}

# run_stage SHOW NAME COMMAND…: SHOW is "quiet" or "show" (print the output of a passed stage as well).
run_stage() {
    local show=$1 name=$2 log start end tenths status=0
    shift 2
    log="$SCRATCH/$(tr -cs '[:alnum:].' '-' <<<"$name" | sed 's/-*$//').log"
    start=$(date +%s%N)
    # Not left of ||, where a stage would go on after a command of its own that has failed.
    set +e
    (
        set -e
        "$@"
    ) >"$log" 2>&1 </dev/null
    status=$?
    set -e
    end=$(date +%s%N)
    tenths=$(((end - start) / 100000000))
    local time
    time=$(printf '%4d.%d s' $((tenths / 10)) $((tenths % 10)))
    case $status in
    0)
        stages_passed=$((stages_passed + 1))
        printf 'ok    %s  %s%s\n' "$time" "$name" "$(last_count "$log")"
        [ "$show" = quiet ] || sed 's/^/    /' "$log"
        ;;
    "$SKIPPED")
        stages_skipped=$((stages_skipped + 1))
        printf 'skip  %s  %s: %s\n' "$time" "$name" "$(tail -n 1 "$log")"
        ;;
    *)
        stages_failed=$((stages_failed + 1))
        stages_failed_names+=("$name")
        printf 'FAIL  %s  %s (exit status %d)\n' "$time" "$name" "$status"
        # What failed may stand far above the end.
        { grep -aE 'FAILED$|panicked at' "$log" | head -n 20; } | sed 's/^/    /' || true
        tail -n "${STAGE_TAIL:-60}" "$log" | sed 's/^/    /'
        ;;
    esac
    return 0
}

stage() { run_stage quiet "$@"; }
stage_showing() { run_stage show "$@"; }

# last_count LOG: the count a client script ends with, for the stage's line (": 41 checks passed, 0 failed").
last_count() {
    local line
    line=$(tail -n 1 "$1")
    [[ $line =~ ^[0-9]+\ checks\ passed ]] && printf ': %s' "$line"
    return 0
}

# stages_end: the count, alone on the last line; the status says whether anything failed.
stages_end() {
    local name
    for name in "${stages_failed_names[@]}"; do echo "failed: $name"; done
    [ "$stages_skipped" -eq 0 ] || echo "$stages_skipped skipped"
    echo "$stages_passed passed, $stages_failed failed"
    [ "$stages_failed" -eq 0 ]
}

# artefact names, as cargo makes them
module_debug() { echo "${CARGO_TARGET_DIR:-$ROOT/target}/debug/libcoffer_pkcs11.so"; }
module_release() { echo "${CARGO_TARGET_DIR:-$ROOT/target}/release/libcoffer_pkcs11.so"; }
tool_release() { echo "${CARGO_TARGET_DIR:-$ROOT/target}/release/coffer"; }
conformance_release() { echo "${CARGO_TARGET_DIR:-$ROOT/target}/release/p11-conformance"; }

# softhsm2_module: the path of SoftHSM2's library, which Debian and others keep in different places.
softhsm2_module() {
    local path
    for path in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so \
        /usr/lib64/softhsm/libsofthsm2.so /usr/lib64/pkcs11/libsofthsm2.so; do
        if [ -e "$path" ]; then
            echo "$path"
            return 0
        fi
    done
    return 1
}

# nightly_toolchain: the nightly compiler that sanitizers, fuzzing and Miri need: $COFFER_NIGHTLY, else the one that
# fuzz/rust-toolchain.toml pins, else any. Says on standard error why there is none.
nightly_toolchain() {
    local pinned name
    pinned=$(sed -n 's/^channel = "\(.*\)"/\1/p' "$ROOT/fuzz/rust-toolchain.toml")
    if ! command -v rustup >/dev/null; then
        echo "there is no rustup, which the nightly compiler comes from (rustup toolchain install $pinned)" >&2
        return 1
    fi
    for name in ${COFFER_NIGHTLY:-"$pinned" nightly}; do
        if rustup toolchain list | grep -q "^$name\b"; then
            echo "$name"
            return 0
        fi
    done
    echo "there is no nightly compiler: rustup toolchain install $pinned --component rust-src,miri" >&2
    return 1
}
