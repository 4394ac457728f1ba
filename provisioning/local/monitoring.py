"""``up --monitoring``: what Prometheus, Alertmanager and the exporters read before they start."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import yaml

from provisioning.local import probes, targets
from provisioning.local.errors import LocalError, StepFailed
from provisioning.local.packages import Programs
from provisioning.local.settings import Stack
from provisioning.local.supervise import Supervisor

if TYPE_CHECKING:
    from provisioning.monitoring.receivers import Receivers

# As charts/postgresql has it. Prometheus and `status` may ask the exporter at the same time.
ROLE = "eco2_monitoring"
_ROLE_CONNECTIONS = 5

# They read their file again when they get a SIGHUP.
READ_ANEW = ("prometheus", "alertmanager")

_CONNECT_TIMEOUT_S = 5
_CHECK_TIMEOUT_S = 30


def receivers_of(environment: Mapping[str, str]) -> Receivers:
    """Whom the environment names. Raises LocalError when that makes no sense."""
    from provisioning.monitoring.receivers import Receivers, ReceiversRefused

    try:
        return Receivers.given(environment)
    except ReceiversRefused as refused:
        raise LocalError(f"{refused}. {refused.remedy}.") from None


def prepare(stack: Stack, programs: Programs, receivers: Mapping[str, str] | None) -> list[str]:
    """Writes the conf files, makes the data folders and PostgreSQL's role. Safe to repeat; keeps the data.

    ``receivers`` is the environment that says whom the Alertmanager tells; None leaves that as it is. Returns the
    programs whose conf file is another one than before. PostgreSQL has to answer. Raises StepFailed, and leaves the old
    file, when Prometheus or the Alertmanager would not take the new one; LocalError when the receivers make no sense.
    """
    for name in READ_ANEW:
        (stack.home.data / name).mkdir(mode=0o700, exist_ok=True)
    changed = []
    if _write(stack, "prometheus.yml", targets.configuration(stack), check=(programs.promtool, "check", "config")):
        changed.append("prometheus")
    if receivers is not None and _write(
        stack, "alertmanager.yml", _alertmanager(stack, receivers), check=(programs.amtool, "check-config")
    ):
        changed.append("alertmanager")
    for name, login in (("postgres_exporter", _postgres_login(stack)), ("redis_exporter", _redis_login(stack))):
        if _write(stack, f"{name}.json", json.dumps(login, indent=2) + "\n"):
            changed.append(name)
    return changed


def read_anew(changed: Sequence[str], supervisor: Supervisor) -> list[str]:
    """Has those that run read their changed conf file: the exporters by starting anew. Returns their names."""
    now = supervisor.programs()
    running = [name for name in changed if now[name].alive]
    for name in running:
        if name in READ_ANEW:
            supervisor.signal(name, "HUP")
        else:
            supervisor.stop([name])
            supervisor.start(name)
    return running


def _write(stack: Stack, name: str, text: str, check: Sequence[object] = ()) -> bool:
    """Writes a conf file (0600) once ``check`` has found no fault with it; False when it says this already."""
    path = stack.home.conf / name
    with contextlib.suppress(FileNotFoundError):
        if path.read_text(encoding="utf-8") == text:
            return False
    fresh = stack.home.write_private(path.with_name(f"unchecked-{name}"), text)
    try:
        if check:
            _run([*map(str, check), str(fresh)])
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    return True


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_CHECK_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise StepFailed(f"no end after {_CHECK_TIMEOUT_S} s: {' '.join(command)}") from None
    if done.returncode != 0:
        raise StepFailed(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def _alertmanager(stack: Stack, environment: Mapping[str, str]) -> str:
    """The configuration as in the cluster; what is secret of it in files of its own. Raises LocalError."""
    from provisioning.monitoring.alertmanager import MESSAGES, configuration
    from provisioning.monitoring.receivers import PASSWORD_KEY, SECRET, SLACK_KEY

    receivers = receivers_of(environment)
    folder, content = stack.home.conf / SECRET, receivers.content()
    folder.mkdir(mode=0o700, exist_ok=True)
    for key in (SLACK_KEY, PASSWORD_KEY):
        if key in content:
            stack.home.write_private(folder / key, content[key])
        else:
            (folder / key).unlink(missing_ok=True)
    return yaml.safe_dump(configuration(receivers, str(folder), str(MESSAGES)), sort_keys=False, allow_unicode=True)


def _postgres_login(stack: Stack) -> dict[str, str]:
    """The exporter's URL: as the role that reads statistics, or of a replaced PostgreSQL as ECO2_DATABASE_URL says."""
    import psycopg2

    url = stack.url("postgresql")
    try:
        with contextlib.closing(psycopg2.connect(url, connect_timeout=_CONNECT_TIMEOUT_S)) as connection:
            encrypted = connection.info.ssl_in_use
            if "postgresql" not in stack.replaced:
                url = _as_role(connection, url, stack.secrets["monitoring_password"])
    except psycopg2.Error as error:
        raise StepFailed(f"PostgreSQL does not let its exporter in: {probes.describe(error)}") from error
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    if options.get("sslmode", "prefer") in ("allow", "prefer"):  # which the exporter's library does not know
        options["sslmode"] = "require" if encrypted else "disable"
    url = urlunsplit(parts._replace(query=urlencode(options)))
    return {"DATA_SOURCE_NAME": url.replace(",", "%2C")}  # a comma would begin the next server's URL


def _as_role(connection, url: str, password: str) -> str:  # type: ignore[no-untyped-def]  # psycopg2's is private
    """Makes the role, and returns the URL with which it logs in. Statements and logs hold its SCRAM verifier only."""
    from psycopg2 import sql
    from psycopg2.extensions import encrypt_password

    role, verifier = sql.Identifier(ROLE), encrypt_password(password, ROLE, connection, "scram-sha-256")
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (ROLE,))
        if cursor.fetchone() is None:
            cursor.execute(sql.SQL("CREATE ROLE {}").format(role))
        cursor.execute(
            sql.SQL("ALTER ROLE {} LOGIN CONNECTION LIMIT {} PASSWORD {}").format(
                role, sql.Literal(_ROLE_CONNECTIONS), sql.Literal(verifier)
            )
        )
        cursor.execute(sql.SQL("GRANT pg_monitor TO {}").format(role))
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{ROLE}:{password}@{parts.netloc.rpartition('@')[2]}"))


def _redis_login(stack: Stack) -> dict[str, str]:
    parts = urlsplit(stack.url("redis"))
    address = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=""))
    login = {"REDIS_ADDR": address, "REDIS_USER": parts.username, "REDIS_PASSWORD": parts.password}
    return {name: unquote(value) for name, value in login.items() if value}
