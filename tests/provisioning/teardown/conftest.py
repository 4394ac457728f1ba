"""An account for each test, a small cluster in it, and the teardown as people call it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from provisioning.cluster import Cluster, load
from provisioning.site import Site
from provisioning.teardown import DestroyOptions, destroy
from provisioning.teardown.command import NameTyped
from provisioning.teardown.inventory import newest_receipt
from tests.doubles.aws import AwsAccount
from tests.provisioning.teardown.calling import LONGEST_S, SMALL, Ended, Teardown


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(LONGEST_S))


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
        asked = replace(options or DestroyOptions(yes=None if typed is not None else name), longest_s=longest_s)
        out, err = io.StringIO(), io.StringIO()
        answers = iter(typed or [])

        def answer(question: str) -> str:
            err.write(question + "\n")
            return next(answers)

        screen = NameTyped(name, asked.yes, stdout=out, stderr=err, ask=None if typed is None else answer)
        code = destroy(at, asked, screen=screen)
        return Ended(code, out.getvalue(), err.getvalue(), newest_receipt(at.folder / "receipts"))

    return called
