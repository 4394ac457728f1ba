"""Terraform for one cluster: a plan that is looked at, exactly that plan applied, and the outputs written down."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from provisioning import private_file
from provisioning.run import Step
from provisioning.site import Site
from provisioning.terraform.binary import found, version_of
from provisioning.terraform.changes import Planned, read_plan
from provisioning.terraform.diagnostics import Diagnostic, PlanDestroys, TerraformNotReady, meaning
from provisioning.terraform.host_keys import ensure
from provisioning.terraform.process import Ended, Message, Processes
from provisioning.terraform.states import keep_backup, stands_in

CONFIGURATION = Path(__file__).parent
# Of the caller's environment: words added to every command, and logs that would hold the variables.
_NOT_OURS = ("TF_CLI_ARGS", "TF_LOG", "TF_DATA_DIR", "TF_WORKSPACE", "TF_REATTACH_PROVIDERS")
# How long a plan waits for a state that somebody else has locked.
_LOCK_WAIT_S = 60


class Terraform:
    """Works on one cluster's state. Used by one thread; another process that does the same is waited for.

    The state, its backups, plans, logs and plugins lie in `Site.terraform`. The nodes' private keys go to Terraform by
    its environment, and the redactor knows them. Raises the classes of `provisioning.terraform.diagnostics`.
    """

    def __init__(self, site: Site, configuration: Path = CONFIGURATION) -> None:
        self.site = site
        self.configuration = configuration
        self.folder = site.terraform
        self._processes = Processes(self.folder)

    @property
    def state(self) -> Path:
        """Where the state lies, unless it lies `elsewhere`."""
        return self.folder / "terraform.tfstate"

    @property
    def elsewhere(self) -> bool:
        """Whether the state lies elsewhere than in the cluster's folder: a file ``*override.tf`` names a backend."""
        overrides = self.configuration.glob("*override.tf")
        return any(re.search(r'^\s*backend\s+"', each.read_text(), re.MULTILINE) for each in overrides)

    def plan(
        self,
        step: Step,
        *,
        destroy: bool = False,
        replace: Sequence[str] = (),
        targets: Sequence[str] = (),
        variables: Mapping[str, Any] | None = None,
    ) -> Planned:
        """What Terraform would do now; changes nothing in the account.

        ``replace`` and ``targets`` are addresses (``module.node["NAME"].aws_instance.this``), ``variables`` those of
        variables.tf that a run sets (``adopt_buckets``, ``destroy_data``).
        """
        self.ready(step)
        file = self.folder / ("destroy.tfplan" if destroy else "apply.tfplan")
        words = ["plan", "-json", f"-out={file}", "-detailed-exitcode", f"-lock-timeout={_LOCK_WAIT_S}s"]
        words += ["-destroy"] if destroy else []
        words += [f"-replace={address}" for address in replace] + [f"-target={address}" for address in targets]
        ended = self._run(step, "plan", words, _warnings(step), variables)
        if ended.code not in (0, 2):
            raise self._failed(ended, "plan")
        shown = self._run(step, "show", ["show", "-json", str(file)])
        if shown.code:
            raise self._failed(shown, "show")
        return read_plan(json.loads(shown.output), file, variables or {})

    def apply(self, step: Step, planned: Planned, *, agreed: Collection[str] = ()) -> None:
        """Applies exactly this plan, says how it goes, and writes `Site.outputs_file`.

        ``agreed`` holds the ids of changes that may lose a machine, a bucket or a disk; without them such a plan
        raises `PlanDestroys`, and nothing is done.
        """
        unasked = [each.title for each in planned.kept if each.id not in agreed]
        if unasked:
            raise PlanDestroys("; ".join(unasked))
        keep_backup(self.state)
        words = ["apply", "-json", f"-lock-timeout={_LOCK_WAIT_S}s", str(planned.file)]
        ended = self._run(step, "apply", words, _progress(step, len(planned.changes)), planned.variables)
        if ended.code:
            raise self._failed(ended, "apply")
        self.write_outputs(self.outputs(step))

    def outputs(self, step: Step) -> dict[str, Any]:
        """All outputs of the state, by name."""
        ended = self._run(step, "output", ["output", "-json"])
        if ended.code:
            raise self._failed(ended, "output")
        return {name: each["value"] for name, each in json.loads(ended.output).items()}

    def write_outputs(self, outputs: Mapping[str, Any]) -> None:
        """Makes `Site.outputs_file` say this, all of it or nothing. Without outputs there is no file."""
        if outputs:
            private_file.write(self.site.outputs_file, json.dumps(outputs, indent=2, sort_keys=True) + "\n")
        else:
            self.site.outputs_file.unlink(missing_ok=True)

    def has(self, address: str) -> bool:
        """Whether the local state holds this resource; False where there is no local state."""
        return stands_in(self.state, address)

    def ready(self, step: Step) -> None:
        """Downloads providers and sets up the backend, where that is not done for just this configuration."""
        mark = self.folder / "initialised"
        if mark.exists() and mark.read_text() == self._mark() and self._data.is_dir():
            return
        self._plugins.mkdir(mode=0o700, parents=True, exist_ok=True)
        words = ["init", "-no-color"]
        if not self.elsewhere:
            words.append(f"-backend-config=path={self.state}")
            # The cluster's folder was moved. Without its state, Terraform has to refuse rather than begin anew.
            words += ["-reconfigure"] if self.state.exists() else []
        ended = self._run(step, "init", words)
        if ended.code:
            raise self._failed(ended, "init")
        private_file.write(mark, self._mark())

    def fingerprint(self) -> str:
        """SHA-256 over the configuration, the lock file, the cluster file and Terraform's version."""
        digest = hashlib.sha256(self._mark().encode())
        digest.update(self.site.cluster_file.read_bytes())
        return digest.hexdigest()

    @cached_property
    def version(self) -> str:
        """``1.11.4``. Raises `TerraformMissing` where there is none or one that is too old."""
        return version_of(self.binary)

    @cached_property
    def binary(self) -> str:
        return found()

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _plugins(self) -> Path:
        return self.site.folder.parent / "plugins"

    def _mark(self) -> str:
        """What `ready` has to be repeated for: another configuration, lock file, place of the state or version."""
        digest = hashlib.sha256(f"{self.version}\n{self.state}\n".encode())
        files = [*self.configuration.rglob("*.tf"), *self.configuration.rglob("*.tftpl"), *self._scripts]
        for path in sorted({*files, self.configuration / ".terraform.lock.hcl"}):
            if path.is_file() and ".terraform" not in path.parts:
                digest.update(f"{path.relative_to(self.configuration)}\n".encode() + path.read_bytes())
        return digest.hexdigest()

    @property
    def _scripts(self) -> list[Path]:
        return [*(self.configuration / "modules").rglob("*.py")]

    def _run(
        self, step: Step, name: str, words: Sequence[str], hear: Any = None, variables: Mapping[str, Any] | None = None
    ) -> Ended:
        command = [self.binary, f"-chdir={self.configuration}", *words]
        return self._processes.run(
            step, name, command, self._environment(variables or {}), hear or (lambda message: None)
        )

    def _environment(self, variables: Mapping[str, Any]) -> dict[str, str]:
        keys = ensure(self.site.host_keys, self.site.nodes)
        for private in keys.private.values():
            self.site.redactor.register(private)
        caller = {name: text for name, text in os.environ.items() if not name.startswith(_NOT_OURS)}
        return {
            "TF_PLUGIN_CACHE_DIR": str(self._plugins),
            **caller,
            "TF_DATA_DIR": str(self._data),
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            "CHECKPOINT_DISABLE": "1",
            "TF_VAR_cluster_file": str(self.site.cluster_file),
            **{f"TF_VAR_{name}": _variable(name, value) for name, value in variables.items() if value},
            **keys.environment(),
        }

    def _failed(self, ended: Ended, command: str) -> Exception:
        said = [Diagnostic.of(message) for message in ended.messages if message.get("type") == "diagnostic"]
        error = meaning(said, command, ended.error or ended.output)
        if command == "init" and type(error).code == "E-TERRAFORM":
            error = TerraformNotReady(str(error))
        if isinstance(error, TerraformNotReady):
            (self.folder / "initialised").unlink(missing_ok=True)
        return error


def _variable(name: str, value: Any) -> str:
    """As Terraform reads it from the environment. To what a map holds, the operator may have added."""
    given = os.environ.get(f"TF_VAR_{name}")
    if given and isinstance(value, Mapping):
        try:
            return json.dumps({**value, **json.loads(given)})
        except ValueError:
            return given
    return json.dumps(value)


def _warnings(step: Step) -> Any:
    def hear(message: Message) -> None:
        if message.get("type") == "diagnostic":
            step.say(str(message.get("@message", "")))

    return hear


def _progress(step: Step, changes: int) -> Any:
    done = 0

    def hear(message: Message) -> None:
        nonlocal done
        kind, text = message.get("type"), str(message.get("@message", ""))
        if kind == "apply_complete" and message["hook"]["action"] != "read":
            done += 1
            step.say(f"[{done}/{changes}] {text}")
        elif kind in ("apply_progress", "apply_errored", "diagnostic", "change_summary"):
            step.say(text)

    return hear
