"""kubectl on the operator's machine: reading and writing, each bounded, with errors that say what they mean."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from provisioning.kubernetes import process
from provisioning.kubernetes.binaries import Tools, tools
from provisioning.kubernetes.errors import (
    ApiRefused,
    ApiSaid,
    ApiUnreachable,
    Conflict,
    NotFound,
    OwnedByAnother,
)
from provisioning.run import NotYet, RunError, Step
from provisioning.run.redaction import SHORTEST_SECRET
from provisioning.site import Site

Object = dict[str, Any]

FIELD_MANAGER = "eco2"
# One request, and one command with its retries inside kubectl.
_REQUEST_S = 20.0
_COMMAND_S = 60.0
# Waits before what may be repeated is tried again when the API server could not answer.
_AGAIN_AFTER_S = (0.5, 2.0, 5.0)
_LONGEST_ERROR = 2000

# In this order: the first that is found in kubectl's words decides.
_MEANINGS: tuple[tuple[type[RunError], str], ...] = (
    (ApiRefused, r"\(Forbidden\)|\(Unauthorized\)|must be logged in|x509: |tls: (bad|expired|unknown) certificate"),
    (
        ApiUnreachable,
        r"Unable to connect to the server|connection refused|was refused|i/o timeout|TLS handshake timeout"
        r"|deadline exceeded|Client\.Timeout|\bEOF\b|connection reset|connection lost|no route to host|no such host"
        r"|network is unreachable|etcdserver|leader changed|\(ServiceUnavailable\)|\(InternalError\)"
        r"|\(TooManyRequests\)|\(Timeout\)|\(ServerTimeout\)|Too Many Requests|an error on the server"
        r"|currently unable to handle",
    ),
    (NotFound, r"\(NotFound\)|doesn't have a resource type|no matches for kind|could not find the requested resource"),
    (OwnedByAnother, r"Apply failed with \d+ conflict"),
    (Conflict, r"\(Conflict\)|\(AlreadyExists\)|object has been modified"),
)
# A refused patch is repeated by kubectl in full, and it may hold a Secret.
_ECHO = re.compile(r"(?s)(error when applying patch:).*?(\nto:.*?)?(\nfor: |\Z)")


class Kubectl:
    """kubectl for one cluster. All methods may be called from any thread; each raises `NotYet` while there is no
    kubeconfig, `Cancelled` when the run is to stop, and the errors of this package's ``errors``."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._lock = threading.Lock()
        self._tools: Tools | None = None

    @property
    def tools(self) -> Tools:
        """kubectl and helm, found and checked once. Raises `ToolMissing`, `ToolVersion`."""
        with self._lock:
            if self._tools is None:
                self._tools = tools(self._site.cluster, self._site.folder.parent / "bin")
            return self._tools

    def get(
        self,
        step: Step,
        kind: str,
        name: str | None = None,
        *,
        namespace: str | None = None,
        selector: str | None = None,
        all_namespaces: bool = False,
    ) -> Object:
        """The object, or without a name the list (its objects are under ``items``). Raises `NotFound`."""
        words = ["get", kind, *([name] if name else []), "-o", "json"]
        words += ["--namespace", namespace] if namespace else []
        words += ["--selector", selector] if selector else []
        words += ["--all-namespaces"] if all_namespaces else []
        answer: Object = json.loads(self._repeated(step, words))
        return answer

    def items(self, step: Step, kind: str, **how: Any) -> list[Object]:
        """The objects of a kind; none where the cluster does not know the kind (its CRD is not installed)."""
        try:
            found: list[Object] = self.get(step, kind, **how)["items"]
        except NotFound:
            return []
        return found

    def exists(self, step: Step, kind: str, name: str, *, namespace: str | None = None) -> bool:
        """Whether the object is there; its content, which may be secret, is not fetched."""
        words = ["get", kind, name, "-o", "name", "--ignore-not-found"]
        try:
            return bool(self._repeated(step, words + (["--namespace", namespace] if namespace else [])).strip())
        except NotFound:
            return False

    def kubelet_serves(self, step: Step, node: str) -> bool:
        """Whether the node's kubelet answers the API server, for which it needs a serving certificate."""
        try:
            return self.run(step, "get", "--raw", f"/api/v1/nodes/{node}/proxy/healthz").strip() == "ok"
        except (ApiUnreachable, ApiSaid, NotFound):
            return False

    def apply(self, step: Step, objects: Sequence[Object], *, force: bool = False) -> None:
        """Server-side apply of these objects. What is in Secrets is hidden from every log from here on.

        ``force`` takes fields over from other owners; without it `OwnedByAnother` is raised.
        """
        for each in objects:
            self._hide(each)
        text = "\n---\n".join(json.dumps(each) for each in objects)
        owner = ["--server-side", "--field-manager", FIELD_MANAGER, f"--force-conflicts={str(force).lower()}"]
        self._repeated(step, ["apply", *owner, "-f", "-"], stdin=text)

    def create(self, step: Step, thing: Object) -> bool:
        """Creates the object unless one of its name is there already, which stays as it is; whether it was created."""
        self._hide(thing)
        try:
            self.run(step, "create", "-f", "-", "-o", "name", stdin=json.dumps(thing))
        except Conflict:
            return False
        return True

    def run(self, step: Step, *words: str, stdin: str | None = None, timeout_s: float | None = None) -> str:
        """Any other command, once; returns what it printed. ``timeout_s``: 60 s, and never beyond the step's time.

        No secret may stand among the words: give it over ``stdin``.
        """
        return self._once(step, list(words), stdin, timeout_s or _COMMAND_S)

    def repeated(self, step: Step, *words: str, stdin: str | None = None) -> str:
        """As `run`, for what may be done twice: tried again a few times while the API server cannot answer."""
        return self._repeated(step, list(words), stdin=stdin)

    def _repeated(self, step: Step, words: list[str], stdin: str | None = None) -> str:
        for wait_s in _AGAIN_AFTER_S:
            try:
                return self._once(step, words, stdin, _COMMAND_S)
            except ApiUnreachable as error:
                step.say(f"the API server did not answer, trying again: {str(error).splitlines()[0]}")
                step.wait(wait_s)
        return self._once(step, words, stdin, _COMMAND_S)

    def _once(self, step: Step, words: list[str], stdin: str | None, timeout_s: float) -> str:
        config = self._site.kubeconfig
        if not config.exists():
            raise NotYet("there is no kubeconfig yet: the cluster has not been made")
        bound_s = min(timeout_s, step.remaining_s)
        where: list[str | Path] = ["--kubeconfig", config, "--cache-dir", self._site.folder / "cache"]
        # drain, wait and rollout have bounds of their own; a watch that lasts is not a request that hangs.
        if words[0] not in ("wait", "rollout", "drain", "delete"):
            where += [f"--request-timeout={max(1, round(min(_REQUEST_S, bound_s)))}s"]
        ended = process.run(step, [self.tools.kubectl.path, *where, *words], stdin=stdin, timeout_s=bound_s)
        if ended.code == 0:
            return ended.stdout
        said = self._site.redactor.text(_ECHO.sub(r"\1 [hidden]\3", ended.stderr.strip()))[:_LONGEST_ERROR]
        if ended.code is None:
            raise ApiUnreachable(f"kubectl {words[0]} was not done after {bound_s:.0f} s: {said or 'it said nothing'}")
        raise meaning(said)(f"kubectl {words[0]}: {said or f'exit code {ended.code}'}")

    def _hide(self, thing: Object) -> None:
        if thing.get("kind") == "Secret":
            for value in [*thing.get("data", {}).values(), *thing.get("stringData", {}).values()]:
                if len(value.strip()) >= SHORTEST_SECRET:
                    self._site.redactor.register(value)


def meaning(said: str) -> type[RunError]:
    """What kubectl's or helm's words mean."""
    return next((error for error, words in _MEANINGS if re.search(words, said)), ApiSaid)
