#!/usr/bin/env bash
# A C program against the project's headers: function lists, the calls of a plain application, threads, fork, and
# dlopen and dlclose with a live thread. Compiled with all warnings as errors; the headers alone compile as C++ as well.
# shellcheck source=tests/clients/common.sh
source "$(dirname "$0")/common.sh"
need gcc
project="$CLIENTS/../.."

check "the C program compiles without a warning" gcc -std=c11 -O2 -g -Wall -Wextra -Wpedantic -Werror -I "$project/include" \
    "$CLIENTS/../c/token.c" -o token -ldl -pthread
printf '#include "coffer.h"\nint main() { return CKR_OK; }\n' >headers.cc
if command -v g++ >/dev/null; then
    check "the headers compile as C++" g++ -Wall -Wextra -Werror -I "$project/include" -fsyntax-only headers.cc
fi

# part NAME: runs one part of the program in a process of its own and adds its checks to the count.
part() {
    local status=0
    timeout 120 ./token "$MODULE" "$1" >part.log 2>&1 || status=$?
    grep -vE '^[0-9]+ checks passed' part.log || true
    if [[ $(tail -n 1 part.log) =~ ^([0-9]+)\ checks\ passed,\ ([0-9]+)\ failed$ ]]; then
        CHECKS_PASSED=$((CHECKS_PASSED + BASH_REMATCH[1]))
        CHECKS_FAILED=$((CHECKS_FAILED + BASH_REMATCH[2]))
    else
        failed "part $1 runs to its end (exit status $status)"
    fi
}
parts="lists basics"
# SoftHSM2 survives neither C_Finalize while other threads call in nor a fork while they do.
[ -z "${ALL:-}" ] && ! is_coffer || parts="lists basics threads forks unloading"
for name in $parts; do
    rm -rf "${COFFER_HOME:?}"/* softhsm2/*
    part "$name"
done
summary
