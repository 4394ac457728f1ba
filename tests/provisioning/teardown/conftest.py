"""An account for each test, a small cluster in it, and the teardown as people call it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from provisioning.cluster import Cluster, load
from provisioning.run import ExitCode
from provisioning.site import Site
from provisioning.teardown import DestroyOptions, destroy
from provisioning.teardown.command import NameTyped
from provisioning.teardown.inventory import newest_receipt
from tests.doubles.aws import AwsAccount

SMALL = Path(__file__).parents[1] / "cluster" / "small.yaml"
# For tests of what does not go: so long each kind is waited for.
BRIEFLY_S = 0.1


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsAccount]:
    with AwsAccount(settle_s=0.1) as made:
        for name, value in made.environment().items():
            monkeypatch.setenv(name, value)
        yield made


@pytest.fixture
def cluster() -> Cluster:
    return load(SMALL)


@pytest.fixture
def site(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("ECO2_CLUSTERS", str(tmp_path / "clusters"))
    return Site.of(cluster, SMALL)


@dataclass(frozen=True)
class Ended:
    """How a teardown ended: its exit code, what it said, and its receipt where it wrote one."""

    code: ExitCode
    out: str
    err: str
    receipt: dict[str, Any] | None

    @property
    def left(self) -> dict[str, str]:
        """What is left: kind -> why."""
        assert self.receipt is not None
        return {each["kind"]: each["reason"] for each in self.receipt["left"]}

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Teardown = Callable[..., Ended]


@pytest.fixture
def teardown(site: Site, account: AwsAccount) -> Teardown:
    """Calls it; with ``typed`` a person types these answers, one after the other, and nothing is given beforehand."""

    def called(
        options: DestroyOptions | None = None,
        *,
        at: Site = site,
        typed: list[str] | None = None,
        longest_s: float | None = None,
    ) -> Ended:
        name = at.cluster.name
        asked = options or DestroyOptions(yes=None if typed is not None else name)
        asked = replace(asked, longest_s=longest_s)
        out, err = io.StringIO(), io.StringIO()
        answers = iter(typed or [])
        screen = NameTyped(
            name,
            asked.yes,
            stdout=out,
            stderr=err,
            ask=None if typed is None else lambda question: (err.write(question + "\n"), next(answers))[1],
        )
        code = destroy(at, asked, screen=screen)
        return Ended(code, out.getvalue(), err.getvalue(), newest_receipt(at.folder / "receipts"))

    return called
