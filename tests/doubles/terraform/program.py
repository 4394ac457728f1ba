"""The program ``terraform`` of the double: knows the commands that the product runs, refuses all others."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))
# The program's own folder holds modules with names of the standard library's kind.
sys.path.remove(str(Path(__file__).parent))

import yaml

from tests.doubles.terraform import messages
from tests.doubles.terraform.applying import Applying, append
from tests.doubles.terraform.planning import changes
from tests.doubles.terraform.resources import outputs, wanted
from tests.doubles.terraform.state import Locked, State

FOLDER = Path(os.environ["TERRAFORM_DOUBLE"])
PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----"
KNOWN = {
    "init": {"-no-color", "-reconfigure", "-backend-config"},
    "plan": {"-json", "-out", "-detailed-exitcode", "-lock-timeout", "-destroy", "-replace", "-target"},
    "show": {"-json"},
    "apply": {"-json", "-lock-timeout"},
    "output": {"-json"},
}


class Refused(Exception):
    """No terraform would do this, or no caller may ask it; the exit code says which."""

    def __init__(self, text: str, code: int = 64) -> None:
        super().__init__(text)
        self.code = code


class Program:
    """One command. ``asked`` becomes true with the first SIGINT."""

    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.asked = False
        self.data = Path(os.environ.get("TF_DATA_DIR", ""))

    def run(self) -> int:
        if self.words == ["version", "-json"]:
            print(json.dumps({"terraform_version": self.told["version"], "platform": "linux_amd64"}))
            return 0
        if not self.words or not self.words[0].startswith("-chdir="):
            raise Refused(f"without -chdir: {self.words}")
        folder = Path(self.words.pop(0).partition("=")[2])
        if not list(folder.glob("*.tf")):
            raise Refused(f"no configuration in {folder}", 1)
        command, options, rest = self._parsed()
        log("calls.jsonl", words=self.words)
        self._check_environment(command)
        return int(getattr(self, f"_{command}")(options, rest))

    @property
    def told(self) -> dict[str, Any]:
        """Read anew each time: a test may change its mind while the program runs."""
        read: dict[str, Any] = json.loads((FOLDER / "told.json").read_text())
        return read

    def _parsed(self) -> tuple[str, dict[str, list[str]], list[str]]:
        command, *words = self.words
        if command not in KNOWN:
            raise Refused(f"the command {command}")
        options: dict[str, list[str]] = {}
        for word in [word for word in words if word.startswith("-")]:
            name, _, value = word.partition("=")
            if name not in KNOWN[command]:
                raise Refused(f"{command} {name}")
            options.setdefault(name, []).append(value)
        return command, options, [word for word in words if not word.startswith("-")]

    def _check_environment(self, command: str) -> None:
        wrong = [
            name for name, value in (("TF_INPUT", "0"), ("TF_IN_AUTOMATION", "1")) if os.environ.get(name) != value
        ]
        if wrong or not os.environ.get("TF_DATA_DIR"):
            raise Refused(f"the environment lacks {wrong or 'TF_DATA_DIR'}")
        if any(PRIVATE in word or "host_private_keys" in word for word in sys.argv):
            raise Refused("a private key among the words")
        if os.getsid(0) != os.getpid():
            raise Refused("not in a session of its own")
        if command in ("plan", "apply"):
            keys = json.loads(variable("host_private_keys") or "{}")
            if set(keys) != {node["name"] for node in self.cluster["nodes"]}:
                raise Refused("not every node has a private host key", 1)
            if not all(key.startswith(PRIVATE) for key in keys.values()):
                raise Refused("a private host key that is none", 1)

    @property
    def cluster(self) -> dict[str, Any]:
        read: dict[str, Any] = yaml.safe_load(Path(variable("cluster_file")).read_text())
        return read

    @property
    def keys(self) -> dict[str, str]:
        read: dict[str, str] = json.loads(variable("host_public_keys"))
        return read

    @property
    def state(self) -> State:
        backend = self.data / "terraform.tfstate"
        if not backend.exists():
            raise Refused('Error: Backend initialization required, please run "terraform init"', 1)
        return State(Path(json.loads(backend.read_text())["backend"]["config"]["path"]))

    def _init(self, options: dict[str, list[str]], rest: list[str]) -> int:
        [config] = options.get("-backend-config", [""])
        name, _, path = config.partition("=")
        if name != "path" or not Path(path).is_absolute():
            raise Refused(f"init with the backend {config!r}")
        self.data.mkdir(parents=True, exist_ok=True)
        backend = {"version": 3, "backend": {"type": "local", "config": {"path": path, "workspace_dir": None}}}
        (self.data / "terraform.tfstate").write_text(json.dumps(backend))
        print("Terraform has been successfully initialized!")
        return 0

    def _plan(self, options: dict[str, list[str]], rest: list[str]) -> int:
        messages.tell("version", f"Terraform {self.told['version']}", terraform=self.told["version"], ui="1.2")
        cluster, state = self.cluster, self.state
        with state.locked("OperationTypePlan", seconds(options)):
            state.read()
            resources = wanted(cluster, self.told, self.keys)
            found = changes(
                resources,
                state,
                destroy="-destroy" in options,
                replace=options.get("-replace", ()),
                targets=options.get("-target", ()),
                adopt=json.loads(variable("adopt_buckets") or "{}"),
            )
            told = state.outputs if found or "-destroy" in options else self._outputs(state)
            differs = told != state.outputs
            plan = {
                "format_version": "1.2",
                "applyable": bool(found) or differs,
                "resource_changes": found,
                "output_changes": {name: {"actions": ["update" if differs or found else "no-op"]} for name in told},
                "planned_values": {"outputs": {name: {"value": value} for name, value in told.items()}},
                "serial": state.serial,
                "destroy": "-destroy" in options,
            }
        [file] = options["-out"]
        Path(file).write_text(json.dumps(plan))
        kinds = [tuple(each["change"]["actions"]) for each in found]
        messages.summed_up(
            sum("create" in kind for kind in kinds),
            sum("update" in kind for kind in kinds),
            sum("delete" in kind for kind in kinds),
            sum("importing" in each["change"] for each in found),
            "plan",
        )
        return 2 if plan["applyable"] else 0

    def _show(self, options: dict[str, list[str]], rest: list[str]) -> int:
        [file] = rest
        print(Path(file).read_text())
        return 0

    def _output(self, options: dict[str, list[str]], rest: list[str]) -> int:
        found = self.state.read().outputs
        print(json.dumps({name: {"sensitive": False, "value": value} for name, value in found.items()}))
        return 0

    def _apply(self, options: dict[str, list[str]], rest: list[str]) -> int:
        signal.signal(signal.SIGINT, self._interrupted)
        messages.tell("version", f"Terraform {self.told['version']}", terraform=self.told["version"], ui="1.2")
        [file] = rest
        plan, state = json.loads(Path(file).read_text()), self.state
        with state.locked("OperationTypeApply", seconds(options)):
            if state.read().serial != plan["serial"]:
                messages.complained("Saved plan is stale", "The given plan file can no longer be applied.")
                return 1
            resources = {resource.address: resource for resource in wanted(self.cluster, self.told, self.keys)}
            applying = Applying(FOLDER, state, resources, self.cluster, lambda: self.told, lambda: self.asked)
            failed, done = applying.all(plan["resource_changes"])
            if not failed:
                state.outputs = {} if plan["destroy"] else self._outputs(state)
            state.write()
        if not failed:
            messages.summed_up(len(done), 0, 0, 0, "apply")
        return 1 if failed else 0

    def _outputs(self, state: State) -> dict[str, Any]:
        try:
            return outputs(self.cluster, self.told, self.keys, state.attributes)
        except KeyError:
            # As with Terraform: what a target left out is not known.
            return state.outputs

    def _interrupted(self, number: int, frame: object) -> None:
        if self.asked:
            log("violations.jsonl", violation="a second SIGINT: Terraform drops what it is doing")
        self.asked = True
        messages.tell("log", "Interrupt received. Please wait for Terraform to exit or data loss may occur.")


def seconds(options: dict[str, list[str]]) -> float:
    [text] = options.get("-lock-timeout", ["0s"])
    return float(text.removesuffix("s"))


def log(name: str, **entry: Any) -> None:
    append(FOLDER / name, **entry)


def variable(name: str) -> str:
    """A variable of Terraform's, from the environment; empty where it is not set."""
    return os.environ.get(f"TF_VAR_{name}", "")


def main() -> int:
    program = Program(sys.argv[1:])
    try:
        return program.run()
    except Refused as refused:
        if refused.code == 64:
            log("violations.jsonl", violation=str(refused))
        print(f"Error: {refused}", file=sys.stderr)
        return refused.code
    except Locked as locked:
        messages.complained("Error acquiring the state lock", f"resource temporarily unavailable {locked}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
