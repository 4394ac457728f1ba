"""A living cluster and an AWS account for each test that asks for them; golden files for the scripts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.aws import AwsAccount
from tests.doubles.charts import ChartRepository
from tests.doubles.hosts import Unavailable
from tests.provisioning.operations.living import Rig, Wanted, living

HERE = Path(__file__).parent

Lives = Callable[..., Rig]


@pytest.fixture
def lives(tmp_path: Path) -> Iterator[Lives]:
    """Makes a living cluster; what was run on its machines and should not have been fails the test."""
    with ExitStack() as stack:
        rigs: list[Rig] = []

        def make(wanted: Wanted | None = None, **world: Any) -> Rig:
            made: AbstractContextManager[Rig] = living(tmp_path, wanted or Wanted(), **world)
            try:
                rigs.append(stack.enter_context(made))
            except Unavailable as error:
                pytest.skip(f"no machines can be doubled here: {error}")
            return rigs[-1]

        yield make
        for rig in rigs:
            assert rig.world.violations == []


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsAccount]:
    """An account with the bucket of backups, where the product's own clients go."""
    with AwsAccount() as account:
        for name, value in account.environment().items():
            monkeypatch.setenv(name, value)
        yield account


@pytest.fixture
def charts(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChartRepository]:
    """The charts of the cluster's components, from a mirror."""
    with ChartRepository() as repository:
        for name, value in repository.mirror_environment().items():
            monkeypatch.setenv(name, value)
        yield repository


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compares a text with a file under ``golden/``; UPDATE_GOLDEN=1 writes the file instead."""

    def compare(name: str, text: str) -> None:
        path = HERE / "golden" / name
        if os.environ.get("UPDATE_GOLDEN"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), f"{name} changed; if that is meant, run with UPDATE_GOLDEN=1"

    return compare


def bucket(account: AwsAccount, rig: Rig) -> str:
    """The bucket of backups as Terraform makes it."""
    name = rig.site.outputs().buckets["backups"]
    account.client("s3").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": rig.site.cluster.region}
    )
    return name
