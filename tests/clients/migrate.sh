#!/usr/bin/env bash
# A token of SoftHSM2, made by its own tools, comes over with `coffer migrate`: every object, attribute by attribute, and its
# keys sign as before. Needs Coffer; with another MODULE there is nothing to check.
# shellcheck source=tests/clients/common.sh
source "$(dirname "$0")/common.sh"
need softhsm2-util openssl python3 jq
if ! is_coffer; then
    echo "SKIP: $(basename "${MODULE:-}") is no token that Coffer's tool could migrate to"
    check "the module is there" test -e "$MODULE"
    summary
    exit
fi
[ -x "${COFFER:-}" ] || { echo "COFFER must name the tool" && exit 1; }
softhsm2=
for place in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so /usr/local/lib/softhsm/libsofthsm2.so; do
    [ ! -e "$place" ] || softhsm2=$place
done
[ -n "$softhsm2" ] || { echo "the library of SoftHSM2 is missing: run scripts/install-packages.sh" && exit 1; }
export COFFER_PIN=$PIN COFFER_SO_PIN=$SO_PIN COFFER_SOURCE_PIN=$PIN
py() { python3 "$CLIENTS/migrate.py" "$@"; }
migrate() { "$COFFER" migrate --token zone "$@"; }

# ---- the token that people leave
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out certificate.pem -subj /CN=test -days 30 2>/dev/null
openssl x509 -in certificate.pem -outform DER -out certificate.der
printf '\x30\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x0c\x04test' >subject.der
openssl genpkey -genparam -algorithm DSA -pkeyopt dsa_paramgen_bits:2048 -out dsa.parameters 2>/dev/null
openssl genpkey -paramfile dsa.parameters -out dsa.pem
openssl pkey -in dsa.pem -pubout -out dsa.pub
check "softhsm2-util makes a token" softhsm2-util --init-token --free --label zone --so-pin "$SO_PIN" --pin "$PIN"
check "every kind of object is made in it" py make "$softhsm2" zone
check "a DSA key is imported into it" softhsm2-util --import dsa.pem --token zone --label dsa --id 06 --pin "$PIN"
folder=$(dirname "$(echo softhsm2/*/token.object)")
objects=$(($(find "$folder" -name '*.object' | wc -l) - 1))
digest() { find "$folder" -name '*.object' -exec sha256sum {} + | sort | sha256sum; }
before=$(digest)

# ---- the plan, and what it refuses
check "coffer makes the token to move into" "$COFFER" init zone
check_says "a dry run shows the plan" "^$objects objects to make, 0 there already, 0 staying" migrate --from softhsm2 --dry-run
check_eq "and makes nothing" 0 bash -c "'$COFFER' list --token zone --json | jq '.objects | length'"
check_says "without --yes and a terminal nothing is made" "There is no terminal to ask at" migrate --from softhsm2
check_says "a wrong PIN is told" "zone. does not open: the PIN is not right" env COFFER_SOURCE_PIN=4321 "$COFFER" migrate --token zone --from softhsm2 --yes
check_says "a folder without tokens is told" "there is no SoftHSM2 token in" migrate --from "softhsm2:$HOME"
mkdir -p database/1
: >database/1/sqlite3.db
check_says "tokens in SQLite are refused with the way out" "module-path=" migrate --from softhsm2:database
printf 'objectstore.backend = db\n' >db.conf
check_says "also when the configuration says so" "SQLite databases" env SOFTHSM2_CONF="$WORK/db.conf" "$COFFER" migrate --token zone --from softhsm2

# ---- the move
migrated() { migrate --from softhsm2 --yes --json "$@" | tee migrated.json | jq -r '"\(.moved) \(.present) \(.stayed) \(.not_trusted)"'; }
check_eq "everything is moved, trust among it, in one command" "$objects 0 0 0" migrated
check_eq "nothing is changed at the source" "$before" digest
TRUSTED=yes check_says "every attribute is as it was" "^$objects objects, [0-9]+ attributes are alike" py compare "$softhsm2" "$MODULE" zone
check "signatures are identical, or verify with the old public key" py sign "$softhsm2" "$MODULE" zone
echo text >text
openssl dgst -sha1 -binary text >text.sha1
check "the DSA key signs" p11_user zone --sign --mechanism DSA --id 06 --input-file text.sha1 --output-file dsa.raw
# r and s one after the other, as openssl reads them.
python3 - <<'PYTHON'
raw = open("dsa.raw", "rb").read()
def integer(half):
    digits = half.lstrip(b"\0")
    digits = b"\0" + digits if digits[:1] >= b"\x80" else digits
    return bytes([2, len(digits)]) + digits
both = integer(raw[: len(raw) // 2]) + integer(raw[len(raw) // 2 :])
open("dsa.sig", "wb").write(bytes([0x30, len(both)]) + both)
PYTHON
check "openssl verifies it with the old public key" openssl dgst -sha1 -verify dsa.pub -signature dsa.sig text
check_eq "a second run finds everything there" "0 $objects 0 0" migrated
check_eq "and makes nothing" "$objects" bash -c "'$COFFER' list --token zone --json | jq '.objects | length'"

# ---- through the library of SoftHSM2
check "coffer makes another token" "$COFFER" init through
through() { "$COFFER" migrate --token through --from "pkcs11:token=zone?module-path=$softhsm2" "$@"; }
check_says "keys that are not extractable stay behind" "stays .*aes:256 +aes .*not extractable" through --dry-run
check_says "an extractable one is fetched under a key that both have" "move +private +rsa:2048 +rsa-decrypt" through --dry-run
check_says "what is readable comes over" "^[1-9][0-9]* objects made" through --yes
check_eq "a second run finds it there" 0 bash -c "'$COFFER' migrate --token through --from 'pkcs11:token=zone?module-path=$softhsm2' --dry-run --json | jq .moved"
check "the key that came over wrapped decrypts what the old public key encrypted" bash -c "
    pkcs11-tool --module '$softhsm2' --token-label zone --read-object --type pubkey --id 02 --output-file old.der &&
    openssl pkeyutl -encrypt -pubin -inkey old.der -keyform DER -in text -out text.sealed &&
    pkcs11-tool --module '$MODULE' --token-label through --login --pin $PIN --decrypt --mechanism RSA-PKCS --id 02 \\
        --input-file text.sealed --output-file text.opened && cmp text text.opened"
check_says "a wrong PIN is told" "cannot log in to .zone. at the source" env COFFER_SOURCE_PIN=4321 "$COFFER" migrate --token through --from "pkcs11:token=zone?module-path=$softhsm2"

# ---- several tokens, and one that is damaged
check "softhsm2-util makes another token" softhsm2-util --init-token --free --label other --so-pin "$SO_PIN" --pin "$PIN"
check_says "of several tokens one must be named" "several SoftHSM2 tokens" migrate --from softhsm2 --dry-run
check_says "its label does" "0 objects to make, $objects there already" migrate --from softhsm2 --source-token zone --dry-run
check_says "its own folder does as well" "0 objects to make, $objects there already" migrate --from "softhsm2:$folder" --dry-run
cp -r "$folder" damaged
file=$(find damaged -name '*.object' ! -name token.object | head -n 1)
truncate -s -3 "$file"
check_says "a damaged file is named, and the rest is read" "cannot be read: $(basename "$file"): it ends in the middle" migrate --from softhsm2:damaged --dry-run
check_eq "which is exit code 3" 3 bash -c "'$COFFER' migrate --token zone --from softhsm2:damaged --dry-run >/dev/null; echo \$?"
summary
