#!/usr/bin/env bash
# A campaign of real power cuts: a virtual machine (Debian's kernel under QEMU, no KVM needed) creates, changes and
# destroys objects on an ext4 disk and tells on its serial console what was acknowledged; QEMU is killed at a random
# moment, the machine is booted again, and its token must hold exactly that (examples/power_cut). Not a part of CI.
# usage: power-cut.sh [CUTS] [--without-sync]
#   CUTS             how many (30); each takes some seconds
#   --without-sync   fsync and fdatasync do nothing in the machine: the campaign must report losses, or fails
#   COFFER_SEED=N    another random choice
# Needs the Debian packages qemu-system-x86, qemu-utils, busybox-static, dmsetup and e2fsprogs, and fetches the kernel
# package (apt-get download, nothing is installed). Exits with 77 where they are missing.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$ROOT"

cuts=30 option=""
for argument; do
    case $argument in
    --without-sync) option=$argument ;;
    *[!0-9]*) sed -n '2,10s/^# \{0,1\}//p' "$0" && exit 2 ;;
    *) cuts=$argument ;;
    esac
done

PATH=$PATH:/usr/sbin:/sbin
for command in qemu-system-x86_64:qemu-system-x86 qemu-img:qemu-utils busybox:busybox-static dmsetup:dmsetup \
    mke2fs:e2fsprogs cc:gcc; do
    command -v "${command%%:*}" >/dev/null || {
        echo "${command%%:*} is missing: apt-get install ${command##*:}"
        exit "$SKIPPED"
    }
done

# The kernel with its modules, kept between runs.
folder="${CARGO_TARGET_DIR:-$ROOT/target}/power-cut"
mkdir -p "$folder"
if ! compgen -G "$folder/kernel/boot/vmlinuz-*" >/dev/null; then
    package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | awk '/Depends:/ { print $2; exit }')
    if [ -z "$package" ] || ! (cd "$folder" && apt-get download "$package"); then
        echo "Debian's kernel package linux-image-cloud-amd64 cannot be fetched"
        exit "$SKIPPED"
    fi
    dpkg-deb -x "$folder/$package"_*.deb "$folder/kernel"
    rm "$folder/$package"_*.deb
fi
kernel=$(compgen -G "$folder/kernel/boot/vmlinuz-*" | head -n 1)

cargo build --quiet --locked --example power_cut
program="${CARGO_TARGET_DIR:-$ROOT/target}/debug/examples/power_cut"

scratch_folder
root="$SCRATCH/root"
mkdir -p "$root"/{bin,dev,lib,mnt,proc,sys,tmp}

# add PROGRAM: into the machine, with the shared libraries that it needs where it looks for them.
add() {
    install -D "$1" "$root/bin/$(basename "$1")"
    local library
    for library in $(ldd "$1" 2>/dev/null | grep -oE '/[^ ]+'); do install -D "$library" "$root$library"; done
}
add "$(command -v busybox)"
add "$(command -v dmsetup)"
add "$program"
printf 'int fsync(int file) { return file < 0; }\nint fdatasync(int file) { return file < 0; }\n' >"$SCRATCH/no_sync.c"
cc -shared -fPIC -o "$root/lib/no_sync.so" "$SCRATCH/no_sync.c"
modules=(virtio virtio_ring virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk dm-mod dm-flakey)
for module in "${modules[@]}"; do
    find "$folder/kernel/lib/modules" -name "$module.ko" -exec cp {} "$root/lib" \;
done
cat >"$root/init" <<'END'
#!/bin/busybox sh
# The first process of the machine. SEED and WITHOUT_SYNC come from the kernel's command line.
/bin/busybox --install -s /bin
export PATH=/bin DM_DISABLE_UDEV=1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in MODULES; do [ ! -e /lib/$module.ko ] || insmod /lib/$module.ko; done
sectors=$(cat /sys/block/vda/size)
dmsetup create disk --table "0 $sectors flakey /dev/vda 0 3600 0" || echo "there is no dm-flakey"
mount -t ext4 /dev/mapper/disk /mnt || echo "the disk cannot be mounted"
{
    read -r line </dev/ttyS1
    dmsetup suspend --noflush --nolockfs disk
    dmsetup load disk --table "0 $sectors flakey /dev/vda 0 0 3600 1 error_writes"
    dmsetup resume disk
} &
[ -z "$WITHOUT_SYNC" ] || export LD_PRELOAD=/lib/no_sync.so
exec power_cut guest /mnt/tokens "$SEED"
END
sed -i "s/MODULES/${modules[*]}/" "$root/init"
chmod +x "$root/init"
(cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$SCRATCH/initramfs"

truncate -s 64M "$SCRATCH/empty.img"
mke2fs -q -t ext4 "$SCRATCH/empty.img"
# shellcheck disable=SC2086
timeout $((cuts * 60 + 600)) "$program" host "$kernel" "$SCRATCH/initramfs" "$SCRATCH" "$cuts" $option
