#!/usr/bin/env bash
# From a fresh clone to a verified signature: builds the library and the tool, makes a token in a scratch folder, makes
# an RSA and an EC key in it with pkcs11-tool, signs with both and verifies with openssl.
# usage: quickstart.sh [--keep]     --keep leaves the token in its folder to play with
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$ROOT"

keep=no
[ "${1:-}" != --keep ] || keep=yes

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
run() {
    printf '$ %s\n' "$*"
    "$@"
}

say "1. What it needs"
bash scripts/install-packages.sh quickstart

say "2. The library and the tool (a few minutes the first time)"
bash scripts/build-release.sh --no-conformance
library=$(module_release)
coffer=$(tool_release)

say "3. A token"
folder=$(mktemp -d "${TMPDIR:-/tmp}/coffer-quickstart.XXXXXX")
[ "$keep" = yes ] || trap 'rm -rf "$folder"' EXIT
export COFFER_HOME="$folder/tokens"
# PINs come from the environment, a file, a descriptor or a prompt, never from the command line.
export COFFER_PIN=246810 COFFER_SO_PIN=13579135
run "$coffer" init quickstart
run "$coffer" info

say "4. Two keys"
p11() { run pkcs11-tool --module "$library" --token-label quickstart --login --pin env:COFFER_PIN "$@"; }
p11 --keypairgen --key-type rsa:2048 --id 01 --label first-rsa
p11 --keypairgen --key-type EC:prime256v1 --id 02 --label first-ec
run "$coffer" list

say "5. Two signatures"
echo "The quick brown fox jumps over the lazy dog." >"$folder/letter"
p11 --sign --mechanism SHA256-RSA-PKCS --id 01 --input-file "$folder/letter" --output-file "$folder/letter.rsa"
p11 --sign --mechanism ECDSA-SHA256 --signature-format openssl --id 02 --input-file "$folder/letter" --output-file "$folder/letter.ec"
for id in 01 02; do
    p11 --read-object --type pubkey --id "$id" --output-file "$folder/$id.der"
    run openssl pkey -pubin -inform DER -in "$folder/$id.der" -out "$folder/$id.pem"
done

say "6. What others say to them"
run openssl dgst -sha256 -verify "$folder/01.pem" -signature "$folder/letter.rsa" "$folder/letter"
run openssl dgst -sha256 -verify "$folder/02.pem" -signature "$folder/letter.ec" "$folder/letter"

say "From here"
cat <<TEXT
The library is   $library
The tool is      $coffer
Tokens live in   \$COFFER_HOME, else ~/.local/share/coffer (root: /var/lib/coffer)

  $coffer init mine                     make a token of your own
  $coffer doctor                        check the installation; prints these lines for every client
  pkcs11-tool --module $library --list-slots
  openssl   PKCS11_MODULE_PATH=$library openssl dgst -engine pkcs11 -keyform engine -sign 'pkcs11:token=mine;object=key' -sha256 FILE
  java      name = Coffer, library = $library    (two lines of a SunPKCS11 configuration)
  ssh       ssh-keygen -D $library;   ssh -o PKCS11Provider=$library HOST

More, client by client, in docs/clients.md. scripts/install.sh --prefix /usr/local installs it all.
TEXT
[ "$keep" = no ] || echo "The token of this run stays: export COFFER_HOME=$COFFER_HOME (user PIN $COFFER_PIN)"
echo
echo "Signature verified: RSA-2048 and P-256, made by keys that never left the token."
