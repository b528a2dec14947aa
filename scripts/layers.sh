#!/usr/bin/env bash
# Checks that imports point downwards. The order of the layers is read from src/lib.rs: the lines `pub mod NAME;` from
# the highest to the lowest. Beside the order it checks who may name what (see RULES below).
# usage: layers.sh [ROOT]        checks ROOT/src (default: this project)
#        layers.sh --self-test   plants one mistake at a time in a small tree and expects each to be found
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)

check() {
    python3 - "$1" <<'PYTHON'
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
src = root / "src"
order = re.findall(r"^(?:pub(?:\(crate\))? )?mod (\w+);", (src / "lib.rs").read_text(), re.M)
depth = {name: position for position, name in enumerate(order)}
complaints = []

# RULES
# Layers that stand beside each other: neither imports the other, whatever the order of the lines says.
BESIDE = [{"mechanism", "token"}, {"mechanism", "lifecycle"}, {"crypto", "store"}, {"mechanism", "vault"}]
# The only places that may name these crates.
ONLY = {
    "aws_lc_sys": ["crypto"],
    "slh_dsa": ["crypto"], "ed448_goldilocks": ["crypto"], "x448": ["crypto"], "blake2": ["crypto"],
    "aria": ["crypto"], "camellia": ["crypto"], "vsss_rs": ["crypto"], "rand_core": ["crypto"],
    "aes": ["vault", "crypto"],  # crypto/gcm.rs: a second implementation to test against
    "ctr": ["vault"], "hmac": ["vault", "lifecycle"], "pbkdf2": ["vault"],
    "sha2": ["vault", "token", "lifecycle"],  # token/tag.rs: the tags of records are part of the token file
    "cryptoki_sys": ["ck", "ffi"],
    "parking_lot": ["store"],  # lock.rs says why not elsewhere
}
# The only places with unsafe code.
UNSAFE = ["ffi", "crypto", "pages", "reserve"]


def code(text):
    """The text without comments and string literals, so that words in them do not count."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    text = re.sub(r'r(#+)".*?"\1', '""', text, flags=re.S)
    text = re.sub(r'"(?:\\.|[^"\\])*"', '""', text, flags=re.S)
    return re.sub(r"//[^\n]*", " ", text)


def imported(text):
    """The top-level modules of this crate that a file names: crate::x and crate::{x, y::z}."""
    names = set(re.findall(r"\bcrate::(\w+)", text))
    for start in re.finditer(r"\bcrate::\{", text):
        level, piece = 1, ""
        for char in text[start.end():]:
            level += {"{": 1, "}": -1}.get(char, 0)
            if level == 0:
                break
            if level == 1 and char == ",":
                names.add(piece.strip().split("::")[0])
                piece = ""
            else:
                piece += char
        names.add(piece.strip().split("::")[0].split(" ")[0])
    return names


def names_crate(text, crate):
    """Whether a file names an external crate: in a use, or in a path, unless a module of ours has that name there."""
    if re.search(rf"\buse (?:::)?{crate}\b", text):
        return True
    ours = re.search(rf"\b(?:use (?:crate|super|self)\b[^;]*\b{crate}\b|mod {crate}\b)", text)
    return not ours and bool(re.search(rf"(?:^|[^\w:.]){crate}::", text, re.M))


for file in sorted(src.rglob("*.rs")):
    relative = file.relative_to(src)
    top = relative.parts[0].removesuffix(".rs")
    if top in ("lib", "bin"):
        if top == "bin" and re.search(r"\bunsafe\b(?!_)", code(file.read_text())):
            complaints.append(f"src/{relative}: unsafe code outside src/ffi, src/crypto and src/pages.rs")
        continue
    if top not in depth:
        complaints.append(f"src/{relative}: the layer {top} is not in src/lib.rs")
        continue
    text = code(file.read_text())
    for name in sorted(imported(text)):
        if name not in depth or name == top:
            continue
        if depth[name] < depth[top]:
            complaints.append(f"src/{relative}: {top} imports {name}, which stands above it")
        elif any({top, name} == pair for pair in BESIDE):
            complaints.append(f"src/{relative}: {top} imports {name}, which stands beside it")
    for crate, places in ONLY.items():
        if top not in places and names_crate(text, crate):
            complaints.append(f"src/{relative}: names {crate}, which only {' and '.join(places)} may")
    if top not in UNSAFE and re.search(r"\bunsafe\b(?!_)", text):
        complaints.append(f"src/{relative}: unsafe code outside src/ffi, src/crypto and src/pages.rs")

for complaint in complaints:
    print(complaint)
if not complaints:
    print(f"{len(order)} layers: {' > '.join(order)}")
sys.exit(1 if complaints else 0)
PYTHON
}

# plant NAME FILE LINE [no]: a small tree with one line more, a mistake (or none) that the check must name.
plant() {
    local tree
    tree=$(mktemp -d)
    mkdir -p "$tree/src/ffi" "$tree/src/mechanism" "$tree/src/bin/coffer"
    printf 'pub mod ffi;\npub mod mechanism;\npub mod token;\npub mod vault;\npub mod crypto;\npub mod ck;\n' >"$tree/src/lib.rs"
    echo 'use crate::{ck::CKR_OK, mechanism}; fn f() { unsafe { g() } }' >"$tree/src/ffi/mod.rs"
    echo 'use crate::ck; // not crate::token' >"$tree/src/mechanism/rsa.rs"
    echo 'use crate::vault::Vault;' >"$tree/src/token.rs"
    echo 'use crate::crypto; use sha2::Sha256;' >"$tree/src/vault.rs"
    echo 'use crate::ck; use aws_lc_sys as engine;' >"$tree/src/crypto.rs"
    echo 'pub const TEXT: &str = "unsafe crate::ffi";' >"$tree/src/ck.rs"
    echo 'use coffer_pkcs11::vault;' >"$tree/src/bin/coffer/main.rs"
    [ -z "${2:-}" ] || echo "$3" >>"$tree/src/$2"
    local found=no
    check "$tree" >"$tree/out" || found=yes
    local expected=${4:-yes}
    [ -n "${2:-}" ] || expected=no
    if [ "$found" = "$expected" ]; then
        echo "ok   $1"
    else
        echo "FAIL $1"
        cat "$tree/out"
        self_test_status=1
    fi
    rm -rf "$tree"
}

self_test() {
    self_test_status=0
    plant "a tree that keeps the order passes"
    plant "an import of a higher layer is found" vault.rs 'use crate::token::Token;'
    plant "an import in a group is found" ck.rs 'use crate::{vault::{A, B}, ck::X};'
    plant "a path in the code is found" crypto.rs 'fn f() { crate::vault::g() }'
    plant "mechanism and token may not meet" mechanism/rsa.rs 'use crate::token;'
    plant "unsafe code in a safe layer is found" token.rs 'fn f() { unsafe { g() } }'
    plant "unsafe code in the tool is found" bin/coffer/main.rs 'fn f() { unsafe { g() } }'
    plant "the engine named outside crypto is found" mechanism/rsa.rs 'use aws_lc_sys::RSA;'
    plant "a sealing crate named outside vault is found" token.rs 'use hmac::Mac;'
    plant "a sealing crate in a path is found" token.rs 'fn f() { hmac::sign() }'
    plant "a module of ours may have the name of a crate" mechanism/rsa.rs 'use crate::crypto::{self, hmac}; fn f() { hmac::sign() }' no
    plant "a file of an unlisted layer is found" policy.rs 'fn f() {}'
    return $self_test_status
}

case ${1:-} in
--self-test) self_test ;;
*) check "${1:-$here}" ;;
esac
