#!/usr/bin/env bash
# Installs Coffer: the library, the tool, the headers, a pkg-config file and a p11-kit module file.
# usage: install.sh [--prefix DIR] [--destdir DIR] [--no-build]
#   --prefix   where it will be used from (default /usr/local)
#   --destdir  a folder that stands for the root of the file system, for packagers
#   --no-build installs what target/release holds
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$ROOT"

prefix=/usr/local
destdir=
build=yes
while [ $# -gt 0 ]; do
    case $1 in
    --prefix) prefix=${2:?--prefix needs a folder} && shift 2 ;;
    --prefix=*) prefix=${1#*=} && shift ;;
    --destdir) destdir=${2:?--destdir needs a folder} && shift 2 ;;
    --destdir=*) destdir=${1#*=} && shift ;;
    --no-build) build=no && shift ;;
    *)
        echo "usage: install.sh [--prefix DIR] [--destdir DIR] [--no-build]" >&2
        exit 2
        ;;
    esac
done
case $prefix in
/*) ;;
*) echo "--prefix must be an absolute path" >&2 && exit 2 ;;
esac

[ "$build" = no ] || bash scripts/build-release.sh --no-conformance
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
library=$prefix/lib/libcoffer_pkcs11.so
to=$destdir$prefix

install -D -m 755 "$(module_release)" "$to/lib/libcoffer_pkcs11.so"
# Where p11-kit and others look for modules by their bare name.
install -d "$to/lib/pkcs11"
ln -sf ../libcoffer_pkcs11.so "$to/lib/pkcs11/libcoffer_pkcs11.so"
install -D -m 755 "$(tool_release)" "$to/bin/coffer"
install -d "$to/share/man/man1" "$to/share/bash-completion/completions" "$to/share/zsh/site-functions" \
    "$to/share/fish/vendor_completions.d"
"$(tool_release)" man "$to/share/man/man1" >/dev/null
"$(tool_release)" completions bash >"$to/share/bash-completion/completions/coffer"
"$(tool_release)" completions zsh >"$to/share/zsh/site-functions/_coffer"
"$(tool_release)" completions fish >"$to/share/fish/vendor_completions.d/coffer.fish"
for header in pkcs11.h pkcs11t.h coffer.h; do
    install -D -m 644 "include/$header" "$to/include/coffer/$header"
done

install -d "$to/lib/pkgconfig" "$to/share/p11-kit/modules"
cat >"$to/lib/pkgconfig/coffer.pc" <<TEXT
prefix=$prefix
libdir=\${prefix}/lib
includedir=\${prefix}/include/coffer
p11_module=\${libdir}/libcoffer_pkcs11.so

Name: Coffer
Description: A PKCS#11 token in software (load it with dlopen: pkg-config --variable=p11_module coffer)
Version: $version
Cflags: -I\${includedir}
TEXT
cat >"$to/share/p11-kit/modules/coffer.module" <<TEXT
# Coffer, a PKCS#11 token in software
module: $library
critical: no
TEXT
chmod 644 "$to/lib/pkgconfig/coffer.pc" "$to/share/p11-kit/modules/coffer.module"

cat <<TEXT
installed under $to:
  lib/libcoffer_pkcs11.so   lib/pkcs11/   bin/coffer   include/coffer/
  lib/pkgconfig/coffer.pc   share/p11-kit/modules/coffer.module
  share/man/man1/           completions for bash, zsh and fish
TEXT
if [ "$prefix" != /usr ]; then
    echo "p11-kit reads /usr/share/p11-kit/modules and /etc/pkcs11/modules: copy coffer.module there if it is to be found."
fi
