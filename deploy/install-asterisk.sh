#!/bin/sh
# Finds or makes an Asterisk 20 or later: install-asterisk.sh [ROOT]
# The system's own is used where there is one. Otherwise a private copy of Debian sid's is put into
# ROOT (default var/asterisk-root); nothing of it is installed into the system.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
root=${1:-$here/var/asterisk-root}
done_mark=$root/.complete

say() { printf 'asterisk: %s\n' "$*"; }
fail() { printf 'asterisk: %s\n' "$*" >&2; exit 1; }

system_version() { asterisk -V 2>/dev/null | sed -n 's/^Asterisk \([0-9]*\).*/\1/p'; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else fail "needs root: run it as root or install sudo"
    fi
}

update() { as_root apt-get -o DPkg::Lock::Timeout=600 -qq update; }

version=$(system_version || true)
if [ "${version:-0}" -ge 20 ]; then
    say "using the system's Asterisk $version"
    exit 0
fi
if [ -f "$done_mark" ]; then
    say "ready in $root"
    exit 0
fi

command -v apt-get >/dev/null ||
    fail "no Asterisk 20 or later here and no apt-get to fetch one: install Asterisk with the system's package manager"

if ! command -v mmdebstrap >/dev/null; then
    say "installing mmdebstrap"
    update
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -qq install -y \
        --no-install-recommends mmdebstrap >/dev/null
fi

# The mirror is the one this machine already uses for Debian itself.
find_mirror() {
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
        "Codename: $(. /etc/os-release && echo "${VERSION_CODENAME:-}")" 'Origin: Debian' |
        sort -u | head -n 1
}
mirror=$(find_mirror)
if [ -z "$mirror" ]; then
    update
    mirror=$(find_mirror)
fi
[ -n "$mirror" ] || fail "no Debian mirror in apt's sources: add one, then run this again"

say "fetching Debian's Asterisk into $root (about 300 MB on disk, half a minute)"
mkdir -p "$(dirname "$root")"
half=$root.half
as_root rm -rf "$half" "$root"
as_root mmdebstrap --quiet --mode=root --variant=essential --include=asterisk \
    --aptopt='Acquire::Check-Valid-Until "false"' \
    --aptopt='Acquire::Retries "3"' \
    --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    sid "$half" "$mirror" ||
    fail "mmdebstrap failed: check the network and that $mirror carries Debian sid, then run this again"
as_root mv "$half" "$root"
as_root touch "$done_mark"

# Asterisk looks up its own host name for each call; a name nobody knows costs seconds every time.
if ! getent hosts "$(hostname)" >/dev/null; then
    say "adding $(hostname) to /etc/hosts"
    printf '127.0.1.1\t%s\n' "$(hostname)" | as_root tee -a /etc/hosts >/dev/null
fi
say "ready in $root"
