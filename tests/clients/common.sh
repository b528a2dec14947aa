# shellcheck shell=bash
# What the client scripts share: a scratch home with a fresh token, numbered checks, servers that are stopped by pid.
#
# MODULE   the PKCS#11 module under test (any module; the scripts are developed against SoftHSM2 as well)
# COFFER   the tool, for the scripts that need it
# KEEP     set: the scratch folder stays
set -euo pipefail

WORK=$(mktemp -d "${TMPDIR:-/tmp}/coffer-client.XXXXXX")
export WORK
export HOME="$WORK/home" COFFER_HOME="$WORK/tokens" SOFTHSM2_CONF="$WORK/softhsm2.conf"
export PIN=1234 SO_PIN=12345678 LC_ALL=C TZ=UTC
unset XDG_CONFIG_HOME XDG_DATA_HOME XDG_RUNTIME_DIR SSH_AUTH_SOCK OPENSSL_CONF
mkdir -p "$HOME" "$COFFER_HOME" "$WORK/softhsm2"
chmod 700 "$HOME" "$COFFER_HOME"
printf 'directories.tokendir = %s\nlog.level = ERROR\nslots.removable = false\n' "$WORK/softhsm2" >"$SOFTHSM2_CONF"
CLIENTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export CLIENTS
cd "$WORK"

CHECKS_PASSED=0
CHECKS_FAILED=0
SERVERS=()

finish() {
    local status=$? pid
    for pid in "${SERVERS[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${SERVERS[@]}"; do wait "$pid" 2>/dev/null || true; done
    if [ -n "${KEEP:-}" ]; then echo "kept: $WORK" >&2; else rm -rf "$WORK"; fi
    exit "$status"
}
trap finish EXIT

# is_coffer: whether the module under test is Coffer (a few checks are about what Coffer promises beyond others).
is_coffer() { [[ $(basename "${MODULE:-}") == *coffer* ]]; }

passed() {
    CHECKS_PASSED=$((CHECKS_PASSED + 1))
    echo "ok $((CHECKS_PASSED + CHECKS_FAILED)) $1"
}
failed() {
    CHECKS_FAILED=$((CHECKS_FAILED + 1))
    echo "FAIL $((CHECKS_PASSED + CHECKS_FAILED)) $1"
    [ -z "${2:-}" ] || tail -n 15 "$2" | sed 's/^/       /'
}

# check SENTENCE COMMAND…: the command must succeed.
check() {
    local sentence=$1
    shift
    if "$@" >"$WORK/log" 2>&1 </dev/null; then passed "$sentence"; else failed "$sentence" "$WORK/log"; fi
}

# check_fails SENTENCE COMMAND…: the command must fail, and not by a signal.
check_fails() {
    local sentence=$1 status=0
    shift
    "$@" >"$WORK/log" 2>&1 </dev/null || status=$?
    if [ $status -eq 0 ]; then
        echo "(it succeeded)" >>"$WORK/log"
        failed "$sentence" "$WORK/log"
    elif [ $status -gt 128 ] && [ $status -lt 192 ]; then # ended by a signal
        echo "(it crashed: exit status $status)" >>"$WORK/log"
        failed "$sentence" "$WORK/log"
    else
        passed "$sentence"
    fi
}

# check_says SENTENCE PATTERN COMMAND…: the output (whatever the status) must contain the extended regular expression.
check_says() {
    local sentence=$1 pattern=$2
    shift 2
    "$@" >"$WORK/log" 2>&1 </dev/null || true
    if grep -qE -- "$pattern" "$WORK/log"; then
        passed "$sentence"
    else
        echo "(wanted: $pattern)" >>"$WORK/log"
        failed "$sentence" "$WORK/log"
    fi
}

# check_eq SENTENCE EXPECTED COMMAND…: standard output must be just that.
check_eq() {
    local sentence=$1 expected=$2 actual
    shift 2
    actual=$("$@" 2>"$WORK/log" </dev/null) || true
    if [ "$actual" = "$expected" ]; then
        passed "$sentence"
    else
        echo "(wanted '$expected', got '$actual')" >>"$WORK/log"
        failed "$sentence" "$WORK/log"
    fi
}

# summary: the count, as the last line; fails when a check failed or none was made.
summary() {
    echo "$CHECKS_PASSED checks passed, $CHECKS_FAILED failed"
    [ "$CHECKS_FAILED" -eq 0 ] && [ "$CHECKS_PASSED" -gt 0 ]
}

# need COMMAND…: without one of them the script cannot do its work.
need() {
    local command
    for command in "$@"; do
        command -v "$command" >/dev/null || {
            echo "$command is missing: run scripts/install-packages.sh"
            exit 1
        }
    done
}

# configure_engine: writes openssl.cnf, with which OpenSSL loads the pkcs11 engine of libp11 with the module.
configure_engine() {
    cat >openssl.cnf <<TEXT
openssl_conf = init
[init]
engines = engines
[engines]
pkcs11 = pkcs11
[pkcs11]
engine_id = pkcs11
MODULE_PATH = $MODULE
PIN = $PIN
init = 0
TEXT
}

p11() { pkcs11-tool --module "$MODULE" "$@"; }
# p11_user LABEL ARGUMENTS…: as the user of that token.
p11_user() {
    local label=$1
    shift
    p11 --token-label "$label" --login --pin "$PIN" "$@"
}

free_slot() { p11 --list-slots 2>/dev/null | awk '/^Slot/ { slot = $3 } /uninitialized/ { print slot; exit }' | tr -d '():'; }
# slot_of LABEL: the id of the slot of a token.
slot_of() {
    p11 --list-slots 2>/dev/null | awk -v label="$1" '/^Slot/ { slot = $3 }
        /token label/ { sub(/^[^:]*: */, ""); if ($0 == label) { print slot; exit } }' | tr -d '():'
}

# make_token LABEL: a fresh token with the PINs above, through the module itself.
make_token() {
    local slot
    slot=$(free_slot)
    if ! { p11 --slot "$slot" --init-token --label "$1" --so-pin "$SO_PIN" &&
        p11 --token-label "$1" --login --login-type so --so-pin "$SO_PIN" --init-pin --new-pin "$PIN"; } >"$WORK/log" 2>&1; then
        echo "cannot make a token:"
        cat "$WORK/log"
        exit 1
    fi
}

# background LOG COMMAND…: starts a server; its pid is in $SERVER and it is stopped when the script ends.
background() {
    local log=$1
    shift
    "$@" >"$log" 2>&1 </dev/null &
    SERVER=$!
    SERVERS+=("$SERVER")
}
stop_server() {
    kill "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

# free_port: a port on loopback that nobody listens on now.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# wait_for SECONDS COMMAND…: polls until the command succeeds.
wait_for() {
    local tries=$(($1 * 20))
    shift
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 0.05
    done
}
is_listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# as_plain_user COMMAND…: not as root. p11-kit reads no user's configuration when it runs as root, so its part is played
# by the user nobody then, who is given the tokens first.
as_plain_user() {
    if [ "$(id -u)" -ne 0 ]; then
        "$@"
    else
        chmod 755 "$WORK"
        chown -R 65534:65534 "$COFFER_HOME" "$WORK/softhsm2" "$HOME"
        setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
    fi
}
# p11_kit_config MODULE-FILE…: a p11-kit configuration of the user that holds only these modules.
p11_kit_config() {
    mkdir -p "$HOME/.config/pkcs11/modules"
    rm -f "$HOME/.config/pkcs11/modules/"*
    echo 'user-config: only' >"$HOME/.config/pkcs11/pkcs11.conf"
    cp "$@" "$HOME/.config/pkcs11/modules/"
}
# p11_kit_lists LIBRARY: p11-kit, with that configuration, loads that library.
p11_kit_lists() { as_plain_user p11-kit list-modules | tee /dev/stderr | grep -F "$(basename "$1")"; }

# random_file NAME BYTES
random_file() { head -c "$2" /dev/urandom >"$1"; }
