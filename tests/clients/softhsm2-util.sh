#!/usr/bin/env bash
# Command lines that scripts give to softhsm2-util, run unchanged as `coffer softhsm2-util …`. With MODULE set to
# SoftHSM2 they are given to the real softhsm2-util, which is how the expectations were checked.
# shellcheck source=tests/clients/common.sh
source "$(dirname "$0")/common.sh"
need openssl pkcs11-tool
if is_coffer; then
    [ -x "${COFFER:-}" ] || { echo "COFFER must name the tool" && exit 1; }
    util() { "$COFFER" softhsm2-util "$@"; }
else
    need softhsm2-util
    util() { softhsm2-util "$@"; }
fi
tokens_named() { p11 --list-slots 2>/dev/null | grep -c "token label *: $1\$" || true; }

check "--show-slots works without a token" util --show-slots
check "--init-token --free" util --init-token --free --label "My token 1" --so-pin "$SO_PIN" --pin "$PIN"
check_eq "pkcs11-tool sees the token" 1 tokens_named "My token 1"
check_says "--show-slots shows its label" "Label: +My token 1" util --show-slots
check_says "--show-slots shows that it is initialised" "Initialized: +yes" util --show-slots
check_says "--show-slots shows that the PIN is set" "User PIN init.: +yes" util --show-slots
check_says "--show-slots shows the next free slot" "Initialized: +no" util --show-slots
check "the user PIN logs in" p11_user "My token 1" --list-objects
check "the SO PIN logs in" p11 --token-label "My token 1" --login --login-type so --so-pin "$SO_PIN" --init-pin --new-pin "$PIN"
check "--init-token --free once more" util --init-token --free --label second --so-pin "$SO_PIN" --pin "$PIN"
check_eq "there are two" 1 tokens_named second
check_eq "and the first is still there" 1 tokens_named "My token 1"

# ---- import
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.pem 2>/dev/null
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out ec.pem 2>/dev/null
for kind in rsa ec; do openssl pkey -in $kind.pem -pubout -out $kind.pub; done
openssl pkcs8 -topk8 -in rsa.pem -passout pass:word -v2 aes-256-cbc -out sealed.pem
random_file data 1000
openssl dgst -sha256 -binary data >digest
check "--import a PKCS#8 RSA key" util --import rsa.pem --token second --label "my rsa" --id A1B2 --pin "$PIN"
check "it signs" p11_user second --sign --mechanism SHA256-RSA-PKCS --id a1b2 --input-file data --output-file sig
check "openssl verifies it" openssl dgst -sha256 -verify rsa.pub -signature sig data
check_says "its label is set" "label: +my rsa" p11_user second --list-objects --type privkey
check_says "its public key is there" "my rsa" p11_user second --list-objects --type pubkey
check "--import a PKCS#8 EC key" util --import ec.pem --token second --label ec --id 02 --pin "$PIN"
check "it signs" p11_user second --sign --mechanism ECDSA --id 02 --input-file digest --output-file sig --signature-format openssl
check "openssl verifies it" openssl dgst -sha256 -verify ec.pub -signature sig data
check "--import an encrypted PKCS#8 key" util --import sealed.pem --file-pin word --token second --label sealed --id 03 --pin "$PIN" --no-public-key
check "it signs" p11_user second --sign --mechanism SHA256-RSA-PKCS --id 03 --input-file data --output-file sig
check "openssl verifies it" openssl dgst -sha256 -verify rsa.pub -signature sig data
check "--no-public-key leaves the public key out" bash -c "! pkcs11-tool --module '$MODULE' --token-label second --login --pin $PIN --list-objects --type pubkey | grep sealed"
check_fails "--import refuses an id that is taken" util --import ec.pem --token second --label other --id 02 --pin "$PIN"
check "--import --force accepts it" util --import ec.pem --token second --label other --id 02 --pin "$PIN" --force
random_file aes 32
check "--import --aes" util --import aes --aes --token second --label wrap --id 04 --pin "$PIN"
check_says "it is listed" "wrap" p11_user second --list-objects --type secrkey
check_fails "--import refuses a wrong PIN" util --import ec.pem --token second --label x --id 09 --pin 9999
check_fails "--import refuses a file that is no key" util --import data --token second --label x --id 09 --pin "$PIN"
check_fails "--import refuses a token that is not there" util --import ec.pem --token third --label x --id 09 --pin "$PIN"

# ---- initialising again and deleting
slot=$(slot_of second)
check "--init-token --slot initialises a token again" util --init-token --slot "$((slot))" --label again --so-pin "$SO_PIN" --pin 5678 --force
check_eq "it has the new label" 1 tokens_named again
check "and the new PIN" p11 --token-label again --login --pin 5678 --list-objects
check_eq "and no objects" "" p11 --token-label again --login --pin 5678 --list-objects
check_fails "--init-token needs a label" util --init-token --free --so-pin "$SO_PIN" --pin "$PIN"
check "--delete-token --token" util --delete-token --token again
check_eq "it is gone" 0 tokens_named again
check_eq "the first is still there" 1 tokens_named "My token 1"
check_fails "--delete-token refuses a token that is not there" util --delete-token --token again
check "--version" util --version
check "--help" util --help
check_says "an unknown option is answered with help" "[Uu]sage|--help" util --unknown
summary
