# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Sourced by the tools: finds a Python that they can run with, or installs Debian's.
# Reads: nothing.  Sets: PYTHON.  The caller has `set -eu`.

# shellcheck disable=SC2016 # the quotes hold Python, not shell
_fits='import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))'

_find_python() {
    for PYTHON in /usr/bin/python3 python3 python3.13 python3.12 python3.11; do
        if "$PYTHON" -c "$_fits" 2>/dev/null; then
            return 0
        fi
    done
    return 1
}

# install_packages PACKAGE...: Debian packages, when we may and can.
install_packages() {
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "Please install: $*" >&2
        return 1
    fi
    echo "Installing $* with apt-get"
    export DEBIAN_FRONTEND=noninteractive
    _log=$(mktemp)
    if ! { apt-get update && apt-get install -y --no-install-recommends "$@"; } \
        </dev/null >"$_log" 2>&1; then
        tail -n 20 "$_log" >&2
        return 1
    fi
    rm -f "$_log"
}

if ! _find_python; then
    install_packages python3 python3-venv ca-certificates
    _find_python || { echo "No Python >= 3.11 with its venv module was found." >&2; exit 1; }
fi
export PYTHON
