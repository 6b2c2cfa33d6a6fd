#!/bin/sh
# Installs RHVoice with its Ukrainian, Russian and English voices (Debian: section non-free).
#
# The machine's own apt sources stay as they are: the run has its own list folder and its own
# sources file, made of the machine's sources and one line for non-free at the same mirror.
# A second run finds the voices and does nothing.
set -eu

PACKAGES="rhvoice rhvoice-ukrainian rhvoice-russian rhvoice-english"

fail() {
    echo "install-voices: $*" >&2
    exit 1
}

installed() {
    for package in $PACKAGES; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || return 1
    done
}

command -v apt-get >/dev/null || fail "no apt-get here; install RHVoice 1.8 or later by hand"
if installed; then
    echo "install-voices: RHVoice is already installed"
    exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "needs root; run it as root or install sudo"
    exec sudo sh "$0" "$@"
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
chmod 755 "$folder"
mkdir -p "$folder/lists/partial"

# The mirror of the machine's own Debian archive: "URI codename component", first match of main.
archive=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' \
    'Created-By: Packages' 'Origin: Debian' 'Label: Debian' 2>/dev/null \
    | awk '$3 == "main" && $2 !~ /-/ { print $1, $2; exit }')
if [ -z "$archive" ]; then # apt-get update never ran here: there are no lists to ask
    echo "install-voices: reading the package lists ..."
    apt-get -qq update || fail "apt-get update failed; check the network and /etc/apt"
    archive=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' \
        'Created-By: Packages' 'Origin: Debian' 'Label: Debian' \
        | awk '$3 == "main" && $2 !~ /-/ { print $1, $2; exit }')
fi
[ -n "$archive" ] || fail "this machine has no Debian archive in its apt sources"
mirror=${archive% *}
release=${archive#* }

apt() {
    DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600 \
        -o Dir::Etc::sourcelist="$folder/sources.list" \
        -o Dir::State::lists="$folder/lists" \
        -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= "$@"
}

for suite in "$release" sid; do
    {
        if [ -f /etc/apt/sources.list ]; then cat /etc/apt/sources.list; fi
        echo "deb $mirror $suite non-free"
    } > "$folder/sources.list"
    echo "install-voices: looking for RHVoice in $suite non-free ..."
    if apt update && apt install -y --no-install-recommends $PACKAGES && installed; then
        echo "install-voices: RHVoice is installed; build the prompts again with: app.py prompts build"
        exit 0
    fi
done
fail "RHVoice could not be installed from non-free of $release or sid; without it espeak-ng speaks what has no recording"
