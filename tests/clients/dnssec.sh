#!/usr/bin/env bash
# Signers of zones: OpenDNSSEC's tools for tokens (ods-hsmutil, ods-hsmspeed) and Knot DNS (keymgr, kzonesign); BIND's
# dnssec-verify looks at what they have signed.
# shellcheck source=tests/clients/common.sh
source "$(dirname "$0")/common.sh"
need ods-hsmutil ods-hsmspeed keymgr kzonesign dnssec-verify
make_token zones

## OpenDNSSEC

cat >conf.xml <<END
<?xml version="1.0" encoding="UTF-8"?>
<Configuration>
  <RepositoryList>
    <Repository name="token">
      <Module>$MODULE</Module>
      <TokenLabel>zones</TokenLabel>
      <PIN>$PIN</PIN>
    </Repository>
  </RepositoryList>
</Configuration>
END
hsm() { ods-hsmutil -c conf.xml "$@"; }
# The id of the last key of this type, as `list` prints it.
id_of() { hsm list 2>/dev/null | awk -v type="$1" '$3 == type { id = $2 } END { print id }'; }

check_says "ods-hsmutil finds the token" "Token Label: +zones" hsm info
for kind in "rsa 2048" "ecdsa 256" "ecdsa 384"; do
    # shellcheck disable=SC2086
    check_says "ods-hsmutil generates: $kind" "Key generation successful" hsm generate token $kind
done
check_says "ods-hsmutil lists the keys" "^3 keys found" hsm list
rsa=$(id_of RSA/2048)
check_says "ods-hsmutil writes the DNSKEY record of a key" "DNSKEY.257 3 8 AwEAA" hsm dnskey "$rsa" example.org 257 8
check_says "ods-hsmutil removes a key" "Key remove successful" hsm remove "$rsa"
check_says "which is gone" "^2 keys found" hsm list
check_says "ods-hsmspeed signs in four threads" "4 threads, 100 signatures per thread" \
    ods-hsmspeed -c conf.xml -r token -s 2048 -i 100 -t 4

# Its own test makes keys, signs with them and removes them.
hsm test token >tested 2>/dev/null || true
for kind in "1024-bit RSA" "2048-bit RSA" "4096-bit RSA" "1024-bit DSA" "ED25519" "ED448"; do
    check_says "ods-hsmutil test: $kind" "OK" sed -n "/Generating $kind key/,/Deleting key/p" tested
    check_fails "nothing of it has failed" grep -q Failed <(sed -n "/Generating $kind key/,/Deleting key/p" tested)
done
check_says "ods-hsmutil test: random numbers" "OK" grep "random data" tested

## Knot DNS

mkdir run database signed
cat >knot.conf <<END
server:
    rundir: $WORK/run
database:
    storage: $WORK/database
keystore:
  - id: token
    backend: pkcs11
    config: "pkcs11:token=zones;pin-value=$PIN $MODULE"
policy:
  - id: token
    keystore: token
zone:
  - domain: example.org
    storage: $WORK
    file: example.org.zone
    dnssec-signing: on
    dnssec-policy: token
END
cat >example.org.zone <<'END'
$ORIGIN example.org.
$TTL 3600
@ IN SOA ns.example.org. hostmaster.example.org. 1 3600 600 86400 300
@ IN NS ns
ns IN A 192.0.2.1
www IN A 192.0.2.2
END
keys() { keymgr -c knot.conf example.org "$@"; }
for algorithm in rsasha256 ecdsap256sha256 ecdsap384sha384; do
    sed -i "/algorithm:/d; s/^    keystore: token/&\n    algorithm: $algorithm/" knot.conf
    rm -rf database signed && mkdir database signed
    check "keymgr generates a key: $algorithm" keys generate algorithm=$algorithm ksk=yes zsk=yes
    check "kzonesign signs the zone with it" kzonesign -c knot.conf -o signed example.org
    check_says "dnssec-verify accepts the signatures" "Zone fully signed" \
        dnssec-verify -z -o example.org signed/example.org.zone
done

summary
