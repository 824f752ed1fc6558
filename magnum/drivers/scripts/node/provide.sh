#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Get a program that the image lacks: provide PROGRAM, or PROGRAM|OTHER_NAME for either.
# From the URL that the cluster template's labels give, checked against its checksum; else from the
# distribution's packages where there is apt-get.  The proxies of the template are used.
# Optional: HTTP_PROXY HTTPS_PROXY NO_PROXY
# Reads: for a program x X_URL and X_SHA256 of the node's variables, if set
# Writes: /opt/magnum/programs
# shellcheck source=magnum/drivers/scripts/lib/step.sh
. /opt/magnum/lib/step.sh

wanted=$1 program=${1%%|*} folder=/opt/magnum/programs
label=$program package=$program file=$program
case $program in
docker | dockerd) label=docker package=docker.io file=docker ;;
mkfs.ext4) label=mkfs_ext4 package=e2fsprogs ;;
esac
variable=$(printf %s "$label" | tr a-z- A-Z_) url='' sum=''
eval "url=\${${variable}_URL:-} sum=\${${variable}_SHA256:-}"

# Only here: the cloud's own services are reached without them.
[ -z "$HTTP_PROXY" ] || export http_proxy="$HTTP_PROXY"
[ -z "$HTTPS_PROXY" ] || export https_proxy="$HTTPS_PROXY"
[ -z "$NO_PROXY" ] || export no_proxy="$NO_PROXY"

# lacking WORDS: end it where there is nothing to download.
lacking() {
    fail "$program is not in the image, the label ${label}_url is not set, and $1"
}

# fetch FILE: get what the URL names.
fetch() {
    if has curl; then
        curl -fsSL --connect-timeout 20 --max-time 900 -o "$1" "$url"
    else
        wget -q -T 20 -O "$1" "$url"
    fi
}

# unpack FILE: put the programs of an archive, or the file itself, into the folder.  Some programs are
# links to one that has several names.
unpack() {
    mkdir -p "$folder"
    if [ "$(od -An -tx1 -N2 "$1" | tr -d ' ')" = 1f8b ]; then
        mkdir "$work/archive"
        tar -xzf "$1" -C "$work/archive" || fail "$program from $url cannot be unpacked"
        find "$work/archive" \( -type f -o -type l \) -exec mv -f {} "$folder" \;
    else
        mv -f "$1" "$folder/$file"
    fi
    # A link may lead nowhere.
    find "$folder" ! -type l -exec chmod 755 {} \;
}

download() {
    has curl || has wget ||
        fail "$program is not in the image, and neither curl nor wget is there to download it"
    # Not below /tmp, which may be of memory: an engine is large.
    work=$(mktemp -d "${folder%/*}/download.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    again 3 5 fetch "$work/file" || fail "$program cannot be downloaded from $url"
    found=$(sha256sum < "$work/file" | cut -c1-64)
    [ "$found" = "$(printf %s "$sum" | tr A-F a-f)" ] ||
        fail "$program from $url has the SHA-256 $found, the label ${label}_sha256 is $sum"
    unpack "$work/file"
    has "$wanted" || fail "$program is not in what was downloaded from $url"
}

# packages ARGUMENTS: run apt-get, which something else may be running at a first boot.  Scripts of
# packages make files that others have to read.  Of the last words users read four lines, so it says
# no more than it must; and that it reached nobody is no success of an update.
packages() (
    umask 022
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 \
        -o APT::Update::Error-Mode=any \
        -o Acquire::Retries=2 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 "$@"
)

if [ -n "$url" ]; then
    download
    exit 0
fi
has apt-get || lacking "there is no apt-get"
# A source out of reach is none of our business where another one has the package.
again 3 10 packages update ||
    packages --no-install-recommends --simulate install "$package" > /dev/null 2>&1 ||
    lacking "apt-get cannot update"
packages --no-install-recommends install "$package" ||
    lacking "its package $package cannot be installed"
# From Debian 13 on docker.io has the engine alone, and only recommends its client.
[ "$package" != docker.io ] || has docker ||
    packages --no-install-recommends install docker-cli || true
has "$wanted" || lacking "it is not in its package $package"
