#!/usr/bin/env bash
# Installs into scratch folders and looks at the result through pkg-config, a C compiler, p11-kit and the tool.
# Needs target/release to be built.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/clients/common.sh
source "$ROOT/tests/clients/common.sh"

prefix="$WORK/prefix"
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
installed="$prefix/lib/libcoffer_pkcs11.so"
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$ROOT/Cargo.toml" | head -n 1)

check "install.sh installs under a prefix" bash "$ROOT/scripts/install.sh" --no-build --prefix "$prefix"
check_eq "pkg-config tells the version" "$version" pkg-config --modversion coffer
check_eq "pkg-config tells where the module is" "$installed" pkg-config --variable=p11_module coffer
check "the installed library is the one that was built" cmp "$installed" "$(module_release)"
check "the link in lib/pkcs11 leads to it" cmp "$prefix/lib/pkcs11/libcoffer_pkcs11.so" "$installed"
check "there is a manual page for each command" test -s "$prefix/share/man/man1/coffer-init.1"
check "and completions for bash that it can read" bash -n "$prefix/share/bash-completion/completions/coffer"
check "the installed tool runs" "$prefix/bin/coffer" --version
read -ra c_flags < <(pkg-config --cflags coffer) # it ends with a blank, which must not become part of the folder
printf '#include <coffer.h>\nint main(void) { return sizeof(CK_FUNCTION_LIST_3_2) == 0; }\n' >"$WORK/include.c"
check "a C program finds the headers" gcc "${c_flags[@]}" -o "$WORK/include" "$WORK/include.c"
p11_kit_config "$prefix/share/p11-kit/modules/coffer.module"
check "p11-kit loads the module through its module file" p11_kit_lists "$installed"
check "install.sh installs under a destdir" bash "$ROOT/scripts/install.sh" --no-build --prefix /usr --destdir "$WORK/root"
check "the destdir is in no installed file" bash -c "! grep -rIl '$WORK/root' '$WORK/root'"
check "the module file names the final path" grep -q '^module: /usr/lib/libcoffer_pkcs11.so$' "$WORK/root/usr/share/p11-kit/modules/coffer.module"
check_fails "a prefix that is not absolute is refused" bash "$ROOT/scripts/install.sh" --no-build --prefix relative
summary
