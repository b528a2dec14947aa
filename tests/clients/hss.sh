#!/usr/bin/env bash
# HSS signatures of a token with stateful signatures, verified by an implementation that shares nothing with Coffer's: the
# package pyhsslms. Needs Coffer: other modules have no such token to make. Exits with 77 where Python's package index
# cannot be reached.
# shellcheck source=tests/clients/common.sh
source "$(dirname "$0")/common.sh"
need python3
if ! is_coffer; then
    echo "only Coffer has tokens with stateful signatures"
    exit 77
fi
python=$WORK/python/bin/python
{
    python3 -m venv "$WORK/python" &&
        "$python" -m pip --quiet --disable-pip-version-check install pyhsslms==2.0.0
} >"$WORK/log" 2>&1 || {
    tail -n 5 "$WORK/log"
    echo "pyhsslms could not be installed"
    exit 77
}
[ -x "${COFFER:-}" ] || { echo "COFFER must name the tool" && exit 1; }
export COFFER_PIN=$PIN COFFER_SO_PIN=$SO_PIN
check "coffer makes the token" "$COFFER" init stateful --stateful-signatures
check_says "pyhsslms verifies signatures of every set and of several levels" "^52 signatures of 20 keys$" \
    "$python" "$CLIENTS/hss.py" "$MODULE" stateful
summary
