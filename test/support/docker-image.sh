#!/usr/bin/env bash
# Builds a Docker image of Apache ZooKeeper from the files of Debian's packages, for machines that cannot pull the
# official one. It follows the official image's conventions as far as the tests and simple ensembles need them:
# /conf/zoo.cfg, /data, SERVER_JVMFLAGS, ZOO_MY_ID, ZOO_SERVERS, ZOO_STANDALONE_ENABLED, ZOO_4LW_COMMANDS_WHITELIST.
#
#   apt-get install -y --no-install-recommends zookeeper docker.io iptables
#   test/support/docker-image.sh zookeeper:3.8 && ZOOKEEPER_IMAGE=zookeeper:3.8 npm test
set -euo pipefail

image=${1:-zookeeper:3.8}
java=$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

mkdir -p "$tree"/{bin,conf,data,datalog,jars,tmp,etc} "$tree$(dirname "$java")"
chmod 1777 "$tree/tmp"
echo 'root:x:0:0:root:/:/bin/sh' >"$tree/etc/passwd"

# The Java machine: Debian keeps its configuration below /etc, and the tests need neither compiler modules nor sources.
tar -C / -c --exclude=jmods --exclude=src.zip --exclude=lib/ct.sym --exclude=man "${java#/}" | tar -C "$tree" -x
cp -a /etc/java-* "$tree/etc/"

# ZooKeeper and every jar that its manifest names.
share=/usr/share/java
names=$(unzip -p $share/zookeeper.jar META-INF/MANIFEST.MF | tr -d '\r' | sed -e ':a' -e 'N' -e '$!ba' -e 's/\n //g' |
  sed -n 's/^Class-Path: //p')
for jar in $share/zookeeper.jar $share/{netty-codec,netty-resolver,netty-transport-native-unix-common,slf4j-simple}.jar $names; do
  [ ! -e "$jar" ] || cp -L "$jar" "$tree/jars/"
done

# A shell, and the shared libraries that it and the Java machine are linked with.
cp -L /bin/sh "$tree/bin/sh"
find "$java/lib" -name '*.so' -print0 | xargs -0 ldd "$java/bin/java" /bin/sh 2>/dev/null |
  grep -oE '/[^ ]+\.so[^ ]*' | grep -v "^$java" | sort -u | while read -r library; do
  [ -e "$library" ] || continue
  mkdir -p "$tree$(dirname "$library")"
  cp -L "$library" "$tree$library"
done

cat >"$tree/bin/entrypoint" <<'ENTRYPOINT'
#!/bin/sh
# Built-in commands only: there are no others in this image.
set -eu
if [ ! -f /conf/zoo.cfg ]; then
  {
    echo "tickTime=${ZOO_TICK_TIME:-2000}"
    echo "initLimit=${ZOO_INIT_LIMIT:-5}"
    echo "syncLimit=${ZOO_SYNC_LIMIT:-2}"
    echo "dataDir=/data"
    echo "maxClientCnxns=${ZOO_MAX_CLIENT_CNXNS:-60}"
    echo "standaloneEnabled=${ZOO_STANDALONE_ENABLED:-true}"
    echo "admin.enableServer=${ZOO_ADMINSERVER_ENABLED:-false}"
    [ -z "${ZOO_4LW_COMMANDS_WHITELIST:-}" ] || echo "4lw.commands.whitelist=$ZOO_4LW_COMMANDS_WHITELIST"
    [ -n "${ZOO_SERVERS:-}" ] || echo "clientPort=2181"
    for server in ${ZOO_SERVERS:-}; do echo "$server"; done
    for line in ${ZOO_CFG_EXTRA:-}; do echo "$line"; done
  } >/conf/zoo.cfg
fi
[ -f /data/myid ] || echo "${ZOO_MY_ID:-1}" >/data/myid
exec @java@/bin/java -Xmx"${ZK_SERVER_HEAP:-256}"m ${SERVER_JVMFLAGS:-} ${JVMFLAGS:-} -cp '/jars/*' \
  org.apache.zookeeper.server.quorum.QuorumPeerMain /conf/zoo.cfg
ENTRYPOINT
sed -i "s|@java@|$java|" "$tree/bin/entrypoint"
chmod +x "$tree/bin/entrypoint"

tar -C "$tree" -c . | docker import \
  --change 'ENTRYPOINT ["/bin/entrypoint"]' --change 'EXPOSE 2181 2888 3888' --change 'VOLUME ["/data"]' - "$image"
