#!/usr/bin/env bash
# The campaigns against the storage of a token, its rules and the C boundary, whole, with their seeds and counts. They
# take minutes to hours; slices of them run with the other tests.
# usage: campaign.sh NAME…|all     the names: campaign.sh list
#   COFFER_SEED=NUMBER             another random choice
#   COFFER_CAMPAIGN_SECONDS=NUMBER ends `kills`, `syscalls` and `one-time` after that time
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=never

# A name, and the test and filter of `cargo test --test TEST`.
declare -A campaigns=(
    [crash]="storage crash::"
    [prefix]="storage damage::every_byte_prefix"
    [bits]="storage damage::every_flipped_bit"
    [edits]="storage damage::every_edited_record"
    [splice]="storage splice::"
    [faults]="storage faults::"
    [kills]="processes kills::"
    [syscalls]="processes syscalls::"
    [crowd]="processes crowd::"
    [locks]="processes locks::"
    [starts]="processes starts::"
    [pins]="processes pins::"
    [forks]="processes forks::"
    [one-time]="processes one_time::"
    [boundary]="boundary matrix::"
    [parameters]="boundary parameters::"
    [memory]="boundary exhaustion::"
    [threads]="boundary threads::"
    [rules]="attacks property::"
    [attacks]="attacks"
)
names=(
    crash prefix bits edits splice faults kills syscalls crowd locks starts pins forks one-time boundary parameters memory threads
    model exits rules attacks power-cut audit
)

usage() { sed -n '2,6s/^# \{0,1\}//p' "$0"; }

# A virtual machine whose power is cut; what it cannot run without is told, and is no failure.
power_cut() {
    local status=0
    echo "== power-cut"
    nice bash scripts/power-cut.sh 100 || status=$?
    [ "$status" -eq 77 ] || return "$status"
}

# OpenSSL, NSS and Java start and end a thousand times each.
exits() {
    local target=${CARGO_TARGET_DIR:-$PWD/target}
    echo "== exits"
    bash scripts/build-release.sh
    EXITS=${EXITS:-1000} MODULE=$target/release/libcoffer_pkcs11.so COFFER=$target/release/coffer \
        nice bash tests/clients/exits.sh
}

# An audit log of a million records is made and verified; COFFER_AUDIT_RECORDS says another number.
audit() {
    local target=${CARGO_TARGET_DIR:-$PWD/target} folder
    echo "== audit"
    cargo build --release --quiet --locked --bin coffer --example audit_log
    folder=$(mktemp -d)
    "$target/release/examples/audit_log" "$folder/tokens" "${COFFER_AUDIT_RECORDS:-1000000}"
    time COFFER_HOME=$folder/tokens COFFER_PIN=1234 \
        "$target/release/coffer" audit verify --first-key "$folder/tokens/first-key"
    rm -r "$folder"
}

run() {
    local name=$1
    if [ "$name" = audit ]; then
        audit
        return
    fi
    if [ "$name" = exits ]; then
        exits
        return
    fi
    if [ "$name" = model ]; then
        echo "== model"
        COFFER_CAMPAIGN=full nice bash scripts/model.sh
        return
    fi
    if [ "$name" = power-cut ]; then
        power_cut
        return
    fi
    local test filter
    read -r test filter <<<"${campaigns[$name]:-}"
    if [ -z "$test" ]; then
        echo "there is no campaign '$name'; there are: ${names[*]}" >&2
        exit 2
    fi
    echo "== $name"
    COFFER_CAMPAIGN=full nice cargo test --quiet --locked --test "$test" -- \
        --nocapture --test-threads 1 ${filter:+"$filter"}
}

case "${1:-}" in
"" | -h | --help) usage ;;
list) printf '%s\n' "${names[@]}" ;;
all) for name in "${names[@]}"; do run "$name"; done ;;
*) for name in "$@"; do run "$name"; done ;;
esac
