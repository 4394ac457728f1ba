#!/bin/sh
# Puts a backup in the place of all that Redis has: sh restore.sh FOLDER < redis-<UTC>.rdb, where FOLDER is Redis' own
# (its `dir`) and no Redis runs. What was there stays beside it, in appendonlydir.before.
#
# Redis with an append-only file reads no dump.rdb; the copy becomes that file's base:
# https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/#append-only-file
set -eu
folder=$1
copy="$folder/restored.rdb" new="$folder/appendonlydir.new" now="$folder/appendonlydir" before="$folder/appendonlydir.before"

trap 'rm -rf "$copy" "$new"' EXIT
if [ -e "$before" ]; then
    echo "$before is there, from an earlier restore: delete it first, or move it back" >&2
    exit 1
fi
cat > "$copy"
redis-check-rdb "$copy"
mkdir "$new"
mv "$copy" "$new/appendonly.aof.1.base.rdb"
echo "file appendonly.aof.1.base.rdb seq 1 type b" > "$new/appendonly.aof.manifest"
sync
if [ -e "$now" ]; then
    mv "$now" "$before"
fi
mv "$new" "$now"
echo "restored; what was there is in $before"
