#!/usr/bin/env bash
# Hosts that use the token end cleanly, as often as they are started: OpenSSL with the pkcs11 engine, NSS and Java. EXITS is
# how often each is (5 unless it is told; the campaign "exits": 1,000).
# shellcheck source=tests/clients/common.sh
source "$(dirname "$0")/common.sh"
need openssl pkcs11-tool modutil certutil keytool

exits=${EXITS:-5}
# A login for each start: what it costs to guess a PIN is not the question here.
printf '[pin]\nkdf-iterations = 10000\n' >"$COFFER_HOME/coffer.toml"
make_token exits
printf '%s' "$PIN" >pin
random_file data 1000
p11_user exits --keypairgen --key-type EC:prime256v1 --id 01 --label ec >/dev/null 2>&1

# ends HOST COMMAND…: every exit status must be zero.
ends() {
    local host=$1 round
    shift
    for ((round = 1; round <= exits; round++)); do
        timeout 600 "$@" >"$WORK/log" 2>&1 </dev/null || {
            failed "$host ends cleanly (exit status $? in round $round)" "$WORK/log"
            return
        }
        ((round % 100 > 0 || round == exits)) || echo "# $host: $round of $exits"
    done
    passed "$host ends cleanly, $exits times"
}

configure_engine
ends "OpenSSL's engine" env OPENSSL_CONF="$WORK/openssl.cnf" openssl dgst -engine pkcs11 -keyform engine -sha256 \
    -sign "pkcs11:token=exits;object=ec;type=private" -out sig data

mkdir db
certutil -N -d sql:db --empty-password
modutil -force -dbdir sql:db -add Token -libfile "$MODULE" >/dev/null 2>&1
ends "NSS" certutil -K -d sql:db -h exits -f pin

printf 'name = Exits\nlibrary = %s\nslot = %s\n' "$MODULE" "$(($(slot_of exits)))" >pkcs11.cfg
ends "Java" keytool -list -keystore NONE -storetype PKCS11 -storepass "$PIN" \
    -providerclass sun.security.pkcs11.SunPKCS11 -providerarg pkcs11.cfg

summary
