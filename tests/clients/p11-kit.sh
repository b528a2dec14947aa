#!/usr/bin/env bash
# GnuTLS and p11-kit: p11tool and certtool on the module, its registration through a module file, p11-kit's proxy, and a
# TLS server and client of GnuTLS with their keys in the token.
# shellcheck source=tests/clients/common.sh
source "$(dirname "$0")/common.sh"
need p11tool certtool gnutls-serv gnutls-cli p11-kit openssl pkcs11-tool

export GNUTLS_PIN="$PIN" GNUTLS_SO_PIN="$SO_PIN"
make_token kit

# ---- p11tool
token=pkcs11:token=kit
pt() { p11tool --provider "$MODULE" --login --batch "$@"; }
check_says "p11tool lists the token" "URL: pkcs11:.*token=kit" p11tool --provider "$MODULE" --list-tokens
check_says "p11tool lists the mechanisms" "CKM_RSA_PKCS|RSA_PKCS" p11tool --provider "$MODULE" --list-mechanisms $token
for kind in rsa ec; do
    arguments=(--generate-privkey rsa --bits 2048)
    [ $kind = rsa ] || arguments=(--generate-privkey ecdsa --curve secp256r1)
    check "p11tool makes a key pair ($kind)" pt "${arguments[@]}" --label $kind --outfile $kind.pub $token
    check "openssl reads the public key ($kind)" openssl pkey -pubin -in $kind.pub -noout
    check_says "p11tool lists the private key ($kind)" "object=$kind;type=private" pt --list-privkeys --only-urls $token
    check "p11tool exports the public key ($kind)" pt --export-pubkey --outfile again.pub "$token;object=$kind;type=public"
    check "it is the same ($kind)" bash -c "openssl pkey -pubin -in $kind.pub -outform DER | cmp - <(openssl pkey -pubin -in again.pub -outform DER)"
    check_says "p11tool --test-sign is satisfied ($kind)" "ok" p11tool --provider "$MODULE" --login --batch --test-sign "$token;object=$kind;type=private"
    printf 'cn = "localhost"\ndns_name = "localhost"\nip_address = "127.0.0.1"\nca\ncert_signing_key\nsigning_key\nencryption_key\nexpiration_days = 30\n' >template
    check "certtool makes a self-signed certificate ($kind)" certtool --provider "$MODULE" --generate-self-signed --template template \
        --load-privkey "$token;object=$kind;type=private" --load-pubkey "$token;object=$kind;type=public" --outfile $kind.crt
    check "openssl verifies it ($kind)" openssl verify -check_ss_sig -CAfile $kind.crt $kind.crt
    check "p11tool puts the certificate into the token ($kind)" pt --write --load-certificate $kind.crt --label $kind $token
    check_says "p11tool lists it ($kind)" "object=$kind;type=cert" p11tool --provider "$MODULE" --batch --list-all-certs --only-urls $token
    check "p11tool exports it ($kind)" p11tool --provider "$MODULE" --batch --export --outfile again.crt "$token;object=$kind;type=cert"
    check "it is the same ($kind)" bash -c "openssl x509 -in $kind.crt -outform DER | cmp - <(openssl x509 -in again.crt -outform DER)"
done
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp384r1 -out in.pem 2>/dev/null
check "p11tool imports a private key" pt --write --load-privkey in.pem --label imported $token
check_says "it is listed" "object=imported;type=private" pt --list-privkeys --only-urls $token
check "p11tool deletes it" pt --delete "$token;object=imported;type=private"
check "it is gone" bash -c "! p11tool --provider '$MODULE' --login --batch --list-privkeys --only-urls $token | grep imported"
check "p11tool gives random numbers" p11tool --provider "$MODULE" --batch --generate-random 32 --outfile random $token
check_says "a wrong PIN is refused" "rong PIN" env GNUTLS_PIN=9999 p11tool --provider "$MODULE" --login --batch --list-privkeys $token

# ---- TLS of GnuTLS
tls() { # KIND PRIORITY
    local port server status=0
    port=$(free_port)
    background server.log gnutls-serv --provider "$MODULE" --port "$port" --x509certfile "$1.crt" \
        --x509keyfile "$token;object=$1;type=private" --priority "$2" --http --noticket
    server=$SERVER
    wait_for 10 is_listening "$port" || status=1
    timeout 20 openssl s_client -connect "127.0.0.1:$port" -CAfile "$1.crt" -verify_return_error -verify_hostname localhost </dev/null >client.log 2>&1 || status=1
    stop_server "$server"
    cat server.log client.log
    [ $status -eq 0 ] && grep -q 'Verify return code: 0' client.log
}
for kind in rsa ec; do
    for version in TLS1.2 TLS1.3; do
        check "gnutls-serv serves $version with the $kind key" tls $kind "NORMAL:-VERS-ALL:+VERS-$version"
    done
done

# ---- p11-kit's registration and its proxy, which is what applications load on many systems
proxy=$(compgen -G '/usr/lib/*/p11-kit-proxy.so' || compgen -G '/usr/lib*/p11-kit-proxy.so' || true)
proxy=${proxy%%$'\n'*}
cp "$MODULE" "$WORK/" # where the plain user can read it
printf 'module: %s\ncritical: yes\n' "$WORK/$(basename "$MODULE")" >test.module
p11_kit_config test.module
check "p11-kit loads the module from its module file" p11_kit_lists "$MODULE"
check_says "p11-kit shows the token" "token: kit" as_plain_user p11-kit list-modules
check_says "p11tool finds the token through p11-kit" "token=kit" as_plain_user p11tool --list-tokens
if [ -n "$proxy" ]; then
    by_proxy() { as_plain_user pkcs11-tool --module "$proxy" --token-label kit --login --pin "$PIN" "$@"; }
    echo text >"$HOME/text"
    openssl dgst -sha256 -binary "$HOME/text" >"$HOME/digest"
    check_says "the proxy shows the token" "token label *: kit" as_plain_user pkcs11-tool --module "$proxy" --list-slots
    check "the proxy makes a key pair" by_proxy --keypairgen --key-type EC:prime256v1 --id 77 --label by-proxy
    check "the proxy signs" by_proxy --sign --mechanism ECDSA --id 77 --input-file "$HOME/digest" --output-file "$HOME/sig" --signature-format openssl
    check "the proxy exports the public key" by_proxy --read-object --type pubkey --id 77 --output-file "$HOME/proxy.der"
    check "openssl verifies it" bash -c "openssl pkey -pubin -inform DER -in '$HOME/proxy.der' -out proxy.pem && openssl dgst -sha256 -verify proxy.pem -signature '$HOME/sig' '$HOME/text'"
else
    failed "p11-kit's proxy is installed"
fi
summary
