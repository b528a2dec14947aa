#!/usr/bin/env bash
# NSS (Firefox, Thunderbird): modutil adds the module to a database; certutil makes keys, certificates and requests on
# its token; cmsutil signs and decrypts, pk12util imports, tstclnt authenticates to a TLS server with a token key.
# shellcheck source=tests/clients/common.sh
source "$(dirname "$0")/common.sh"
need modutil certutil cmsutil pk12util tstclnt openssl pkcs11-tool

make_token nss
mkdir db
echo "$PIN" >pin
random_file noise 4096
random_file data 3000

# ---- the module in the database
check "certutil makes a database" certutil -N -d sql:db --empty-password
check "modutil adds the module" modutil -force -dbdir sql:db -add Token -libfile "$MODULE"
check_says "modutil lists it" "Token" modutil -force -dbdir sql:db -list
check_says "modutil lists its token" "Token Name: nss" modutil -force -dbdir sql:db -list Token
check_says "certutil lists its slot" "nss" certutil -U -d sql:db

on() { certutil -d sql:db -h nss -f pin "$@"; }
# A self-signed certificate that may sign others and mail; the lines answer the questions about its constraints.
self_signed() { # KIND
    printf 'y\n\ny\n' | on -S -n "$1" -s "CN=$1,E=$1@example.org" -x -t CTu,Cu,Cu -m "$RANDOM" -v 12 "${new_key[@]}" -z noise \
        -2 --nsCertType sslClient,sslServer,smime,sslCA,smimeCA -7 "$1@example.org"
}
# tstclnt against openssl's server, which insists on a certificate of the client.
client_authentication() { # KIND
    local port server status=0
    port=$(free_port)
    background server.log openssl s_server -accept "127.0.0.1:$port" -cert server.crt -key server.pem -CAfile "$1.pem" -Verify 1 \
        -verify_return_error -naccept 1 -tls1_2 -www
    server=$SERVER
    wait_for 10 grep -q ACCEPT server.log || status=1
    timeout 20 tstclnt -h 127.0.0.1 -p "$port" -d sql:db -n "nss:$1" -w "$PIN" -o -Q -V tls1.2:tls1.2 >client.log 2>&1 </dev/null || true
    stop_server "$server"
    cat server.log client.log
    [ $status -eq 0 ] && grep -q "verify return:1" server.log && ! grep -qE "alert|error" server.log client.log
}
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 30 -keyout server.pem -out server.crt 2>/dev/null

check_says "there is no key on the token yet" "no keys found" on -K
for kind in rsa ec; do
    new_key=(-k rsa -g 2048)
    [ $kind = rsa ] || new_key=(-k ec -q nistp256)
    check "certutil makes a key and a self-signed certificate ($kind)" self_signed $kind
    check_says "certutil lists the key ($kind)" "$kind +[0-9a-f]+ +nss:$kind" on -K
    check_says "certutil lists the certificate with its key ($kind)" "nss:$kind +CTu,Cu,Cu" on -L
    check "certutil exports it ($kind)" bash -c "certutil -d sql:db -h nss -f pin -L -n nss:$kind -a >$kind.pem"
    check "openssl verifies it ($kind)" openssl verify -check_ss_sig -CAfile $kind.pem $kind.pem
    check "certutil makes a request with a new key ($kind)" on -R -s "CN=request" "${new_key[@]}" -z noise -a -o request.csr
    check "openssl verifies the request ($kind)" openssl req -in request.csr -verify -noout
    check "cmsutil signs ($kind)" cmsutil -S -d sql:db -f pin -N "nss:$kind" -i data -o signed.cms
    check "openssl verifies it ($kind)" openssl cms -verify -binary -inform DER -in signed.cms -CAfile $kind.pem -purpose any -out verified
    check "the content is the same ($kind)" cmp verified data
    check "tstclnt authenticates to a TLS server with the key ($kind)" client_authentication $kind
done
check "openssl encrypts to the RSA certificate" openssl cms -encrypt -binary -aes128 -in data -outform DER -out enc.cms rsa.pem
check "cmsutil decrypts" cmsutil -D -d sql:db -f pin -i enc.cms -o dec
check "it is the same" cmp dec data

# ---- imports
for kind in rsa ec; do
    arguments=(-newkey rsa:2048)
    [ $kind = rsa ] || arguments=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1)
    openssl req -x509 "${arguments[@]}" -nodes -subj "/CN=in $kind" -days 30 -keyout in.pem -out in.crt 2>/dev/null
    openssl pkcs12 -export -inkey in.pem -in in.crt -name "in-$kind" -passout pass:word -out in.p12
    check "pk12util imports a key with its certificate ($kind)" pk12util -i in.p12 -d sql:db -h nss -k pin -W word
    check_says "certutil lists the key ($kind)" "in-$kind" on -K
    check "the imported key signs ($kind)" p11_user nss --sign --mechanism "$([ $kind = rsa ] && echo SHA256-RSA-PKCS || echo ECDSA)" --label "in-$kind" \
        --id "$(p11_user nss --list-objects --type cert 2>/dev/null | awk -v l="in-$kind" '/label:/ { f = ($2 == l) } /^ *ID:/ && f { print $2 }')" \
        --input-file <(head -c 32 data) --output-file sig
done
openssl req -x509 -newkey rsa:2048 -nodes -subj "/CN=lone" -days 30 -keyout lone.pem -out lone.crt 2>/dev/null
check "certutil imports a certificate" on -A -n lone -t ,, -a -i lone.crt
check_says "certutil lists it" "nss:lone" on -L
check "certutil deletes it" on -D -n nss:lone
check "it is gone" bash -c "! certutil -d sql:db -h nss -f pin -L | grep lone"
check "certutil deletes a key" on -F -n nss:in-ec
check "it is gone" bash -c "! certutil -d sql:db -h nss -f pin -K | grep nss:in-ec"
echo 9999 >wrong
check_fails "a wrong PIN is refused" certutil -d sql:db -h nss -f wrong -K
check "modutil takes the module out" modutil -force -dbdir sql:db -delete Token
summary
