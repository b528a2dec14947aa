#!/usr/bin/env bash
# Java 17 and its SunPKCS11 provider: the program CofferTest, then keytool and jarsigner.
# shellcheck source=tests/clients/common.sh
source "$(dirname "$0")/common.sh"
here=$CLIENTS
need java javac keytool jarsigner jar openssl pkcs11-tool

make_token java
slot=$(slot_of java)
cat >pkcs11.cfg <<TEXT
name = Test
library = $MODULE
slot = $((slot))
attributes(generate, CKO_PRIVATE_KEY, CKK_EC) = {
  CKA_SIGN = true
  CKA_DERIVE = true
}
TEXT
which=other
if is_coffer; then
    which=coffer
else # SoftHSM2 makes derived secrets sensitive unless told otherwise
    printf 'attributes(generate, CKO_SECRET_KEY, CKK_GENERIC_SECRET) = {\n CKA_SENSITIVE = false\n CKA_EXTRACTABLE = true\n}\n' >>pkcs11.cfg
fi

for kind in rsa ec; do
    arguments=(-algorithm RSA -pkeyopt rsa_keygen_bits:2048)
    [ $kind = rsa ] || arguments=(-algorithm EC -pkeyopt ec_paramgen_curve:prime256v1)
    openssl genpkey "${arguments[@]}" -out $kind.pem 2>/dev/null
    openssl pkcs8 -topk8 -nocrypt -in $kind.pem -outform DER -out $kind.p8
    openssl req -new -x509 -key $kind.pem -subj "/CN=$kind" -days 30 -out $kind.crt
done
openssl req -new -x509 -key ec.pem -subj "/CN=some CA" -days 30 -out ca.crt

check "the Java program compiles" javac -Xlint:all -Werror -d classes "$here/CofferTest.java"
java -cp classes CofferTest pkcs11.cfg "$PIN" $which >java.log 2>&1 || true
if [[ $(tail -n 1 java.log) =~ ^([0-9]+)\ checks\ passed,\ ([0-9]+)\ failed$ ]]; then
    grep -vE '^[0-9]+ checks passed' java.log
    CHECKS_PASSED=$((CHECKS_PASSED + BASH_REMATCH[1]))
    CHECKS_FAILED=$((CHECKS_FAILED + BASH_REMATCH[2]))
else
    failed "the Java program runs to its end" java.log
fi

# ---- keytool and jarsigner
k() { keytool -providerClass sun.security.pkcs11.SunPKCS11 -providerArg pkcs11.cfg -keystore NONE -storetype PKCS11 -storepass "$PIN" "$@"; }
for kind in rsa ec; do
    arguments=(-keyalg RSA -keysize 2048)
    [ $kind = rsa ] || arguments=(-keyalg EC -groupname secp256r1)
    # SoftHSM2 cannot hash for ECDSA, which is what keytool asks for
    if [ $kind = ec ] && ! is_coffer; then continue; fi
    check "keytool makes a key pair and a certificate ($kind)" k -genkeypair -alias "tool-$kind" "${arguments[@]}" -dname "CN=$kind of keytool" -validity 30
    check_says "keytool lists it ($kind)" "tool-$kind, PrivateKeyEntry" k -list
    check "keytool makes a request ($kind)" k -certreq -alias "tool-$kind" -file "tool-$kind.csr"
    check "openssl verifies the request ($kind)" openssl req -in "tool-$kind.csr" -verify -noout
    check "keytool exports the certificate ($kind)" k -exportcert -alias "tool-$kind" -rfc -file "tool-$kind.crt"
    check "openssl verifies it ($kind)" openssl verify -check_ss_sig -CAfile "tool-$kind.crt" "tool-$kind.crt"
    echo "content of $kind" >content.txt
    check "a jar is made ($kind)" jar cf "$kind.jar" content.txt
    check "jarsigner signs it ($kind)" jarsigner -providerClass sun.security.pkcs11.SunPKCS11 -providerArg pkcs11.cfg -keystore NONE -storetype PKCS11 \
        -storepass "$PIN" "$kind.jar" "tool-$kind"
    check_says "jarsigner verifies it ($kind)" "jar verified" jarsigner -verify "$kind.jar"
    check "keytool deletes the entry ($kind)" k -delete -alias "tool-$kind"
    check "it is gone ($kind)" bash -c "! keytool -providerClass sun.security.pkcs11.SunPKCS11 -providerArg pkcs11.cfg -keystore NONE -storetype PKCS11 -storepass $PIN -list | grep tool-$kind"
done
check "keytool makes a secret key" k -genseckey -alias secret -keyalg AES -keysize 256
check_says "keytool lists it" "secret, SecretKeyEntry" k -list
check_says "keytool says that it cannot load with a wrong PIN" "load failed" keytool -providerClass sun.security.pkcs11.SunPKCS11 -providerArg pkcs11.cfg \
    -keystore NONE -storetype PKCS11 -storepass 9999 -list
summary
