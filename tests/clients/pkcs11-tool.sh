#!/usr/bin/env bash
# OpenSC's pkcs11-tool: tokens and PINs, keys of every type it knows, and each result looked at by openssl.
# shellcheck source=tests/clients/common.sh
source "$(dirname "$0")/common.sh"
need pkcs11-tool openssl

t() { p11_user tool "$@"; }
mechanisms=""
has_mechanism() { grep -qE "^ *$1(,|$)" <<<"$mechanisms"; }

# ---- token and PINs
check_says "the module tells what it is" "Cryptoki version" p11 --show-info
check_says "an uninitialised slot is offered" "uninitialized" p11 --list-slots
make_token tool
check_says "the token shows its label" "token label *: tool" p11 --list-slots
check_says "the token shows that a PIN is set" "PIN initialized" p11 --list-slots
check_says "an empty slot is still offered" "uninitialized" p11 --list-slots
mechanisms=$(p11 --token-label tool --list-mechanisms 2>/dev/null || true)
check "mechanisms are listed" has_mechanism SHA256-RSA-PKCS
check "the user logs in" t --list-objects
check_says "a wrong PIN is refused as such" "CKR_PIN_INCORRECT" p11 --token-label tool --login --pin 9999 --list-objects
check_says "a PIN that is too short is refused" "CKR_PIN_(LEN_RANGE|INCORRECT|INVALID)|too short" \
    p11_user tool --change-pin --new-pin 1
check "the user changes the PIN" t --change-pin --new-pin 864200
check_says "the old PIN is refused" "CKR_PIN_INCORRECT" t --list-objects
check "the new PIN logs in" p11 --token-label tool --login --pin 864200 --list-objects
check "the SO sets another PIN (unlock)" p11 --token-label tool --login --login-type so --so-pin "$SO_PIN" --init-pin --new-pin "$PIN"
check "that PIN logs in" t --list-objects
check_says "a wrong SO PIN is refused" "CKR_PIN_INCORRECT" \
    p11 --token-label tool --login --login-type so --so-pin 00000000 --init-pin --new-pin 5555
check "the SO PIN is changed" p11 --token-label tool --login --login-type so --so-pin "$SO_PIN" --change-pin --new-pin 87654321
check "the new SO PIN logs in" p11 --token-label tool --login --login-type so --so-pin 87654321 --init-pin --new-pin "$PIN"
check_says "the SO's and the user's PINs are not exchanged" "CKR_PIN_INCORRECT" \
    p11 --token-label tool --login --pin 87654321 --list-objects

# ---- keys
random_file data 3000
openssl dgst -sha256 -binary data >digest.sha256
openssl dgst -sha384 -binary data >digest.sha384
openssl dgst -sha512 -binary data >digest.sha512
openssl dgst -sha1 -binary data >digest.sha1

read_public() { t --read-object --type pubkey --id "$1" --output-file "$2.der" && openssl pkey -pubin -inform DER -in "$2.der" -out "$2.pem"; }
sign() { t --sign --mechanism "$1" --id "$2" --input-file "$3" --output-file "$4" "${@:5}"; }
# Verification inside the token: the tool says so in its output.
verify_in_token() {
    t --verify --mechanism "$1" --id "$2" --input-file "$3" --signature-file "$4" "${@:5}" | tee /dev/stderr | grep -q "Signature is valid"
}
# listed TYPE ID: what the listing says of one object (this pkcs11-tool lists all of a type, whatever the --id).
listed() {
    t --list-objects --type "$1" | awk -v id="$2" '/Object/ { block = "" } { block = block $0 "\n" }
        /^ *ID:/ && $2 == id { wanted = 1 } /^ *Access:/ { if (wanted) printf "%s", block; wanted = 0 }'
}
flip_last() { python3 -c 'import sys; b = bytearray(open(sys.argv[1], "rb").read()); b[-1] ^= 1; open(sys.argv[2], "wb").write(b)' "$1" "$2"; }

id=10
for bits in 2048 3072; do
    check "an RSA-$bits key pair is made" t --keypairgen --key-type "rsa:$bits" --id $id --label "rsa-$bits"
    check "openssl reads its public key" read_public $id "rsa-$bits"
    check_says "it has $bits bits" "$bits bit" openssl pkey -pubin -in "rsa-$bits.pem" -text -noout
    for hash in SHA1 SHA256 SHA384 SHA512; do
        lower=$(tr '[:upper:]' '[:lower:]' <<<"$hash")
        check "RSA-$bits: $hash-RSA-PKCS signs" sign "$hash-RSA-PKCS" $id data sig
        check "RSA-$bits: openssl verifies it" openssl dgst "-$lower" -verify "rsa-$bits.pem" -signature sig data
        check "RSA-$bits: the token verifies it" verify_in_token "$hash-RSA-PKCS" $id data sig
    done
    flip_last sig bad
    check_says "RSA-$bits: the token refuses a flipped bit" "Invalid signature|CKR_SIGNATURE_INVALID" verify_in_token SHA512-RSA-PKCS $id data bad
    for hash in SHA1 SHA256 SHA384 SHA512; do
        lower=$(tr '[:upper:]' '[:lower:]' <<<"$hash")
        check "RSA-$bits: $hash-RSA-PKCS-PSS signs" sign "$hash-RSA-PKCS-PSS" $id data sig
        check "RSA-$bits: openssl verifies it" openssl dgst "-$lower" -verify "rsa-$bits.pem" -sigopt rsa_padding_mode:pss \
            -sigopt rsa_pss_saltlen:digest -signature sig data
        check "RSA-$bits: the token verifies it" verify_in_token "$hash-RSA-PKCS-PSS" $id data sig
    done
    check "RSA-$bits: RSA-PKCS-PSS signs a digest" sign RSA-PKCS-PSS $id digest.sha256 sig --hash-algorithm SHA256 --mgf MGF1-SHA256 --salt-len 20
    check "RSA-$bits: openssl verifies it" openssl pkeyutl -verify -pubin -inkey "rsa-$bits.pem" -pkeyopt rsa_padding_mode:pss \
        -pkeyopt rsa_pss_saltlen:20 -pkeyopt digest:sha256 -in digest.sha256 -sigfile sig
    check "RSA-$bits: RSA-PKCS signs" sign RSA-PKCS $id digest.sha256 sig
    check "RSA-$bits: openssl recovers what was signed" bash -c "openssl pkeyutl -verifyrecover -pubin -inkey rsa-$bits.pem -in sig -out rec && cmp rec digest.sha256"
    random_file raw $((bits / 8)) && printf '\0' | dd of=raw conv=notrunc status=none
    check "RSA-$bits: RSA-X-509 signs" sign RSA-X-509 $id raw sig
    check "RSA-$bits: openssl recovers it" bash -c "openssl pkeyutl -verifyrecover -pubin -inkey rsa-$bits.pem -pkeyopt rsa_padding_mode:none -in sig -out rec && cmp rec raw"
    random_file secret 60
    check "RSA-$bits: openssl encrypts with PKCS#1" openssl pkeyutl -encrypt -pubin -inkey "rsa-$bits.pem" -in secret -out enc
    check "RSA-$bits: the token decrypts it" t --decrypt --mechanism RSA-PKCS --id $id --input-file enc --output-file dec
    check "RSA-$bits: it is the same" cmp dec secret
    for hash in sha1 sha256; do
        check "RSA-$bits: openssl encrypts with OAEP-$hash" openssl pkeyutl -encrypt -pubin -inkey "rsa-$bits.pem" -pkeyopt rsa_padding_mode:oaep \
            -pkeyopt "rsa_oaep_md:$hash" -pkeyopt "rsa_mgf1_md:$hash" -in secret -out enc
        upper=$(tr '[:lower:]' '[:upper:]' <<<"$hash")
        [ "$upper" != SHA1 ] || upper=SHA-1
        check_oaep() {
            rm -f dec
            t --decrypt --mechanism RSA-PKCS-OAEP --hash-algorithm "$upper" --mgf "MGF1-${upper/-1/1}" --id $id --input-file enc --output-file dec &&
                cmp dec secret
        }
        # SoftHSM2 knows OAEP with SHA-1 only.
        if is_coffer || [ "$hash" = sha1 ]; then check "RSA-$bits: the token decrypts it" check_oaep; fi
    done
    id=$((id + 1))
done
check_fails "a key that is not there is not used" sign SHA256-RSA-PKCS 7f data sig

# ---- elliptic curves
# This pkcs11-tool (0.23) cannot export a public key on P-384 or an Edwards curve, so the point is taken from its listing.
ec_public() { # ID PREFIX OUTPUT: PREFIX is the DER of a public key up to the point
    local point
    point=$(listed pubkey "$1" | sed -n 's/^ *EC_POINT: *//p' | tr -d ' \n')
    python3 - "$point" "$2" "$3" <<'PYTHON'
import sys
point, prefix = bytes.fromhex(sys.argv[1]), bytes.fromhex(sys.argv[2])
header = 3 if point[:2] == b"\x04\x81" else 2
if point[0] == 4 and len(point) == header + point[header - 1]:  # a DER OCTET STRING around the point
    point = point[header:]
bits = b"\x00" + point
def der(tag, body):
    length = bytes([len(body)]) if len(body) < 128 else bytes([0x81, len(body)])
    return bytes([tag]) + length + body
open(sys.argv[3], "wb").write(der(0x30, prefix + der(3, bits)))
PYTHON
    openssl pkey -pubin -inform DER -in "$3" -out "${3%.der}.pem"
}
declare -A algorithm=(
    [prime256v1]=301306072a8648ce3d020106082a8648ce3d030107
    [secp384r1]=301006072a8648ce3d020106052b81040022
    [secp521r1]=301006072a8648ce3d020106052b81040023
    [secp224r1]=301006072a8648ce3d020106052b81040021
    [secp256k1]=301006072a8648ce3d020106052b8104000a
    [brainpoolP256r1]=301406072a8648ce3d020106092b2403030208010107
    [brainpoolP384r1]=301406072a8648ce3d020106092b240303020801010b
    [brainpoolP512r1]=301406072a8648ce3d020106092b240303020801010d
    [edwards25519]=300506032b6570
)
for curve in prime256v1 secp384r1 secp521r1; do
    check "a key pair on $curve is made" t --keypairgen --key-type "EC:$curve" --id $id --label "$curve" --usage-sign --usage-derive
    [ $curve = secp384r1 ] || check "pkcs11-tool exports its public key" read_public $id "$curve"
    check "openssl reads its public key" ec_public $id "${algorithm[$curve]}" "$curve.der"
    check_says "it is on $curve" "$curve" openssl pkey -pubin -in "$curve.pem" -text -noout
    check "$curve: ECDSA signs a digest" sign ECDSA $id digest.sha256 sig --signature-format openssl
    check "$curve: openssl verifies it" openssl pkeyutl -verify -pubin -inkey "$curve.pem" -in digest.sha256 -sigfile sig
    for hash in SHA1 SHA256 SHA384 SHA512; do
        lower=$(tr '[:upper:]' '[:lower:]' <<<"$hash")
        has_mechanism "ECDSA-$hash" || is_coffer || continue
        check "$curve: ECDSA-$hash signs" sign "ECDSA-$hash" $id data sig --signature-format openssl
        check "$curve: openssl verifies it" openssl dgst "-$lower" -verify "$curve.pem" -signature sig data
        check "$curve: ECDSA-$hash signs, halves side by side" sign "ECDSA-$hash" $id data sig --signature-format rs
        check "$curve: the token verifies it" verify_in_token "ECDSA-$hash" $id data sig --signature-format rs
        flip_last sig bad
        check_says "$curve: the token refuses a flipped bit" "Invalid signature|CKR_SIGNATURE_INVALID" verify_in_token "ECDSA-$hash" $id data bad --signature-format rs
    done
    ecdh() {
        openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$curve" -out peer.pem &&
            openssl pkey -in peer.pem -pubout -outform DER -out peer.der &&
            openssl pkeyutl -derive -inkey peer.pem -peerkey "$curve.pem" -out shared.openssl &&
            t --derive --mechanism ECDH1-DERIVE --id $id --input-file peer.der --output-file shared.token
    }
    check "$curve: ECDH derives a secret with a key of openssl" ecdh
    check "$curve: the secret is openssl's" cmp shared.token shared.openssl
    id=$((id + 1))
done
for curve in secp256k1 brainpoolP256r1 brainpoolP384r1 brainpoolP512r1; do
    is_coffer || continue
    check "a key pair on $curve is made" t --keypairgen --key-type "EC:$curve" --id $id --label "$curve"
    check "openssl reads its public key" ec_public $id "${algorithm[$curve]}" "$curve.der"
    check "$curve: ECDSA-SHA256 signs" sign ECDSA-SHA256 $id data sig --signature-format openssl
    check "$curve: openssl verifies it" openssl dgst -sha256 -verify "$curve.pem" -signature sig data
    id=$((id + 1))
done
if is_coffer || has_mechanism EDDSA; then
    check "an Ed25519 key pair is made" t --keypairgen --key-type EC:edwards25519 --id $id --label ed25519
    check "openssl reads its public key" ec_public $id "${algorithm[edwards25519]}" ed25519.der
    check "Ed25519 signs" sign EDDSA $id secret sig
    check_eq "its signature has 64 bytes" 64 stat -c %s sig
    check "openssl verifies it" openssl pkeyutl -verify -pubin -inkey ed25519.pem -rawin -in secret -sigfile sig
    id=$((id + 1))
fi

# ---- AES
check "an AES-256 key is made" t --keygen --key-type AES:32 --id 40 --label aes-256 --extractable --usage-decrypt --usage-wrap
check "an AES-128 key is made" t --keygen --key-type AES:16 --id 41 --label aes-128 --extractable
read_secret() { t --read-object --type secrkey --id "$1" --output-file "$2"; }
hex() { od -An -v -tx1 "$1" | tr -d ' \n'; }
iv=000102030405060708090a0b0c0d0e0f
random_file blocks 4096
random_file odd 1001

encrypt() { t --encrypt --mechanism "$1" --id "$2" --input-file "$3" --output-file "$4" "${@:5}"; }
decrypt() { t --decrypt --mechanism "$1" --id "$2" --input-file "$3" --output-file "$4" "${@:5}"; }

# Keys with known bytes, so that openssl can follow.
random_file key32 32
random_file key16 16
check "an AES-256 key is imported" t --write-object key32 --type secrkey --key-type AES:32 --id 42 --label known-256 --extractable --usage-decrypt --usage-wrap
check "an AES-128 key is imported" t --write-object key16 --type secrkey --key-type AES:16 --id 43 --label known-128 --extractable --usage-decrypt
for size in 256:42:key32 128:43:key16; do
    IFS=: read -r bits key file <<<"$size"
    key_hex=$(hex "$file")
    check "AES-$bits-ECB encrypts" encrypt AES-ECB "$key" blocks enc
    check "openssl encrypts it the same" bash -c "openssl enc -aes-$bits-ecb -K $key_hex -nopad -in blocks | cmp - enc"
    check "AES-$bits-ECB decrypts" decrypt AES-ECB "$key" enc dec
    check "it is the same" cmp dec blocks
    check "AES-$bits-CBC encrypts" encrypt AES-CBC "$key" blocks enc --iv $iv
    check "openssl encrypts it the same" bash -c "openssl enc -aes-$bits-cbc -K $key_hex -iv $iv -nopad -in blocks | cmp - enc"
    check "AES-$bits-CBC decrypts" decrypt AES-CBC "$key" enc dec --iv $iv
    check "it is the same" cmp dec blocks
    check "AES-$bits-CBC-PAD encrypts" encrypt AES-CBC-PAD "$key" odd enc --iv $iv
    check "openssl decrypts it" bash -c "openssl enc -d -aes-$bits-cbc -K $key_hex -iv $iv -in enc | cmp - odd"
    check "AES-$bits-CBC-PAD decrypts" decrypt AES-CBC-PAD "$key" enc dec --iv $iv
    check "it is the same" cmp dec odd
done

# ---- wrap and unwrap
wrap() { t --wrap --mechanism "$1" --id "$2" --application-id "$3" --output-file "$4" "${@:5}"; }
unwrap() { t --unwrap --mechanism "$1" --id "$2" --application-id "$3" --input-file "$4" --key-type AES: --extractable "${@:5}"; }
check "an RSA key for wrapping is made" t --keypairgen --key-type rsa:2048 --id 50 --label wrapper --usage-wrap
check "RSA-PKCS wraps an AES key" wrap RSA-PKCS 50 42 wrapped
check "RSA-PKCS unwraps it" unwrap RSA-PKCS 50 51 wrapped --label unwrapped --usage-decrypt
check "the unwrapped key encrypts" encrypt AES-ECB 51 blocks enc
check "it is the key that was wrapped" bash -c "openssl enc -aes-256-ecb -K $(hex key32) -nopad -in blocks | cmp - enc"
if is_coffer || has_mechanism AES-KEY-WRAP; then
    check "AES-KEY-WRAP wraps an AES key" wrap AES-KEY-WRAP 42 43 wrapped
    check "openssl unwraps it" bash -c "openssl enc -d -id-aes256-wrap -K $(hex key32) -iv A6A6A6A6A6A6A6A6 -in wrapped | cmp - key16"
fi

# ---- import and export
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out in-rsa.pem 2>/dev/null
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out in-ec.pem 2>/dev/null
for kind in rsa ec; do
    openssl pkey -in in-$kind.pem -outform DER -out in-$kind.der
    openssl pkey -in in-$kind.pem -pubout -outform DER -out in-$kind.pub.der
    openssl pkey -in in-$kind.pem -pubout -out in-$kind.pub.pem
    openssl req -new -x509 -key in-$kind.pem -subj "/CN=imported $kind" -days 30 -outform DER -out in-$kind.crt.der
    mechanism=SHA256-RSA-PKCS
    format=()
    [ $kind = rsa ] || mechanism=ECDSA-SHA256 format=(--signature-format openssl)
    check "a private $kind key is imported" t --write-object in-$kind.der --type privkey --id $id --label "in-$kind" --usage-sign
    check "its public key is imported" t --write-object in-$kind.pub.der --type pubkey --id $id --label "in-$kind" --usage-sign
    check "its certificate is imported" t --write-object in-$kind.crt.der --type cert --id $id --label "in-$kind"
    if is_coffer || has_mechanism $mechanism; then
        check "the imported key signs" sign $mechanism $id data sig "${format[@]}"
        check "openssl verifies it" openssl dgst -sha256 -verify in-$kind.pub.pem -signature sig data
    fi
    check "the public key is exported" t --read-object --type pubkey --id $id --output-file out.der
    check "it is the same" cmp out.der in-$kind.pub.der
    check "the certificate is exported" t --read-object --type cert --id $id --output-file out.der
    check "it is the same" cmp out.der in-$kind.crt.der
    check_says "the certificate is listed by its subject" "CN=imported $kind" t --list-objects --type cert
    check_says "the private key is sensitive" "Access:.*sensitive" listed privkey $id
    id=$((id + 1))
done
check "a data object is imported" t --write-object data --type data --label note --application-label notes
check "it is exported" t --read-object --type data --label note --output-file out.data
check "it is the same" cmp out.data data
check "a private data object is imported" t --write-object odd --type data --label secret-note --private
check_says "it is seen after a login" "secret-note" t --list-objects --type data
check_says "the public one is seen without" "label: +'?note" p11 --token-label tool --list-objects --type data
check "the private one is not" bash -c "! pkcs11-tool --module '$MODULE' --token-label tool --list-objects --type data | grep secret-note"
check "no private key is seen without a login" bash -c "! pkcs11-tool --module '$MODULE' --token-label tool --list-objects | grep 'Private Key'"
check "an extractable secret key is exported" t --read-object --type secrkey --id 42 --output-file out.key
check "a generic secret is made" t --keygen --key-type GENERIC:32 --id 44 --label generic --extractable

# ---- attributes and deletion
check "a key is given another id" t --set-id 99 --type privkey --id 11
check_says "it is found by it" "label: +rsa-3072" listed privkey 99
check "and used by it" sign SHA256-RSA-PKCS 99 data sig
for kind in privkey:99 pubkey:11 secrkey:41; do
    IFS=: read -r type key <<<"$kind"
    check "an object of type $type is deleted" t --delete-object --type "$type" --id "$key"
    check_eq "it is gone" "" listed "$type" "$key"
done
check "a data object is deleted" t --delete-object --type data --label note
check_fails "an object that is not there cannot be deleted" t --delete-object --type data --label note

# ---- the tool's own tests
check "random numbers" t --generate-random 64 --output-file random
check_eq "as many as were asked for" 64 stat -c %s random
for hash in SHA-1 SHA256 SHA384 SHA512; do
    lower=$(tr -d - <<<"${hash,,}")
    check "$hash digests" p11 --token-label tool --hash --mechanism "$hash" --input-file data --output-file digest
    check "openssl digests the same" cmp digest "digest.$lower"
done
tool_test() { t --test 2>&1 | tee /dev/stderr | tail -n 1 | grep -q "No errors"; }
# Its exit status says nothing, so its last line is looked at.
tool_test_ec() { (t --session-rw --test-ec --key-type EC:secp256r1 --id 60 --label test-ec || true) 2>&1 | tee /dev/stderr | tail -n 1 | grep -q "==> OK"; }
# SoftHSM2 does not pass these: ECDSA with SHA-1, OAEP with SHA-256, C_Initialize in a forked child, C_Initialize in two threads at once.
if is_coffer; then
    check "the tool's own --test-ec finds no errors" tool_test_ec
    check "the tool's own --test finds no errors" tool_test
    check "the tool's own --test-fork finds no errors" t --test-fork
    check "the tool's own --test-threads finds no errors" p11 --token-label tool --use-locking --test-threads ILGISLT0 --test-threads ILGISLT0
fi
summary
