#!/usr/bin/env bash
# python-pkcs11: its own test suite (tests/ of its source package) against MODULE. Each test is a check. Exits with 77
# where Python's package index cannot be reached.
# shellcheck source=tests/clients/common.sh
source "$(dirname "$0")/common.sh"
need python3 openssl

VERSION=0.10.1
# Tests that ask for something else than Coffer does, with the reason.
EXPECTED_TO_FAIL=(
    # An AES-128 key out of an ML-KEM secret of 32 bytes: nothing in section 6.68 says which bytes are left out.
    test_encapsulate_decapsulate_1_AES_128
)

python=$WORK/python/bin/python
{
    python3 -m venv "$WORK/python" &&
        "$python" -m pip --quiet --disable-pip-version-check install "python-pkcs11==$VERSION" asn1crypto cryptography \
            oscrypto parameterized pytest &&
        "$python" -m pip --quiet --disable-pip-version-check download --no-deps --no-binary python-pkcs11 \
            "python-pkcs11==$VERSION" &&
        tar xzf "$WORK"/python_pkcs11-*.tar.gz
} >"$WORK/log" 2>&1 || {
    tail -n 5 "$WORK/log"
    echo "python-pkcs11 $VERSION could not be installed"
    exit 77
}

# Each test logs in anew: a quick key derivation.
if is_coffer; then printf '[pin]\nkdf-iterations = 10000\n' >"$COFFER_HOME/coffer.toml"; fi
make_token python
mv "$WORK"/python_pkcs11-*/tests "$WORK/tests"
export PKCS11_MODULE=$MODULE PKCS11_TOKEN_LABEL=python PKCS11_TOKEN_PIN=$PIN PKCS11_TOKEN_SO_PIN=$SO_PIN
"$python" -m pytest -q -rA -p no:cacheprovider tests >"$WORK/results" 2>&1 </dev/null || true

expected() {
    local name
    for name in "${EXPECTED_TO_FAIL[@]}"; do [ "$name" != "$1" ] || return 0; done
    return 1
}
skipped=0
while read -r result test _; do
    name=${test##*::}
    case $result in
    PASSED) passed "$test" ;;
    FAILED | ERROR)
        if is_coffer && expected "$name"; then
            echo "expected to fail: $test"
            skipped=$((skipped + 1))
        else
            failed "$test"
            grep -A 60 "^_.* ${name}\b" "$WORK/results" | grep -E '^(E |tests/)' | head -n 8 | sed 's/^/       /' || true
        fi
        ;;
    esac
done < <(grep -E '^(PASSED|FAILED|ERROR) ' "$WORK/results")
[ "$CHECKS_PASSED" -gt 100 ] || {
    tail -n 20 "$WORK/results"
    failed "the suite has run"
}
grep -E '^SKIPPED ' "$WORK/results" || true
echo "$skipped expected to fail"
summary
