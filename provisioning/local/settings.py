"""What one stack consists of: its ports, secrets and URLs, which parts are replaced, and what each process is told."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import secrets
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from provisioning.local import ports
from provisioning.local.errors import LocalError
from provisioning.local.home import REPOSITORY, Home
from provisioning.local.ports import is_free

BUCKET = "eco2-images"

# The environment variable that replaces a part by an existing one.
VARIABLES = {
    "rabbitmq": "ECO2_AMQP_URL",
    "postgresql": "ECO2_DATABASE_URL",
    "redis": "ECO2_REDIS_URL",
    "seaweedfs": "ECO2_S3_URL",
}
PARTS = tuple(VARIABLES)

# The Eco² processes in the order in which they are shown; the gateway is the first to stop.
PROCESSES = ("gateway", "waste", "auth", "userinfo", "location", "recycle", "chat", "storage", "ai")

# The programs of `up --monitoring`, in the order in which they are shown.
MONITORING = ("prometheus", "alertmanager", "node_exporter", "postgres_exporter", "redis_exporter")

# The schemas whose roles the processes log in as; supervisord.conf says which process has which. The gateway has none.
SCHEMAS = ("waste", "auth", "userinfo", "location", "recycle", "chat", "tasks")

# The port's name -> the supervised program that listens there.
PORTS = {
    "amqp": "rabbitmq",
    "amqp_distribution": "rabbitmq",
    "amqp_metrics": "rabbitmq",
    "epmd": "epmd",
    "postgresql": "postgresql",
    "redis": "redis",
    "s3": "seaweedfs",
    "filer": "seaweedfs",
    "master": "seaweedfs",
    "volume": "seaweedfs",
    **{name: name for name in PROCESSES},
    **{name: name for name in MONITORING},
}

# The port at which a part is spoken to.
MAIN_PORT = {"rabbitmq": "amqp", "postgresql": "postgresql", "redis": "redis", "seaweedfs": "s3"}

# RabbitMQ's node registers with an epmd of our own, which is supervised beside it.
COMPANIONS = {"rabbitmq": ("epmd",)}

_SECRETS = (
    "amqp_password",
    "database_password",
    "redis_password",
    "s3_access_key",
    "s3_secret_key",
    "monitoring_password",
)

# Only the processes that ask models get the settings that their client library reads, the key among them.
_OF_MODELS = "OPENAI_"

# Whom the Alertmanager tells is no affair of the Eco² processes: a change restarts none of them.
_OF_RECEIVERS = ("ECO2_SLACK_", "ECO2_ALERT_")

# A caller's own settings for the system's instances must not reach ours.
_FOREIGN_PREFIXES = (
    "RABBITMQ_",
    "ERL_",
    "PG",
    "SUPERVISOR_",
    "NOTIFY_SOCKET",
    "PYTHONPATH",
    "PYTHONHOME",
    "ECO2_DATABASE_URL_",
)


@dataclass
class Stack:
    """The facts of one home. ``Stack.load`` reads what an earlier ``up`` kept; ``save`` keeps them (0600)."""

    home: Home
    root: Path = REPOSITORY
    ports: dict[str, int] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    replaced: dict[str, str] = field(default_factory=dict)
    wanted: list[str] = field(default_factory=list)
    monitoring: bool = False
    settings: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, home: Home, root: Path | None = None) -> Stack:
        kept = _read(home.path / "stack.json")
        stack = cls(
            home=home,
            root=root or Path(kept.get("root", REPOSITORY)),
            ports={name: port for name, port in kept.get("ports", {}).items() if name in PORTS},
            secrets=_read(home.path / "secrets.json"),
            replaced=dict(kept.get("replaced", {})),
            wanted=list(kept.get("wanted", [])),
            monitoring=bool(kept.get("monitoring")),
            settings=dict(kept.get("settings", {})),
        )
        return stack

    def save(self) -> None:
        kept = {
            "root": str(self.root),
            "ports": self.ports,
            "replaced": self.replaced,
            "wanted": self.wanted,
            "monitoring": self.monitoring,
            "settings": self.settings,
        }
        self.home.write_private(self.home.path / "stack.json", json.dumps(kept, indent=2) + "\n")

    def make_secrets(self) -> None:
        """Generates the secrets that are not there yet. They are hex: safe in URLs and in every conf file."""
        if all(name in self.secrets for name in _SECRETS):
            return
        self.secrets = {name: self.secrets.get(name) or secrets.token_hex(20) for name in _SECRETS}
        self.home.write_private(self.home.path / "secrets.json", json.dumps(self.secrets, indent=2) + "\n")

    def read_environment(self, environment: Mapping[str, str]) -> None:
        """Takes the replaced parts from the ECO2_*_URL variables; our own URL (from ``.eco2/env``) replaces nothing."""
        own = {part: self.own_url(part) for part in PARTS} if self.ports and self.secrets else {}
        self.replaced = {
            part: environment[variable]
            for part, variable in VARIABLES.items()
            if environment.get(variable) and environment[variable] != own.get(part)
        }
        if "seaweedfs" in self.replaced and not urlsplit(self.replaced["seaweedfs"]).path.strip("/"):
            raise LocalError("ECO2_S3_URL must end with the bucket: http://ACCESS:SECRET@HOST:PORT/eco2-images")

    def choose_ports(self, environment: Mapping[str, str], free: Callable[[int], bool] = is_free) -> None:
        """Keeps the ports of the last time that are still `free`. Call it while the stack is down.

        ``ECO2_HTTP_PORT`` asks for the gateway's.
        """
        wanted = {"gateway": int(environment["ECO2_HTTP_PORT"])} if environment.get("ECO2_HTTP_PORT") else {}
        self.ports = ports.choose(PORTS, self.ports, wanted=wanted, free=free, seed=str(self.home.path))

    @property
    def own_parts(self) -> list[str]:
        return [part for part in PARTS if part not in self.replaced]

    @property
    def own_programs(self) -> list[str]:
        """The supervised programs of the parts that are not replaced."""
        return [program for part in self.own_parts for program in (*COMPANIONS.get(part, ()), part)]

    @property
    def programs(self) -> list[str]:
        """All supervised programs that are to run: the parts', the Eco² processes, the monitoring's."""
        return [*self.own_programs, *self.wanted, *(MONITORING if self.monitoring else ())]

    def own_url(self, part: str) -> str:
        key = self.secrets
        port = self.ports[MAIN_PORT[part]]
        match part:
            case "rabbitmq":
                return f"amqp://eco2:{key['amqp_password']}@127.0.0.1:{port}//"
            case "postgresql":
                return f"postgresql://eco2:{key['database_password']}@127.0.0.1:{port}/eco2"
            case "redis":
                return f"redis://:{key['redis_password']}@127.0.0.1:{port}/0"
            case _:
                return f"http://{key['s3_access_key']}:{key['s3_secret_key']}@127.0.0.1:{port}/{BUCKET}"

    def url(self, part: str) -> str:
        return self.replaced.get(part) or self.own_url(part)

    def urls(self) -> dict[str, str]:
        """The ECO2_* settings that every Eco² process gets."""
        return {
            **{variable: self.url(part) for part, variable in VARIABLES.items()},
            "ECO2_CDN_URL": self._cdn(),
            "ECO2_STATE_DIR": str(self.home.state),
            "ECO2_CACHE_DIR": str(self.home.cache),
            "ECO2_HOME": str(self.home.path),
        }

    def _cdn(self) -> str:
        explicit = os.environ.get("ECO2_CDN_URL")
        if explicit and "seaweedfs" in self.replaced:
            return explicit
        return S3.parse(self.url("seaweedfs")).public_url

    def process_environment(self, environment: Mapping[str, str]) -> dict[str, str]:
        """What the migrations and the model's build run with: as the database's owner, without the models' key."""
        return {name: value for name, value in self._told(environment).items() if not name.startswith(_OF_MODELS)}

    def _told(self, environment: Mapping[str, str]) -> dict[str, str]:
        left_out = (*_FOREIGN_PREFIXES, *_OF_RECEIVERS)
        inherited = {key: value for key, value in environment.items() if not key.startswith(left_out)}
        for private in ("ECO2_HTTP_PORT", "ECO2_STACK"):
            inherited.pop(private, None)
        return {**inherited, **self.urls(), "MALLOC_ARENA_MAX": "2", "PYTHONUNBUFFERED": "1"}

    def supervisor_environment(self, environment: Mapping[str, str]) -> dict[str, str]:
        """What supervisord runs with: all the names that ``supervisord.conf`` uses, and what its children inherit.

        launch.py leaves each child the URL of its own role, and takes the models' key from those that ask no model. The
        owner's URL is not there. Raises LocalError when there can be no roles.
        """
        told = self._told(environment)
        told.pop("ECO2_DATABASE_URL")
        return {
            **told,
            **{f"ECO2_DATABASE_URL_{schema.upper()}": url for schema, url in self._role_urls().items()},
            **{f"ECO2_PORT_{name.upper()}": str(port) for name, port in self.ports.items()},
            "ECO2_STACK": str(self.home.path),
            "ECO2_RUN": str(self.home.run),
            "ECO2_ROOT": str(self.root),
            "ECO2_SOCKET": str(self.home.socket),
            "ECO2_POSTGRES_DATA": str(self.home.postgres),
            "ECO2_KEY": self.home.key,
            # More than the places of all domains together (gateway.domain_calls each): none may take another's.
            "ECO2_GATEWAY_MAX_WORKERS": environment.get("ECO2_MAX_WORKERS", "160"),
            # A scan waits for its models most of the time.
            "ECO2_AI_MAX_WORKERS": environment.get("ECO2_MAX_WORKERS", "64"),
            "ECO2_USER": pwd.getpwuid(os.geteuid()).pw_name,
            "PYTHON": sys.executable,
        }

    def _role_urls(self) -> dict[str, str]:
        """The database's URL for each schema: its role's, or everywhere the owner's where roles are turned off."""
        from services.kernel.config import ConfigError
        from services.kernel.roles import RolesError, url_of, wanted

        owners = self.url("postgresql")
        try:
            return (
                {schema: url_of(owners, schema) for schema in SCHEMAS} if wanted() else dict.fromkeys(SCHEMAS, owners)
            )
        except (ConfigError, RolesError) as error:
            raise LocalError(str(error)) from None

    def changed_settings(self, environment: Mapping[str, str]) -> list[str]:
        """Names of the ECO2_* and OPENAI_* variables that differ from those the running stack was started with."""
        now = self.digests(environment)
        if environment.get("ECO2_HTTP_PORT", str(self.ports["gateway"])) != str(self.ports["gateway"]):
            now["ECO2_HTTP_PORT"] = "changed"
        return sorted(name for name in {*now, *self.settings} if now.get(name) != self.settings.get(name))

    def digests(self, environment: Mapping[str, str]) -> dict[str, str]:
        relevant = {
            key: value for key, value in self._told(environment).items() if key.startswith(("ECO2_", _OF_MODELS))
        }
        relevant["the repository"] = str(self.root)
        return {key: hashlib.sha256(value.encode()).hexdigest()[:12] for key, value in relevant.items()}

    def write_for_people(self) -> None:
        """``env`` for a shell and ``nameko.yaml`` for ``nameko shell --config``, both 0600."""
        lines = [f"export {name}={shlex.quote(value)}" for name, value in self.urls().items()]
        lines.append(f"export ECO2_GATEWAY_URL=http://127.0.0.1:{self.ports['gateway']}")
        self.home.write_private(self.home.path / "env", "\n".join(lines) + "\n")
        self.home.write_private(self.home.path / "nameko.yaml", f"AMQP_URI: {json.dumps(self.url('rabbitmq'))}\n")


@dataclass(frozen=True)
class S3:
    """An ECO2_S3_URL taken apart; ``access_key`` is None when boto3 is to find credentials by itself."""

    endpoint: str
    bucket: str
    access_key: str | None
    secret_key: str | None = field(repr=False)

    @classmethod
    def parse(cls, url: str) -> S3:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        return cls(
            endpoint=f"{parts.scheme}://{host}",
            bucket=parts.path.strip("/"),
            access_key=unquote(parts.username) if parts.username else None,
            secret_key=unquote(parts.password) if parts.password else None,
        )

    @property
    def public_url(self) -> str:
        return f"{self.endpoint}/{self.bucket}"


def urls(home: Path | Home | None = None) -> dict[str, str]:
    """The ECO2_* settings of a stack that has been up, by variable name. Raises LocalError when there is none."""
    place = home if isinstance(home, Home) else Home.open(home)
    stack = Stack.load(place)
    if not stack.ports:
        raise LocalError(f"There is no stack in {place.path} yet. Start it with ./inv up.")
    return stack.urls()


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except ValueError:
        raise LocalError(f"{path} is damaged. Look at it; `./inv down --wipe` starts anew.") from None
