#!/usr/bin/env bash
# OpenSSL 3 with the pkcs11 engine of libp11: keys named by RFC 7512 URIs; dgst, pkeyutl, req, x509, ca work, cms and
# TLS servers and clients whose keys are in the token.
# shellcheck source=tests/clients/common.sh
source "$(dirname "$0")/common.sh"
need openssl pkcs11-tool

configure_engine
cat >>openssl.cnf <<TEXT
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
[leaf]
basicConstraints = CA:false
subjectAltName = DNS:localhost, IP:127.0.0.1
TEXT
export OPENSSL_CONF="$WORK/openssl.cnf"
make_token engine
uri() { echo "pkcs11:token=engine;object=$1;type=${2:-private}"; }
key() { echo -engine pkcs11 -keyform engine "$3" "$(uri "$1" "$2")"; }
# e COMMAND ARGUMENTS…: openssl with the engine loaded
e() {
    local command=$1
    shift
    openssl "$command" -engine pkcs11 "$@"
}

check_says "openssl loads the engine with the module" "pkcs11" openssl engine -t pkcs11
random_file data 5000
openssl dgst -sha256 -binary data >digest

for kind in rsa ec; do
    type=rsa:2048
    [ $kind = rsa ] || type=EC:prime256v1
    id=01
    [ $kind = rsa ] || id=02
    check "a $kind key pair is made" p11_user engine --keypairgen --key-type $type --id $id --label $kind
    check "$kind: the engine hands out the public key" e pkey -inform engine -in "$(uri $kind public)" -pubin -pubout -out $kind.pem
    check "$kind: openssl reads it" openssl pkey -pubin -in $kind.pem -noout
    for hash in sha1 sha256 sha384 sha512; do
        check "$kind: dgst -$hash signs" e dgst -$hash -keyform engine -sign "$(uri $kind)" -out sig data
        check "$kind: openssl verifies it" openssl dgst -$hash -verify $kind.pem -signature sig data
    done
    check "$kind: dgst verifies with the token's public key" e dgst -sha512 -keyform engine -verify "$(uri $kind public)" -signature sig data
    check "$kind: the key is named by its id" e dgst -sha256 -keyform engine -sign "pkcs11:token=engine;id=%$id;type=private" -out sig data
    check "$kind: openssl verifies it" openssl dgst -sha256 -verify $kind.pem -signature sig data
    check "$kind: the PIN is in the URI" e dgst -sha256 -keyform engine -sign "$(uri $kind);pin-value=$PIN" -out sig data
    check "$kind: req makes a self-signed certificate" e req -new -x509 -keyform engine -key "$(uri $kind)" -subj "/CN=$kind CA" -days 30 -extensions ca -out $kind-ca.crt
    check "$kind: it verifies" openssl verify -check_ss_sig -CAfile $kind-ca.crt $kind-ca.crt
    check "$kind: req makes a request" e req -new -keyform engine -key "$(uri $kind)" -subj "/CN=localhost" -out $kind.csr
    check "$kind: the request verifies" openssl req -in $kind.csr -verify -noout
    check "$kind: x509 issues a certificate for it" e x509 -req -in $kind.csr -CA $kind-ca.crt -CAkeyform engine -CAkey "$(uri $kind)" \
        -CAcreateserial -days 30 -extfile openssl.cnf -extensions leaf -out $kind.crt
    check "$kind: the chain verifies" openssl verify -CAfile $kind-ca.crt $kind.crt
    check "$kind: cms signs" e cms -sign -binary -nodetach -nosmimecap -signer $kind.crt -inkey "$(uri $kind)" -keyform engine -in data -outform DER -out signed.cms
    check "$kind: openssl verifies the cms" openssl cms -verify -binary -inform DER -in signed.cms -CAfile $kind-ca.crt -out verified
    check "$kind: the content is the same" cmp verified data
done

check "rsa: dgst signs with PSS" e dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:-1 -keyform engine -sign "$(uri rsa)" -out sig data
check "rsa: openssl verifies it" openssl dgst -sha256 -sigopt rsa_padding_mode:pss -verify rsa.pem -signature sig data
check "rsa: pkeyutl signs a digest" e pkeyutl -sign -keyform engine -inkey "$(uri rsa)" -pkeyopt digest:sha256 -in digest -out sig
check "rsa: openssl verifies it" openssl pkeyutl -verify -pubin -inkey rsa.pem -pkeyopt digest:sha256 -in digest -sigfile sig
check "rsa: openssl encrypts" openssl pkeyutl -encrypt -pubin -inkey rsa.pem -in digest -out enc
check "rsa: pkeyutl decrypts" e pkeyutl -decrypt -keyform engine -inkey "$(uri rsa)" -in enc -out dec
check "rsa: it is the same" cmp dec digest
check "rsa: openssl encrypts with OAEP" openssl pkeyutl -encrypt -pubin -inkey rsa.pem -pkeyopt rsa_padding_mode:oaep -in digest -out enc
check "rsa: pkeyutl decrypts OAEP" e pkeyutl -decrypt -keyform engine -inkey "$(uri rsa)" -pkeyopt rsa_padding_mode:oaep -in enc -out dec
check "rsa: it is the same" cmp dec digest
check "rsa: openssl encrypts a cms" openssl cms -encrypt -binary -aes256 -in data -outform DER -out enc.cms rsa.crt
check "rsa: cms decrypts" e cms -decrypt -binary -inform DER -in enc.cms -recip rsa.crt -inkey "$(uri rsa)" -keyform engine -out dec
check "rsa: it is the same" cmp dec data
check "ec: pkeyutl signs a digest" e pkeyutl -sign -keyform engine -inkey "$(uri ec)" -in digest -out sig
check "ec: openssl verifies it" openssl pkeyutl -verify -pubin -inkey ec.pem -in digest -sigfile sig
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out peer.pem 2>/dev/null
openssl pkey -in peer.pem -pubout -out peer.pub
check "ec: openssl derives a secret with the token's public key" openssl pkeyutl -derive -inkey peer.pem -peerkey ec.pem -out shared.openssl
check "ec: pkeyutl derives it with the token's key" e pkeyutl -derive -keyform engine -inkey "$(uri ec)" -peerkey peer.pub -out shared.token
check "ec: it is the same" cmp shared.token shared.openssl

check "a certificate is put into the token" bash -c "openssl x509 -in rsa.crt -outform DER -out rsa.crt.der &&
    pkcs11-tool --module '$MODULE' --token-label engine --login --pin $PIN --write-object rsa.crt.der --type cert --id 01 --label rsa"
not_there() { e dgst -sha256 -keyform engine -sign "$(uri nobody)" -out sig data; }
wrong_pin() { e dgst -sha256 -keyform engine -sign "$(uri rsa);pin-value=9999" -out sig data; }
check_says "a key that is not there is not found" "object not found" not_there
check_says "a wrong PIN in the URI is refused as such" "PIN incorrect" wrong_pin
if is_coffer; then # with SoftHSM2, openssl crashes at its end after these
    check_fails "openssl ends in good order after a key that is not there" not_there
    check_fails "openssl ends in good order after a wrong PIN" wrong_pin
fi
check "the right PIN signs after it" e dgst -sha256 -keyform engine -sign "$(uri rsa)" -out sig data

# ---- TLS: every version with every key, both sides holding their keys in the token
tls() { # KIND VERSION
    local port
    port=$(free_port)
    background server.log openssl s_server -engine pkcs11 -accept "127.0.0.1:$port" -cert "$1.crt" -keyform engine -key "$(uri "$1")" \
        "-$2" -CAfile "$1-ca.crt" -Verify 1 -verify_return_error -naccept 3 -www
    local server=$SERVER status=0
    wait_for 10 grep -q ACCEPT server.log || status=1
    printf 'GET / HTTP/1.0\r\n\r\n' | timeout 20 openssl s_client -engine pkcs11 -connect "127.0.0.1:$port" "-$2" -CAfile "$1-ca.crt" \
        -verify_return_error -verify_hostname localhost -cert "$1.crt" -keyform engine -key "$(uri "$1")" -ign_eof >client.log 2>&1 || status=1
    stop_server "$server"
    cat server.log client.log
    [ $status -eq 0 ] && grep -q 'HTTP/1.0 200' client.log && grep -q 'Verify return code: 0' client.log
}
for kind in rsa ec; do
    for version in tls1_2 tls1_3; do
        check "$kind: $version with the keys of server and client in the token" tls $kind $version
    done
done
check "one server process serves 20 handshakes" bash -c "
    port=$(free_port)
    openssl s_server -engine pkcs11 -accept 127.0.0.1:\$port -cert ec.crt -keyform engine -key '$(uri ec)' -naccept 20 -www >many.log 2>&1 </dev/null &
    server=\$!
    for try in \$(seq 200); do grep -q ACCEPT many.log && break; sleep 0.05; done
    for n in \$(seq 20); do
        printf 'GET / HTTP/1.0\r\n\r\n' | timeout 20 openssl s_client -connect 127.0.0.1:\$port -CAfile ec-ca.crt -verify_return_error -ign_eof >one.log 2>&1 || { cat one.log; kill \$server; exit 1; }
    done
    wait \$server"
summary
