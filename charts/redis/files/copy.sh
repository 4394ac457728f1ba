#!/bin/sh
# Writes redis-<UTC>.rdb into a folder, all keys at one moment, while Redis goes on: sh copy.sh HOST PORT FOLDER.
# redis-cli has the password from REDISCLI_AUTH. A file of that name is always a whole one that was read back.
set -eu
host=$1 port=$2 folder=$3
partial="$folder/.partial"

trap 'rm -f "$partial"' EXIT
redis-cli -h "$host" -p "$port" --rdb "$partial"
redis-check-rdb "$partial"
mv "$partial" "$folder/redis-$(date -u +%Y%m%dT%H%M%SZ).rdb"
