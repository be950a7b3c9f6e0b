#!/usr/bin/env bash
# Installs the clients that tests/Interop.Tests runs against the broker: kcat, kafka-python and confluent-kafka from
# Debian, KafkaJS and @platformatic/kafka from npm (with npm's own Node.js, since the latter wants 22 or newer).
# Does nothing where all of that is there already.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

packages="kcat python3-kafka python3-confluent-kafka python3-snappy python3-lz4 python3-zstandard wamerican-huge npm"
missing=
for package in $packages; do
    # npm may come from elsewhere than Debian.
    if [ "$package" = npm ] && command -v npm >/dev/null; then continue; fi
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
    root=
    [ "$(id -u)" = 0 ] || root=sudo
    export DEBIAN_FRONTEND=noninteractive
    $root apt-get update -q
    # shellcheck disable=SC2086
    $root apt-get install -q -y --no-install-recommends $missing
fi

cd "$here/clients"
stamp=node_modules/.installed
if ! cmp -s package.json "$stamp" || [ ! -x node_modules/.bin/node ]; then
    npm install --no-package-lock --no-audit --no-fund
    node_modules/.bin/node --version
    cp package.json "$stamp"
fi
