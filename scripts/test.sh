#!/usr/bin/env bash
# Everything that is checked, from a fresh clone: one line a stage, and the count alone on the last line. Exits with a
# failure when a stage failed.
# usage: test.sh [PATTERN…]   only the stages whose name contains one of the patterns (and the release build, if it is
#                             needed and --no-build is not among them)
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$ROOT"
export CARGO_TERM_COLOR=never
scratch_folder
patterns=("$@")

# wanted NAME: whether this run was asked for the stage.
wanted() {
    [ ${#patterns[@]} -gt 0 ] || return 0
    local pattern
    for pattern in "${patterns[@]}"; do
        [[ $1 != *$pattern* ]] || return 0
    done
    return 1
}
maybe() {
    if wanted "$1"; then stage "$@"; fi
}
maybe_showing() {
    if wanted "$1"; then stage_showing "$@"; fi
}

layers() {
    bash scripts/layers.sh --self-test
    bash scripts/layers.sh
}
unit_tests() {
    # The library that tests open with dlopen must be there before they run.
    cargo build --workspace --locked
    COFFER_MODULE="$(module_debug)" cargo test --workspace --locked --quiet --no-fail-fast
    cargo test --locked --quiet --lib -- --ignored gives_the_reference_answer
}
conformance() {
    local softhsm2
    softhsm2=$(softhsm2_module)
    "$(conformance_release)" run --coffer "$(module_release)" --softhsm2 "$softhsm2" --must-pass coffer \
        --allow-unsupported tests/conformance-not-supported.txt
}
mechanisms() {
    "$(conformance_release)" mechanisms --coffer "$(module_release)" --softhsm2 "$(softhsm2_module)" --superset coffer
}
attacks() {
    # A token with the profile `strict`, made by the tool in the folder of each attack.
    local make="ls {dir}/*.coffer >/dev/null 2>&1 || COFFER_HOME={dir} COFFER_SO_PIN=security-officer COFFER_PIN=user-1234"
    make+=" $(tool_release) init p11-conformance --profile strict"
    "$(conformance_release)" attacks --coffer "$(module_release)" --softhsm2 "$(softhsm2_module)" \
        --module "coffer-strict=$(module_release)" --env "coffer-strict:COFFER_HOME={dir}" \
        --prepare "coffer-strict:$make" \
        --must-stop coffer-strict --must-stop coffer --permits coffer=tests/attacks-permitted.txt
}
profiles() {
    "$(conformance_release)" profiles --coffer "$(module_release)" --cases tests/profiles/cases --exact \
        --setup signature=tests/profiles/setup/rsa-key-pair.xml
}
# The test cases of the OASIS document "PKCS #11 Profiles" are not in this repository.
oasis_profiles() {
    local setup=tests/profiles/setup
    if [ -z "${PROFILE_CASES:-}" ]; then
        echo "PROFILE_CASES names no folder with the mandatory cases"
        return "$SKIPPED"
    fi
    "$(conformance_release)" profiles --coffer "$(module_release)" --cases "$PROFILE_CASES" \
        --permitted tests/profiles/permitted.txt --setup AUTH-M-1-32=$setup/rsa-key-pair.xml \
        --setup CERT-M-1-32=$setup/public-objects.xml
}
interfaces() {
    "$(conformance_release)" interfaces --coffer "$(module_release)" --softhsm2 "$(softhsm2_module)" \
        --complete coffer
}
proxy_selftest() {
    "$(conformance_release)" proxy-selftest --softhsm2 "$(softhsm2_module)"
}
bench() {
    "$(conformance_release)" bench --coffer "$(module_release)" --softhsm2 "$(softhsm2_module)" --seconds 0.3 \
        --raw-command "$(dirname "$(module_release)")/examples/engine_bench"
}
# Growth is compared within one run, so a busy machine does not matter; in memory, so that the disk does not either.
scale() {
    local folder=${TMPDIR:-/tmp}
    [ ! -w /dev/shm ] || folder=/dev/shm
    TMPDIR=$folder "$(conformance_release)" scale --coffer "$(module_release)" --softhsm2 "$(softhsm2_module)" \
        --objects 100,400,10000 --at-most softhsm2=400 --must-not-grow coffer=5 --rounds 3
}
client() {
    MODULE="$(module_release)" COFFER="$(tool_release)" bash "tests/clients/$1.sh"
}

stage "packages" bash scripts/install-packages.sh all
maybe "format" cargo fmt --all --check
maybe "clippy" cargo clippy --workspace --all-targets --locked -- -D warnings
maybe "clippy: the library alone" cargo clippy --lib --no-default-features --locked -- -D warnings
maybe "layers" layers
maybe "licences" bash scripts/licences.sh
maybe "file sizes" bash scripts/file-sizes.sh
maybe "unit and integration tests" unit_tests
maybe_showing "model checker" bash scripts/model.sh
if [[ " ${patterns[*]} " != *" --no-build "* ]]; then stage "release build" bash scripts/build-release.sh; fi
maybe "exported symbols" bash scripts/exported-symbols.sh "$(module_release)"
maybe_showing "conformance" conformance
maybe "mechanisms: a superset of SoftHSM2" mechanisms
maybe_showing "attacks" attacks
maybe_showing "interfaces" interfaces
maybe "profiles" profiles
maybe "profiles: the OASIS cases" oasis_profiles
maybe "conformance: broken modules are caught" proxy_selftest
maybe_showing "bench" bench
maybe_showing "scale" scale
for script in tests/clients/*.sh; do
    name=$(basename "$script" .sh)
    [ "$name" = common ] || maybe "client: $name" client "$name"
done
maybe "fuzz targets compile" bash scripts/fuzz.sh --check
maybe_showing "fuzzing" bash scripts/fuzz.sh --slice
maybe "install" bash scripts/test-install.sh
maybe "quickstart" bash scripts/quickstart.sh
maybe "ceremony" bash scripts/ceremony-demo.sh
stages_end
