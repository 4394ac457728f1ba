eco2_script() {
echo the script
}

eco2() {
  set -eu
  export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive
  umask 077
  mkdir -p /run/eco2 /var/log/eco2
  exec 9>>/run/eco2.lock
  if ! flock -w 600 9; then
    echo "another script of ours was still running after 600 s" >&2
    exit 75
  fi

  log=/var/log/eco2/prepare.log
  touch "$log"
  if [ "$(stat -c %s "$log")" -gt 1048576 ]; then
    mv -f "$log" "$log.1"
  fi
  printf '== %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >>"$log"
  begin=$(($(stat -c %s "$log") + 1))

  # The result may be a secret: its file has no name from the start.
  result=$(mktemp /run/eco2/result.XXXXXX)
  exec 7>"$result"
  exec 8<"$result"
  rm -f "$result"

  # The outer shell keeps the lock until the script has ended; what the script starts does not inherit it.
  (
    set +e
    trap '' HUP PIPE
    umask 022
    (
      set -euo pipefail
      eco2_script
    ) 7>&- 8<&- 9>&-
    exit "$?"
  ) </dev/null >&7 2>>"$log" &
  script=$!

  tail -f -s 0.05 -c "+$begin" --pid="$script" "$log" </dev/null >&2 7>&- 8<&- 9>&- || true
  code=0
  wait "$script" || code=$?
  cat <&8
  exit "$code"
}

eco2
