"""Every machine gets what a node needs before kubeadm: kernel settings, containerd, and Kubernetes' packages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from provisioning.cluster import Version, matrix
from provisioning.phases.instances import instance_id
from provisioning.run import Action, ExitCode, Phase, RunError, Step
from provisioning.scripts import containerd, packages, shell, system
from provisioning.scripts.facts import Facts
from provisioning.site import Site
from provisioning.ssh import Hosts, ScriptFailed


class PackagesUnavailable(RunError):
    """apt-get could not fetch or install the packages of a node."""

    code = "E-PACKAGES"
    exit_code = ExitCode.REMOTE_COMMAND
    transient = True
    cause = "A package repository does not answer or has no such version, or the machine's own update is at work."
    remedy = (
        "Look at the last lines of apt-get, then go on with --resume; ./inv rebuild --only reach asks the repositories."
    )


class VersionDiffers(RunError):
    """A node that is part of the cluster has another version of Kubernetes' packages than the cluster file says."""

    code = "E-NODE-VERSION"
    exit_code = ExitCode.CONFIGURATION
    cause = "kubernetes.version in the cluster file was changed, or an upgrade has not come to its end."
    remedy = "./inv cluster.upgrade, which drains each node; a rebuild never changes the version of a node that works."


@dataclass(frozen=True, kw_only=True)
class Piece(Action):
    """One thing to change, and the part of the script that changes it."""

    script: str


class Prepare(Phase[Facts, Piece]):
    """Brings each machine to the versions and settings of the cluster file; what is so already is left alone."""

    name = "prepare"
    title = "Prepare the machines"
    timeout_s = 1200.0

    def __init__(self, site: Site, hosts: Hosts) -> None:
        super().__init__(site.nodes)
        self._site = site
        self._hosts = hosts
        self._kubernetes = site.cluster.kubernetes.version
        self._repositories = (packages.containerd_repository(), packages.kubernetes_repository(self._kubernetes))
        component = matrix().components["containerd"].version
        assert component is not None, "the version matrix names containerd's version"
        self._containerd: Version = component

    def inputs(self, node: str | None) -> Any:
        return [
            instance_id(self._site, node),
            str(self._kubernetes),
            packages.containerd_package(),
            {path: shell.digest(content) for path, content in self._files().items()},
        ]

    def facts(self, step: Step) -> Facts:
        assert step.node is not None
        return Facts.read(step.node, self._hosts.run(step, step.node, self.questions()))

    def plan(self, facts: Facts) -> Sequence[Piece]:
        """Raises `VersionDiffers` for a node that has joined with another version."""
        return [
            *self._kernel(facts),
            *self._sources(facts),
            *self._packages(facts),
            *self._runtime(facts),
        ]

    def act(self, step: Step, actions: Sequence[Piece]) -> None:
        """Raises `PackagesUnavailable` where apt-get fails."""
        assert step.node is not None
        try:
            self._hosts.run(step, step.node, self.script(actions))
        except ScriptFailed as error:
            if error.exit_status == packages.APT_FAILED:
                raise PackagesUnavailable(str(error)) from error
            raise

    def questions(self) -> str:
        """The script that reads what `plan` wants to know; it changes nothing."""
        keys = (repository.key_file for repository in self._repositories)
        return shell.script(
            shell.FACT,
            shell.presence(joined="/etc/kubernetes/kubelet.conf"),
            system.facts(),
            packages.installed((*packages.KUBERNETES, packages.containerd_package()[0], *packages.TOOLS)),
            shell.file_digests((*self._files(), *keys)),
            containerd.facts(),
        )

    @staticmethod
    def script(actions: Sequence[Piece]) -> str:
        """The script that performs these, and says of each that it begins."""
        return shell.script(*(f"echo {shell.quote(action.title)} >&2\n{action.script}" for action in actions))

    def _files(self) -> dict[str, str]:
        return {
            system.MODULES_FILE: system.modules_text(),
            system.SYSCTL_FILE: system.sysctl_text(),
            **{repository.list_file: repository.line for repository in self._repositories},
            containerd.CONFIG: containerd.config_text(self._containerd, self._kubernetes),
            containerd.CRICTL: containerd.crictl_text(),
        }

    def _differs(self, facts: Facts, path: str) -> bool:
        return facts.text(f"file.{path}") != shell.digest(self._files()[path])

    def _kernel(self, facts: Facts) -> Iterator[Piece]:
        if facts.number("swap") or facts.number("swap_in_fstab"):
            yield Piece(id="swap", title="turn swap off, also in /etc/fstab", script=system.swap_off())
        missing = [module for module in system.MODULES if module not in facts.all("module")]
        if missing or self._differs(facts, system.MODULES_FILE):
            title = f"load {', '.join(missing or system.MODULES)}, also after a restart"
            yield Piece(id="modules", title=title, script=system.load_modules())
        wrong = [key for key, value in system.SYSCTLS.items() if facts.text(f"sysctl.{key}") != value]
        if wrong or self._differs(facts, system.SYSCTL_FILE):
            settings = ", ".join(f"{key}={system.SYSCTLS[key]}" for key in wrong or system.SYSCTLS)
            yield Piece(id="sysctl", title=f"set {settings}", script=system.set_sysctls())
        if facts.text("ntp") != "yes":
            yield Piece(id="clock", title="synchronise the clock", script=system.synchronise_clock())

    def _sources(self, facts: Facts) -> Iterator[Piece]:
        for repository in self._repositories:
            if not facts.text(f"file.{repository.key_file}"):
                title = f"fetch the key of {repository.url} into {repository.key_file}"
                yield Piece(id=f"key-{repository.name}", title=title, script=packages.keyring(repository))
            if self._differs(facts, repository.list_file):
                title = f"write {repository.list_file}: {repository.url} {repository.suite}"
                script = shell.file(repository.list_file, repository.line)
                yield Piece(id=f"source-{repository.name}", title=title, script=script)

    def _packages(self, facts: Facts) -> Iterator[Piece]:
        name, exact = packages.containerd_package()
        pins = {} if facts.text(f"package.{name}") == exact else {name: exact}
        wrong = {
            package: has
            for package in packages.KUBERNETES
            if (has := facts.text(f"package.{package}")).partition("-")[0] != str(self._kubernetes)
        }
        if wrong and facts.yes("joined"):
            found = ", ".join(f"{package} {has or 'missing'}" for package, has in wrong.items())
            raise VersionDiffers(f"{facts.node} is a node of the cluster and has {found}; {self._kubernetes} is wanted")
        pins |= {package: f"{self._kubernetes}-*" for package in wrong}
        tools = [tool for tool in packages.TOOLS if not facts.text(f"package.{tool}")]
        if pins or tools:
            title = ", ".join([*(f"{package} {version}" for package, version in pins.items()), *tools])
            words = [*(f"{package}={version}" for package, version in pins.items()), *tools]
            yield Piece(id="packages", title=f"install {title}", script=packages.install(words))
        pinned = (*packages.KUBERNETES, name)
        free = [package for package in pinned if package in pins or not facts.yes(f"held.{package}")]
        if free:
            yield Piece(id="hold", title=f"hold {', '.join(free)} at their versions", script=packages.hold(free))

    def _runtime(self, facts: Facts) -> Iterator[Piece]:
        if self._differs(facts, containerd.CONFIG) or facts.yes("containerd_stale"):
            yield Piece(
                id="containerd",
                title=f"write {containerd.CONFIG} and restart containerd",
                script=containerd.configure(self._containerd, self._kubernetes),
            )
        if self._differs(facts, containerd.CRICTL):
            script = shell.file(containerd.CRICTL, containerd.crictl_text())
            yield Piece(id="crictl", title=f"write {containerd.CRICTL}", script=script)
        services = ("containerd_active", "containerd_enabled", "kubelet_enabled")
        if not all(facts.yes(state) for state in services):
            title = "start containerd, and start it and the kubelet with the machine"
            yield Piece(id="services", title=title, script=containerd.enable())
