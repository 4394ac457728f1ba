"""What stands around every script that runs on a node, as text.

A connection that is cut can neither run half of a script nor stop it half-way:

* all stands in functions that only the last line calls, so a text that did not come whole does nothing;
* a lock lets one script at a time run on a node, and makes who comes after a killed run wait for what it left behind;
* the script itself runs beside the part that talks to the operator, and does not notice when nobody listens any more.

Its standard output is the result: kept nowhere that has a name, handed over when it has ended. Its standard error is
chatter: appended to a log for root's eyes, and followed from there to the operator.
"""

import re

LOCK = "/run/eco2.lock"
SCRATCH = "/run/eco2"  # tmpfs: what is written here never reaches a disk
LOGS = "/var/log/eco2"
# sysexits.h: EX_TEMPFAIL. Ours for "another script had the lock all the time".
BUSY = 75

_LOG_BYTES = 1 << 20
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*", re.ASCII)


def wrapped(script: str, *, log: str, lock_wait_s: int) -> str:
    """The whole text for ``bash -s``: `script` as root, with ``errexit``, ``nounset``, ``pipefail`` and no input.

    `log` names the file under `LOGS`; the lock is waited for at most `lock_wait_s` seconds, then it ends with `BUSY`.
    Raises ValueError for a name that is no file's.
    """
    if not _NAME.fullmatch(log):
        raise ValueError(f"{log!r} cannot name a log")
    return f"""\
eco2_script() {{
{script.rstrip()}
}}

eco2() {{
  set -eu
  export PATH={_PATH} LC_ALL=C DEBIAN_FRONTEND=noninteractive
  umask 077
  mkdir -p {SCRATCH} {LOGS}
  exec 9>>{LOCK}
  if ! flock -w {lock_wait_s} 9; then
    echo "another script of ours was still running after {lock_wait_s} s" >&2
    exit {BUSY}
  fi

  log={LOGS}/{log}.log
  touch "$log"
  if [ "$(stat -c %s "$log")" -gt {_LOG_BYTES} ]; then
    mv -f "$log" "$log.1"
  fi
  printf '== %s\\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >>"$log"
  begin=$(($(stat -c %s "$log") + 1))

  # The result may be a secret: its file has no name from the start.
  result=$(mktemp {SCRATCH}/result.XXXXXX)
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
}}

eco2
"""
