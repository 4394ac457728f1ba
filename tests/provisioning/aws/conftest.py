"""An account behind the standard variables, and nothing of the caller's own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from provisioning.aws import Account
from tests.doubles.aws import AwsAccount


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsAccount]:
    with AwsAccount() as running:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def account(aws: AwsAccount) -> Account:
    return Account(aws.region)
