#!/usr/bin/env bash
# Installs the clients that tests/Interop.Tests runs against the broker: kcat, kafka-python and confluent-kafka from
# Debian, KafkaJS and @platformatic/kafka from npm (with npm's own Node.js, since the latter wants 22 or newer), and
# node-rdkafka, which is compiled for the machine's Node.js (about four minutes) and kept in the user's cache, or where
# ORLEANS_KAFKA_NODE_RDKAFKA says. Does nothing where all of that is there already.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

packages="kcat python3-kafka python3-confluent-kafka python3-snappy python3-lz4 python3-zstandard wamerican-huge npm nodejs g++ make"
missing=
for package in $packages; do
    # npm and Node.js may come from elsewhere than Debian.
    if [ "$package" = npm ] && command -v npm >/dev/null; then continue; fi
    if [ "$package" = nodejs ] && command -v node >/dev/null; then continue; fi
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

version=3.6.1
cache=${ORLEANS_KAFKA_NODE_RDKAFKA:-${HOME}/.cache/orleans-kafka/node-rdkafka}
wanted="node-rdkafka $version for Node.js $(node --version)"
if [ "$(cat "$cache/.installed" 2>/dev/null)" != "$wanted" ]; then
    rm -rf "$cache/node_modules" "$cache/.installed"
    mkdir -p "$cache"
    cd "$cache"
    # npm runs no script of a package by itself any more; older ones do not mind being told.
    printf '{"private":true,"dependencies":{"node-rdkafka":"%s"},"allowScripts":{"node-rdkafka":true}}' "$version" >package.json
    # Where the headers of this Node.js lie, so that none are fetched.
    [ "$(command -v node)" = /usr/bin/node ] && [ -f /usr/include/node/node.h ] && export npm_config_nodedir=/usr
    nice -n 10 npm install --no-package-lock --no-audit --no-fund
    node -e 'require("node-rdkafka")'
    # What is not needed any more after it was compiled is most of it.
    find node_modules/node-rdkafka -name '*.o' -delete -o -name '*.a' -delete
    echo "$wanted" >.installed
fi
