#!/bin/sh
# Makes a plain Debian tree into what a provider rents out. mmdebstrap calls it with the tree as $1
# and, in DEPLOY_PACKAGES, what a deploy installs later.
set -eu
root=$1

# What a provider gives: an admin user with passwordless sudo. The SSH key is a machine's own, not the base's.
chroot "$root" useradd --create-home --uid 1000 --shell /bin/bash admin
printf 'admin ALL=(ALL) NOPASSWD: ALL\n' >"$root/etc/sudoers.d/90-provider"
chmod 0440 "$root/etc/sudoers.d/90-provider"
cat >"$root/etc/ssh/sshd_config.d/10-provider.conf" <<'EOF'
PermitRootLogin no
PasswordAuthentication no
KbdInteractiveAuthentication no
UseDNS no
EOF
rm -f "$root"/etc/ssh/ssh_host_*

printf 'LANG=C.UTF-8\n' >"$root/etc/default/locale"

# The package set-up ran with LC_ALL=C, which makes a cluster whose databases are SQL_ASCII.
version=$(chroot "$root" pg_lsclusters --no-header | cut -d' ' -f1)
chroot "$root" pg_dropcluster "$version" main
chroot "$root" env LC_ALL=C.UTF-8 LANG=C.UTF-8 pg_createcluster "$version" main >/dev/null

# Nothing waits for a login on the console of a VPS that is reached over SSH, and the kernel is this machine's.
for unit in console-getty.service systemd-modules-load.service; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
done

# Downloaded, not installed: a deploy goes through apt as on any VPS, yet does not wait for a mirror.
chroot "$root" apt-get clean
# shellcheck disable=SC2086  # a list of package names
chroot "$root" apt-get --yes --no-install-recommends --download-only install $DEPLOY_PACKAGES
