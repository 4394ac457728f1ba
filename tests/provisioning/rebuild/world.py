"""Everything that a rebuild meets outside: an account, Terraform, machines that boot once they are made, an API server.

The tool runs as a process of its own, started as its operator starts it; nothing in it knows of the doubles.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from provisioning.cluster import CLUSTER_FILE, load
from provisioning.kubernetes.binaries import unpack
from provisioning.run import NotYet
from provisioning.site import CLUSTERS, REPOSITORY, OutputsUnreadable, Site
from tests.doubles.aws.account import AwsAccount
from tests.doubles.charts import ChartRepository
from tests.doubles.hosts.world import HostWorld
from tests.doubles.kubernetes import KubernetesServer
from tests.doubles.kubernetes.nodes import reserve
from tests.doubles.terraform import TerraformDouble
from tests.provisioning.rebuild.front import Front
from tests.provisioning.ssh.sshd import key_pair

# One rebuild takes some 30 s on two cores; a busy machine is slower.
LONGEST_S = 300.0
_BOOT_POLL_S = 0.05
PHASES = [
    *("preflight", "terraform", "reach", "prepare", "images", "init", "network", "cloud-controller", "join", "label"),
    *("storage", "load-balancer", "releases", "dns", "verify"),
]


@dataclass(frozen=True)
class Ran:
    """A run of the tool that has ended."""

    code: int
    out: str
    err: str
    took_s: float

    @property
    def text(self) -> str:
        return self.out + self.err


class RebuildWorld:
    """A context manager. ``edit`` changes the cluster file's content before it is written."""

    def __init__(self, folder: Path, edit: Callable[[dict[str, Any]], None] = lambda said: None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.file = folder / "cluster.yaml"
        said = yaml.safe_load(CLUSTER_FILE.read_text())
        said["access"] |= {
            "ssh_from": ["198.18.0.7/32"],
            "api_from": ["198.18.0.7/32"],
            "key_file": str(folder / "operator"),
        }
        edit(said)
        self.file.write_text(json.dumps(said, ensure_ascii=False, indent=1))
        self.cluster = load(self.file)
        key_pair(folder / "operator")
        self.clusters = folder / "clusters"
        home = self.clusters / self.cluster.name
        home.mkdir(mode=0o700, parents=True)
        self.site = Site(self.cluster, self.file, home)
        net = f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(254) + 1}"
        addresses = {name: f"{net}.{number}" for number, name in enumerate(self.site.nodes, 1)}
        self._front_address = f"{net}.250"
        # Names that resolve for the tool and for nobody else on this machine.
        self._names = folder / "hosts-file"
        self._names.write_text("127.0.0.1 localhost\n")
        self.terraform = TerraformDouble(folder / "terraform-double", addresses=addresses)
        self.machines: HostWorld | None = None
        self._stack = ExitStack()
        # Process -> the files with what it says.
        self._output: dict[int, tuple[Path, Path]] = {}
        self._over = threading.Event()
        # Set by tests before the machines boot: pattern of a command -> seconds it takes.
        self.delays: dict[str, float] = {}

    def __enter__(self) -> RebuildWorld:
        self.account = self._stack.enter_context(AwsAccount(region=self.cluster.region))
        self.api = self._stack.enter_context(KubernetesServer())
        self.charts = self._stack.enter_context(ChartRepository())
        names = [host for which in ("api", "www", "grafana") if (host := self.cluster.domain.host(which))]
        self.front = self._stack.enter_context(Front(self.folder, self._front_address, self.api, names))
        unpack(self.clusters / "bin")
        if self.cluster.domain.name:
            self.zone = self.account.client("route53").create_hosted_zone(
                Name=self.cluster.domain.name, CallerReference=secrets.token_hex(8)
            )["HostedZone"]["Id"]
            self.terraform.set(hosted_zone_id=self.zone.rpartition("/")[2])
        self.api.settings.on_ingress = self._load_balancer
        self._stack.callback(self._shut_down)
        threading.Thread(target=self._boot, name="boot", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._stack.close()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.terraform.path}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "ECO2_CLUSTER_FILE": str(self.file),
            CLUSTERS: str(self.clusters),
            "LANG": "C.UTF-8",
            # Whatever is not on this machine does not answer: nothing here may ask the internet.
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "NO_PROXY": "127.0.0.0/8,127.0.0.1,localhost",
            "SSL_CERT_FILE": str(self.front.authority),
            **self.account.environment(),
            **self.charts.mirror_environment(),
        }

    def start(self, *words: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """``./inv WORDS`` as a process, without a terminal."""
        resolving = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', str(self._names)]
        number = len(self._output)
        out, err = self.folder / f"out-{number}", self.folder / f"err-{number}"
        process = subprocess.Popen(
            [*resolving, sys.executable, "-m", "invoke", *words],
            cwd=REPOSITORY,
            env={**self.environment, **(environment or {})},
            stdin=subprocess.DEVNULL,
            # Files, not pipes: nobody reads along, and a full pipe would hold the tool up.
            stdout=self._stack.enter_context(out.open("wb")),
            stderr=self._stack.enter_context(err.open("wb")),
        )
        self._output[process.pid] = (out, err)
        return process

    def run(self, *words: str, environment: Mapping[str, str] | None = None) -> Ran:
        """``./inv WORDS``, to its end."""
        began = time.monotonic()
        process = self.start(*words, environment=environment)
        return self.ended(process, began)

    def ended(self, process: subprocess.Popen[bytes], began: float) -> Ran:
        try:
            process.wait(LONGEST_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"not ended after {LONGEST_S:.0f} s: {self._said(process)}") from None
        return Ran(process.returncode, *self._said(process), time.monotonic() - began)

    def _said(self, process: subprocess.Popen[bytes]) -> tuple[str, str]:
        out, err = self._output[process.pid]
        return out.read_text(), err.read_text()

    def killed(self, *words: str, when: Callable[[], bool]) -> Ran:
        """``./inv WORDS``, killed with SIGKILL as soon as this is so; or ended, where it never is."""
        began = time.monotonic()
        process = self.start(*words)
        while process.poll() is None and not when():
            time.sleep(0.01)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        return self.ended(process, began)

    def booted(self) -> None:
        """Waits until the machines run that Terraform has made."""
        deadline = time.monotonic() + LONGEST_S
        while self.machines is None:
            assert time.monotonic() < deadline, "the machines do not start"
            time.sleep(_BOOT_POLL_S)

    def journal(self) -> list[dict[str, Any]]:
        """The records of the newest run; a line that is being written is left out."""
        runs = sorted((self.site.folder / "runs").glob("*.jsonl"))
        if not runs:
            return []
        return [json.loads(line) for line in runs[-1].read_text().splitlines(keepends=True) if line.endswith("\n")]

    def changes(self) -> tuple[int, int, int, int]:
        """How often anything outside was changed so far: machines, cluster, account, Terraform's resources."""
        machines = 0 if self.machines is None else len(self.machines.mutations())
        return machines, len(self.api.mutations()), len(self.account.changes()), len(self.terraform.made())

    def violations(self) -> list[str]:
        machines = [] if self.machines is None else self.machines.violations
        return [*machines, *self.terraform.violations]

    def _boot(self) -> None:
        """The machines run as soon as Terraform has made them all."""
        while not self._over.wait(_BOOT_POLL_S):
            try:
                found = self.site.machines()
            except (NotYet, OutputsUnreadable):
                continue
            kubectl = self.clusters / "bin" / "kubectl"
            reserve(self.api, self.cluster, found)
            machines = HostWorld(self.site, found, self.api, root=self.folder / "hosts", kubectl=kubectl)
            machines.delays.update(self.delays)
            self.machines = machines.__enter__()
            return

    def _shut_down(self) -> None:
        if self.machines is not None:
            self.machines.__exit__(None, None, None)

    def _load_balancer(self, ingress: dict[str, Any]) -> str:
        """What the load balancer controller makes: one for each group of Ingresses."""
        elb = self.account.client("elbv2")
        ec2 = self.account.client("ec2")
        name = f"k8s-{self.cluster.name}"
        standing = [each for each in elb.describe_load_balancers()["LoadBalancers"] if each["LoadBalancerName"] == name]
        if standing:
            return str(standing[0]["DNSName"])
        subnets = [each["SubnetId"] for each in ec2.describe_subnets()["Subnets"]][:2]
        made = elb.create_load_balancer(
            Name=name,
            Subnets=subnets,
            Scheme="internet-facing",
            Tags=[{"Key": "elbv2.k8s.aws/cluster", "Value": self.cluster.name}],
        )
        host = str(made["LoadBalancers"][0]["DNSName"])
        with self._names.open("a") as names:
            names.write(f"{self._front_address} {host}\n")
        return host
