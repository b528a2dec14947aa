#!/usr/bin/env bash
# OpenSSH: public keys out of the module, and logins to an sshd on loopback with a key in the token, with ssh itself and
# through ssh-agent.
# shellcheck source=tests/clients/common.sh
source "$(dirname "$0")/common.sh"
need ssh ssh-keygen ssh-agent ssh-add pkcs11-tool
sshd=$(command -v sshd || echo /usr/sbin/sshd)
need "$sshd"

# ssh asks for the PIN through this program.
cat >askpass <<TEXT
#!/bin/sh
echo $PIN
TEXT
chmod 700 askpass
export SSH_ASKPASS="$WORK/askpass" SSH_ASKPASS_REQUIRE=force DISPLAY=none
user=$(id -un)

make_token ssh
check "an RSA key pair is made" p11_user ssh --keypairgen --key-type rsa:2048 --id 01 --label rsa
check "an EC key pair is made" p11_user ssh --keypairgen --key-type EC:prime256v1 --id 02 --label ec
check "ssh-keygen -D lists the public keys" bash -c "ssh-keygen -D '$MODULE' >authorized_keys"
check_eq "the RSA key is among them" 1 grep -c '^ssh-rsa ' authorized_keys
check_eq "the EC key is among them" 1 grep -c '^ecdsa-sha2-nistp256 ' authorized_keys
check "ssh-keygen reads what it wrote" ssh-keygen -l -f authorized_keys

# ---- an sshd of our own
ssh-keygen -q -t ed25519 -N '' -f hostkey
chmod 600 authorized_keys
port=$(free_port)
cat >sshd_config <<TEXT
Port $port
ListenAddress 127.0.0.1
HostKey $WORK/hostkey
AuthorizedKeysFile $WORK/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
LogLevel VERBOSE
TEXT
if [ "$(id -u)" -eq 0 ]; then mkdir -p /run/sshd; fi
background sshd.log "$sshd" -D -e -f "$WORK/sshd_config"
check "sshd answers on loopback" wait_for 10 is_listening "$port"
echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 hostkey.pub)" >known_hosts
connect() {
    timeout 30 ssh -F none -p "$port" -o "UserKnownHostsFile=$WORK/known_hosts" -o StrictHostKeyChecking=yes -o PreferredAuthentications=publickey \
        "$@" "$user@127.0.0.1" echo logged in
}
check_eq "a login with the keys of the module" "logged in" connect -o "PKCS11Provider=$MODULE" -o IdentityAgent=none
for kind in rsa ec; do
    grep "$([ $kind = rsa ] && echo ssh-rsa || echo ecdsa)" authorized_keys >$kind.pub
    check_eq "a login with the $kind key alone" "logged in" connect -o "PKCS11Provider=$MODULE" -o IdentityAgent=none -o IdentitiesOnly=yes -o "IdentityFile=$WORK/$kind.pub"
done
# An account that is locked in the system's table is refused by sshd whatever the key: nothing here can change that.
if grep -q "account is locked" sshd.log; then echo "(the account $user is locked)"; fi
check_says "sshd saw the key" "Accepted publickey" cat sshd.log

# ---- through ssh-agent
background agent.log ssh-agent -D -a "$WORK/agent" -P "$(dirname "$(readlink -f "$MODULE")")/*"
export SSH_AUTH_SOCK="$WORK/agent"
check "ssh-agent is there" wait_for 10 test -S "$WORK/agent"
check "ssh-add -s hands the module to the agent" ssh-add -s "$(readlink -f "$MODULE")"
check_says "the agent lists the EC key" "ECDSA" ssh-add -l
check_eq "a login through the agent" "logged in" connect
check_eq "ten logins through the agent" "10" bash -c "
    for n in \$(seq 10); do ssh -F none -p $port -o UserKnownHostsFile='$WORK/known_hosts' -o PreferredAuthentications=publickey '$user@127.0.0.1' echo in; done | grep -c '^in$'"
for kind in rsa ec; do
    check "the agent signs a file ($kind)" bash -c "echo text | ssh-keygen -Y sign -f $kind.pub -n file >$kind.sig"
    echo "me $(cat $kind.pub)" >allowed
    check "ssh-keygen verifies it ($kind)" bash -c "echo text | ssh-keygen -Y verify -f allowed -I me -n file -s $kind.sig"
done
check "ssh-add -e takes the module away" ssh-add -e "$(readlink -f "$MODULE")"
check_fails "no login without it" connect
summary
