#!/bin/bash
# zlint.sh DIRECTORY: unpacks zlint, which Debian has from 13 on, into DIRECTORY and prints the program's path. The system's
# own package sources and state stay as they are. Exits with 1 and a word where that suite cannot be reached.
set -euo pipefail
suite=trixie
mkdir -p "$1/lists/partial" "$1/archives/partial"
cd "$1"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keyring] http://deb.debian.org/debian $suite main" >sources.list

private() {
    "$1" -q -o Dir::Etc::sourcelist="$PWD/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$PWD/lists" \
        -o Dir::Cache="$PWD" -o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o APT::Sandbox::User=root \
        -o APT::Get::List-Cleanup=0 "${@:2}" >&2
}

if ! { private apt-get update && private apt-get download "zlint/$suite"; }; then
    echo "zlint cannot be had: Debian $suite is out of reach" >&2
    exit 1
fi
dpkg-deb -x zlint_*.deb .
echo "$PWD/usr/bin/zlint"
