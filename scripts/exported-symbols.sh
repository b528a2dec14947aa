#!/usr/bin/env bash
# The library's dynamic symbols: it exports C_* and nothing else, all functions of PKCS#11 3.2 are there, and it leaves
# none of the allocator hooks of the engine undefined, which a host that exports them would take over.
# usage: exported-symbols.sh LIBRARY
set -euo pipefail
library=$1
root=$(cd "$(dirname "$0")/.." && pwd)
status=0

exported=$(nm -D --defined-only "$library" | awk '{ print $NF }' | sort -u)
expected=$(sed -n 's/^    F(\(C_[A-Za-z]*\), .*/\1/p' "$root/include/pkcs11.h" | sort -u)
if foreign=$(grep -v '^C_' <<<"$exported"); then
    echo "exported and not of PKCS#11:" && echo "$foreign"
    status=1
fi
missing=$(comm -13 <(echo "$exported") <(echo "$expected"))
[ -z "$missing" ] || { echo "not exported:" && echo "$missing" && status=1; }
extra=$(comm -23 <(grep '^C_' <<<"$exported") <(echo "$expected"))
[ -z "$extra" ] || { echo "exported and unknown to PKCS#11 3.2:" && echo "$extra" && status=1; }
if hooks=$(nm -D --undefined-only "$library" | grep -E 'OPENSSL_memory_|sdallocx'); then
    echo "left to the host:" && echo "$hooks"
    status=1
fi
if ! readelf -d "$library" | grep -q NODELETE; then
    echo "not linked with -z nodelete: unloading it while a thread lives would crash the host"
    status=1
fi
echo "$(wc -l <<<"$exported") functions exported"
exit $status
