#!/usr/bin/env bash
# A key ceremony from its beginning to the end of a key: makes a token with a recovery key in three shares, of which two are
# needed, backs it up, brings a lost token back with two shares, and destroys a key for good when two of three people have approved it,
# with a certificate that is verified.
# Everything happens in a scratch folder and without a terminal; docs/backup.md tells what people do at one.
# usage: ceremony-demo.sh [--keep]     --keep leaves the folder
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

keep=no
[ "${1:-}" != --keep ] || keep=yes
coffer=${COFFER:-$(tool_release)}
folder=$(mktemp -d "${TMPDIR:-/tmp}/coffer-ceremony.XXXXXX")
[ "$keep" = yes ] || trap 'rm -rf "$folder"' EXIT
mkdir -m 700 "$folder/tokens"
export COFFER_HOME="$folder/tokens" COFFER_PIN=246810 COFFER_SO_PIN=13579135
checks=0

say() { printf '\n%s\n' "$*"; }
run() {
    printf '$ coffer %s\n' "$*"
    "$coffer" "$@"
}
# expect CODE COMMAND…: the tool must end with this exit code.
expect() {
    local wanted=$1 status=0
    shift
    printf '$ coffer %s\n' "$*"
    "$coffer" "$@" || status=$?
    [ "$status" -eq "$wanted" ] || { echo "exit code $status, expected $wanted" && exit 1; }
    checks=$((checks + 1))
}
share() { printf '%s/shares/share-%s.txt' "$folder" "$1"; }

say "1. The ceremony: a token, and its recovery key in three hands"
for name in alice bob carol; do (umask 077 && echo "passphrase of $name" >"$folder/$name.pass"); done
cat >"$folder/script.toml" <<TEXT
label = "Root"
threshold = 2
folder = "$folder/shares"
witness = ["Wanda"]
[[custodian]]
name = "Alice"
passphrase-file = "$folder/alice.pass"
[[custodian]]
name = "Bob"
passphrase-file = "$folder/bob.pass"
[[custodian]]
name = "Carol"
passphrase-file = "$folder/carol.pass"
TEXT
expect 0 ceremony --script "$folder/script.toml" --transcript "$folder/transcript.txt"
cat "$folder/transcript.txt"
set=$(sed -n 's/^  set  *//p' "$folder/transcript.txt")
signer=$(sed -n 's/^  backups are signed by  *//p' "$folder/transcript.txt")

say "2. Each custodian checks the share at home"
for pair in 1-Alice:alice 2-Bob:bob 3-Carol:carol; do
    expect 0 recovery check "$(share "${pair%:*}")" --set "$set" --passphrase-file "$folder/${pair#*:}.pass"
done

say "3. Keys, and a backup of them"
run generate aes:256 files
run generate ec:P-256 documents
expect 0 backup create "$folder/first.backup"
expect 0 backup verify "$folder/first.backup" --signer "$signer"

run recovery recipient "$folder/auditor"

say "4. The machine burns down. Bob and Carol meet; Bob alone is not enough"
mv "$folder/tokens" "$folder/burnt"
mkdir -m 700 "$folder/tokens"
run init Restored
bob=(--share "$(share 2-Bob)" --passphrase-file "$folder/bob.pass")
carol=(--share "$(share 3-Carol)" --passphrase-file "$folder/carol.pass")
expect 5 backup restore "$folder/first.backup" --into Restored "${bob[@]}"
expect 0 backup restore "$folder/first.backup" --into Restored "${bob[@]}" "${carol[@]}"
run list --login

say "5. From now on no key ends without the approval of two others"
for name in alice bob carol; do
    run control key "$folder/$name.key" --name "$name" --passphrase-file "$folder/$name.pass"
done
expect 0 control set --token Restored --rule destroy=2 --participant "$folder/alice.key.pub" \
    --participant "$folder/bob.key.pub" --participant "$folder/carol.key.pub"
by_alice=(--key "$folder/alice.key" --passphrase-file "$folder/alice.pass")
by_bob=(--key "$folder/bob.key" --passphrase-file "$folder/bob.pass")
by_carol=(--key "$folder/carol.key" --passphrase-file "$folder/carol.pass")

say "6. A key is destroyed for good, with a certificate, when Bob and Carol have approved what Alice asks for"
id=$("$coffer" list --login --json | python3 -c '
import json, sys
print(next(key["unique_id"] for key in json.load(sys.stdin)["objects"] if key["label"] == "files"))')
mkdir "$folder/certificates"
expect 0 backup create "$folder/with-the-key.backup" --to "$folder/auditor.pub"
# It is still in backups: the certificate lists them among what it cannot confirm.
destroy=(destroy --unique-id "$id" --yes --now --reason "its data is gone" --certificates "$folder/certificates")
expect 5 "${destroy[@]}"
expect 0 request destroy files "${by_alice[@]}" --reason "its data is gone" --out "$folder/request"
request=$("$coffer" request list --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["requests"][0]["id"])')
expect 1 approve "$request" "${by_alice[@]}" --yes
expect 0 approve "$request" "${by_bob[@]}" --yes
expect 5 "${destroy[@]}"
# Carol signs away from the token.
expect 0 approve "$folder/request" "${by_carol[@]}" --out "$folder/by-carol" --yes
expect 0 approve --add "$folder/by-carol"
expect 0 "${destroy[@]}"
# The approvals are used up.
expect 1 approve --add "$folder/by-carol"
certificate=$(find "$folder/certificates" -name '*.json')
run destroy verify "$certificate"
grep -q "$id" "$certificate" && checks=$((checks + 1))

say "7. No old backup brings it back without a decision of the custodians"
expect 0 backup create "$folder/after.backup" --to "$folder/auditor.pub"
expect 5 backup restore "$folder/first.backup" --into Restored "${bob[@]}" "${carol[@]}"
run init Third
expect 5 backup restore "$folder/with-the-key.backup" --into Third --key "$folder/auditor" --newer "$folder/after.backup"

echo
echo "$checks checks passed, 0 failed; 2 of 3 approved the destruction"
