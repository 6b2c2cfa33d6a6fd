#!/bin/bash
# Installs what press2 needs on Debian 12 or later; a second run finds it all and ends at once.
#
#   deploy/setup.sh          what runs it
#   deploy/setup.sh tests    that, and what tests it
#
# Nothing is started or enabled: servers of the distribution that are new here stay off, because
# press2 starts private ones, and those that were here before stay as they are.
set -euo pipefail
cd "$(dirname "$0")/.."

RUN_PACKAGES=(espeak-ng ffmpeg graphviz redis-server)
TEST_PACKAGES=(chromium fonts-dejavu-core postgresql sip-tester)
LOG=var/log/setup.log
started=$SECONDS

fail() {
    echo "setup: $*" >&2
    exit 1
}

# step TITLE COMMAND...: runs the command with its output in the log; says every ten seconds what
# it is at and, where it fails, shows the end of its output.
step() {
    local title=$1 begun=$SECONDS shown=$SECONDS from job
    shift
    echo "setup: $title ..."
    echo "== $title" >> "$LOG"
    from=$(wc -c < "$LOG")
    set -m # a process group of its own, so that Ctrl-C ends all of the step
    "$@" >> "$LOG" 2>&1 < /dev/null &
    job=$!
    set +m
    trap 'kill -- "-$job"; wait "$job" || true; fail "stopped; the next run goes on from here"' INT TERM
    while kill -0 "$job" 2>/dev/null; do
        sleep 0.2
        if ((SECONDS - shown >= 10)); then
            shown=$SECONDS
            echo "       $((SECONDS - begun)) s: $(latest)"
        fi
    done
    if ! wait "$job"; then
        echo "setup: $title: failed after $((SECONDS - begun)) s; the end of $LOG:" >&2
        tail -c "+$((from + 1))" "$LOG" | tail -n 15 | sed 's/^/       /' >&2
        exit 1
    fi
    trap - INT TERM
    echo "       done, $((SECONDS - begun)) s"
}

# latest: the last line with words that the running step wrote.
latest() {
    tail -c 2000 "$LOG" | tr '\r' '\n' | grep '[[:alnum:]]' | tail -n 1 | cut -c1-90
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -- "$@"; fi
}

# missing PACKAGE...: prints those that are not installed.
missing() {
    local package
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed \
            || echo "$package"
    done
}

# Debian starts a server when it installs it, unless policy-rc.d says no (invoke-rc.d(8)).
install_packages() {
    local guard=/usr/sbin/policy-rc.d package
    as_root dpkg --configure -a # what an interrupted run left
    as_root apt-get -o DPkg::Lock::Timeout=600 update
    if [ ! -e "$guard" ]; then
        trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$guard"
        as_root chmod 755 "$guard"
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -y \
        --no-install-recommends "$@"
    command -v systemctl || return 0
    for package in "$@"; do
        case $package in
            redis-server | postgresql) as_root systemctl disable "$package" ;;
        esac
    done
}

# A half-made environment (pip was interrupted) has no stamp and is made anew.
install_python() {
    local lock=$1
    if [ ! -x .venv/bin/pip ]; then
        rm -rf .venv
        "$python" -m venv .venv
    fi
    .venv/bin/python -m pip install --disable-pip-version-check --no-input --progress-bar off \
        --require-hashes -r "$lock"
    stamp requirements.lock > .venv/requirements.lock.stamp # the lock for tests holds it too
    stamp "$lock" > ".venv/$lock.stamp"
}

install_browser_phone() {
    (cd agent_desk && ../.venv/bin/npm ci --ignore-scripts --no-audit --no-fund)
    stamp agent_desk/package-lock.json > agent_desk/node_modules/.press2.stamp
}

stamp() {
    sha256sum < "$1"
}

# fresh FILE STAMP: the stamp was written for this very content of the file.
fresh() {
    [ -e "$2" ] && [ "$(stamp "$1")" = "$(cat "$2")" ]
}

find_python() {
    local candidate
    for candidate in python3 python3.11 python3.12; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' \
            2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

case "${1:-}" in
    "") packages=("${RUN_PACKAGES[@]}") lock=requirements.lock ;;
    tests) packages=("${RUN_PACKAGES[@]}" "${TEST_PACKAGES[@]}") lock=requirements-dev.lock ;;
    *) fail "unknown word $1; write: deploy/setup.sh [tests]" ;;
esac

mkdir -p var/log
: >> "$LOG"
command -v apt-get > /dev/null || fail "no apt-get here; setup knows Debian 12 and its relatives"
python=$(find_python) || fail "Python 3.11 or 3.12 is missing; apt-get install python3"

mapfile -t lacking < <(missing "${packages[@]}")
if [ ! -x .venv/bin/pip ] && ! "$python" -c 'import ensurepip' 2>/dev/null; then
    lacking+=("python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv")
fi
if [ ${#lacking[@]} -gt 0 ]; then
    if [ "$(id -u)" -ne 0 ] && ! sudo -v; then
        fail "needs root for: apt-get install ${lacking[*]}; run it as root or with sudo"
    fi
    step "Debian packages: ${lacking[*]}" install_packages "${lacking[@]}"
fi
if ! fresh "$lock" ".venv/$lock.stamp"; then
    step "Python packages into .venv" install_python "$lock"
fi
if ! compgen -G ".venv/lib/python*/site-packages/vosk/__init__.py" > /dev/null; then
    echo "setup: vosk has no package for this machine ($(uname -m)): callers answer by keys, not by speech"
fi
if ! fresh agent_desk/package-lock.json agent_desk/node_modules/.press2.stamp; then
    step "browser phone (sip.js)" install_browser_phone
fi
step "Asterisk" deploy/install-asterisk.sh
echo "setup: all there, $((SECONDS - started)) s; the log is $LOG"
