#!/usr/bin/env bash
# HSS signatures of a token with stateful signatures, verified by an implementation that shares nothing with Coffer's: the
# package pyhsslms. Needs Coffer: other modules have no such token to make.
# shellcheck source=tests/clients/common.sh
source "$(dirname "$0")/common.sh"
need python3
if ! is_coffer || ! python3 -c 'import pyhsslms' 2>/dev/null; then
    echo "SKIP: the module is not Coffer, or the package pyhsslms is not installed (python3 -m pip install pyhsslms)"
    check "the module is there" test -e "$MODULE"
    summary
    exit
fi
[ -x "${COFFER:-}" ] || { echo "COFFER must name the tool" && exit 1; }
export COFFER_PIN=$PIN COFFER_SO_PIN=$SO_PIN
check "coffer makes the token" "$COFFER" init stateful --stateful-signatures
check_says "pyhsslms verifies signatures of every set and of several levels" "^52 signatures of 20 keys$" \
    python3 "$CLIENTS/hss.py" "$MODULE" stateful
summary
