"""How each part is told a new password, inside its own pod: the script, and what it is given over standard input.

No password stands in a command line or in a statement: scripts read them from standard input, PostgreSQL is told SCRAM
verifiers. Each script may be run twice: it finds out whether the part knows the old password or already the new one,
and asks the part at the end whether the new one holds. It ends with `WRONG` when neither does.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from provisioning.cluster import Cluster
from provisioning.kubernetes.monitoring import MONITORING, PASSWORD_KEY
from provisioning.kubernetes.own_releases import POSTGRESQL, RABBITMQ, REDIS
from provisioning.kubernetes.rotation import NEXT
from provisioning.kubernetes.secrets import OWNER, backends

WRONG = 41
_ITERATIONS = 4096  # PostgreSQL's own number
_MONITORING_ROLE = "eco2_monitoring"


@dataclass(frozen=True)
class Part:
    """Where the part's pod is (labels), its container, the script, and what is known of the outage, for people.

    ``given`` makes the script's standard input from the part's Secret, in which new passwords stand under ``next-``.
    """

    selector: str
    container: str
    script: str
    given: Callable[[Cluster, Mapping[str, str]], str]
    outage: str


# The rest of standard input is SQL, which psql reads itself. All roles change in one transaction or none.
_POSTGRESQL = """\
IFS= read -r old
IFS= read -r new
as() { PGPASSWORD=$1 psql --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" --no-password --no-psqlrc --quiet \\
  --set=ON_ERROR_STOP=1; }
works=$old
if ! said=$(echo 'SELECT 1;' | as "$old" 2>&1 >/dev/null); then
  works=$new
  if ! said=$(echo 'SELECT 1;' | as "$new" 2>&1 >/dev/null); then
    printf '%s\\n' "$said" >&2
    case $said in *'password authentication failed'*) exit 41;; esac
    exit 1
  fi
fi
as "$works" >/dev/null
echo 'SELECT 1;' | as "$new" >/dev/null
"""

# The old password goes on being accepted until Redis starts anew, which it does last of all.
_REDIS = """\
IFS= read -r old
IFS= read -r new
as() { REDISCLI_AUTH=$1 redis-cli 2>&1; }
works=$old
said=$(echo PING | as "$old")
if [ "$said" != PONG ]; then
  works=$new
  said=$(echo PING | as "$new")
fi
if [ "$said" != PONG ]; then
  printf '%s\\n' "$said" >&2
  case $said in *WRONGPASS*|*NOAUTH*) exit 41;; esac
  exit 1
fi
said=$(printf 'ACL SETUSER default >%s\\n' "$new" | as "$works")
if [ "$said" != OK ]; then
  echo 'redis did not take the password' >&2
  exit 1
fi
[ "$(echo PING | as "$new")" = PONG ]
"""

# rabbitmqctl speaks to its node by the node's own cookie and reads a password that it is not given from standard input.
_RABBITMQ = """\
IFS= read -r user
IFS= read -r new
printf '%s\\n' "$new" | rabbitmqctl --quiet change_password "$user" >/dev/null
printf '%s\\n' "$new" | rabbitmqctl --quiet authenticate_user "$user" >/dev/null
"""

_GRAFANA = """\
exec grafana cli --homepath /usr/share/grafana --config "${GF_PATHS_CONFIG:-/etc/grafana/grafana.ini}" \\
  admin reset-admin-password --password-from-stdin >/dev/null
"""


def verifier(password: str) -> str:
    """What PostgreSQL keeps of a password: RFC 5803, as ``pg_authid`` has it. For passwords of ASCII."""
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
    stored = hashlib.sha256(_hmac(salted, b"Client Key")).digest()
    parts = [base64.b64encode(part).decode() for part in (salt, stored, _hmac(salted, b"Server Key"))]
    return f"SCRAM-SHA-256${_ITERATIONS}:{parts[0]}${parts[1]}:{parts[2]}"


def statements(passwords: Mapping[str, str]) -> str:
    """SQL that gives these roles, as far as they exist, new passwords: all or none. No log will hold it."""
    rows = ", ".join(f"('{role}', '{verifier(password)}')" for role, password in passwords.items())
    return f"""\
BEGIN;
SET LOCAL log_statement = 'none';
SET LOCAL log_min_duration_statement = -1;
SET LOCAL log_min_error_statement = 'panic';
SELECT format('ALTER ROLE %I PASSWORD %L', rolname, verifier)
FROM pg_roles JOIN (VALUES {rows}) AS wanted (role, verifier) ON rolname = role \\gexec
COMMIT;
"""  # noqa: S608 - names of ours and verifiers in base64


def _postgresql(cluster: Cluster, secret: Mapping[str, str]) -> str:
    new = secret[f"{NEXT}password"]
    # Of the other parts only that they are there; their addresses are not looked at.
    none = {"username": "-", "password": "-"}
    urls = backends(cluster, {POSTGRESQL: {"password": new}, RABBITMQ: none, REDIS: none})
    passwords = {OWNER: new, _MONITORING_ROLE: secret[f"{NEXT}monitoring-password"]}
    for name, url in urls.items():
        if name.startswith("ECO2_DATABASE_URL_"):
            parts = urlsplit(url)
            passwords[str(parts.username)] = str(parts.password)
    return f"{secret['password']}\n{new}\n{statements(passwords)}"


def _redis(cluster: Cluster, secret: Mapping[str, str]) -> str:
    return f"{secret['password']}\n{secret[f'{NEXT}password']}\n"


def _rabbitmq(cluster: Cluster, secret: Mapping[str, str]) -> str:
    return f"{secret['username']}\n{secret[f'{NEXT}password']}\n"


def _grafana(cluster: Cluster, secret: Mapping[str, str]) -> str:
    return f"{secret[f'{NEXT}{PASSWORD_KEY}']}\n"


def _hmac(key: bytes, text: bytes) -> bytes:
    return hmac.new(key, text, hashlib.sha256).digest()


PARTS: Mapping[str, Part] = {
    POSTGRESQL: Part(
        "app.kubernetes.io/name=postgresql,app.kubernetes.io/instance=postgresql",
        "postgresql",
        _POSTGRESQL,
        _postgresql,
        "connections that are open go on; new ones are refused until services and workers have started anew, some "
        "minutes; then PostgreSQL itself starts anew, some 20 s without a database",
    ),
    RABBITMQ: Part(
        "app.kubernetes.io/name=rabbitmq,app.kubernetes.io/instance=rabbitmq",
        "rabbitmq",
        _RABBITMQ,
        _rabbitmq,
        "connections that are open go on; a service or worker that loses its own is without a broker until it has "
        "started anew, some minutes; no queue is touched",
    ),
    REDIS: Part(
        "app.kubernetes.io/name=redis,app.kubernetes.io/instance=redis",
        "redis",
        _REDIS,
        _redis,
        "old and new password hold until services and workers have started anew; then Redis starts anew, some "
        "seconds without a cache, and keeps what it holds",
    ),
    MONITORING: Part(
        "app.kubernetes.io/name=grafana,app.kubernetes.io/instance=monitoring",
        "grafana",
        _GRAFANA,
        _grafana,
        "Grafana starts anew, a minute without dashboards; people sign in again; alerts and metrics go on",
    ),
}
