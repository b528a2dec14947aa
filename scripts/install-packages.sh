#!/usr/bin/env bash
# Installs the Debian packages that building and testing need, and only those that are missing: where all of them are
# there, it asks neither the network nor for root. usage: install-packages.sh [build|quickstart|all]
set -euo pipefail

set_name=${1:-all}

# What each package is looked up by: a command, or a file (a name with a slash; it may be a pattern).
build=(gcc:gcc make:make cmake:cmake pkg-config:pkg-config python3:python3)
quickstart=(opensc:pkcs11-tool openssl:openssl)
clients=(
    "softhsm2:softhsm2-util"
    "libengine-pkcs11-openssl:/usr/lib/*/engines-3/pkcs11.so"
    "libnss3-tools:certutil"
    "openssh-client:ssh-keygen"
    "openssh-server:/usr/sbin/sshd"
    "p11-kit:p11-kit"
    "p11-kit-modules:/usr/lib/*/pkcs11/p11-kit-client.so"
    "libp11-kit0:/usr/lib/*/libp11-kit.so.0"
    "gnutls-bin:p11tool"
    "openjdk-17-jdk-headless:javac"
    "jq:jq"
    "chromium:chromium"
    "binutils:nm"
    "g++:g++"
    "strace:strace"
    "libhsm-bin:ods-hsmutil"
    "knot:/usr/sbin/keymgr"
    "knot-dnssecutils:kzonesign"
    "bind9-utils:dnssec-verify"
    "python3-venv:/usr/lib/python3*/ensurepip/__init__.py"
)

case $set_name in
build) wanted=("${build[@]}") ;;
quickstart) wanted=("${build[@]}" "${quickstart[@]}") ;;
all) wanted=("${build[@]}" "${quickstart[@]}" "${clients[@]}") ;;
*)
    echo "usage: install-packages.sh [build|quickstart|all]" >&2
    exit 2
    ;;
esac

is_there() {
    case $1 in
    */*) compgen -G "$1" >/dev/null ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

missing=()
for entry in "${wanted[@]}"; do
    is_there "${entry#*:}" || missing+=("${entry%%:*}")
done

if ! command -v cargo >/dev/null; then
    echo "cargo is missing: install Rust first (https://rustup.rs, or the distribution's package)" >&2
    exit 1
fi
if [ ${#missing[@]} -eq 0 ]; then
    echo "nothing is missing"
    exit 0
fi
echo "missing: ${missing[*]}"
if ! command -v apt-get >/dev/null; then
    echo "this is not a Debian system: install what these packages hold by hand" >&2
    exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        as_root=(sudo -n)
    else
        echo "not root: run as root: apt-get install ${missing[*]}" >&2
        exit 1
    fi
fi
apt_install() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
}
# The package lists are only fetched when the ones at hand do not do.
if ! apt_install; then
    "${as_root[@]}" apt-get update
    apt_install
fi
for entry in "${wanted[@]}"; do
    is_there "${entry#*:}" || {
        echo "${entry%%:*} is installed and ${entry#*:} is still missing" >&2
        exit 1
    }
done
echo "installed: ${missing[*]}"
