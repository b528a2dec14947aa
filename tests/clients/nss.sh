#!/usr/bin/env bash
# NSS (Firefox, Thunderbird, Chromium's certificate store): modutil adds the module to a database, certutil makes keys and
# certificates on its token, cmsutil, signtool-like signing and a TLS server of NSS use them.
# shellcheck source=tests/clients/common.sh
source "$(dirname "$0")/common.sh"
need modutil certutil cmsutil pk12util openssl pkcs11-tool

make_token nss
mkdir db
printf 'NSS Certificate DB:database\nnss:%s\n' "$PIN" >pins
echo "$PIN" >pin
random_file noise 4096
random_file data 3000
base64 data >text
check "certutil makes a database" certutil -N -d sql:db --empty-password

# ---- the module in the database
check "modutil adds the module" modutil -force -dbdir sql:db -add Token -libfile "$MODULE"
check_says "modutil lists it" "Token" modutil -force -dbdir sql:db -list
check_says "modutil lists its token" "Token Name: nss" modutil -force -dbdir sql:db -list Token
check_says "certutil lists its slot" "nss" certutil -U -d sql:db

on() { certutil -d sql:db -f pins "$@"; }
check_says "there is no key on the token yet" "no keys found|certutil: Checking" on -K -h nss
serial=1
for kind in rsa ec; do
    arguments=(-k rsa -g 2048)
    [ $kind = rsa ] || arguments=(-k ec -q nistp256)
    check "certutil makes a self-signed certificate ($kind)" on -S -h nss -n "$kind-ca" -s "CN=$kind CA" -x -t CTu,Cu,Cu -2 -m $serial -v 12 "${arguments[@]}" -z noise \
        --keyUsage certSigning,digitalSignature,keyEncipherment < <(printf 'y\n\ny\n')
    serial=$((serial + 1))
done
summary
