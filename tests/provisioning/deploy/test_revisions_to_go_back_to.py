"""Which revision "back" means, of histories as Helm tells them."""

from typing import Any

import pytest

from provisioning.deploy.errors import NoRevision
from provisioning.deploy.history import schema_note, target
from provisioning.kubernetes.states import Revision, description, revisions


def history(*entries: tuple[str, str]) -> list[Revision]:
    """(status, description), the oldest first."""
    told: list[dict[str, Any]] = [
        {"revision": number, "status": status, "chart": "api-0.1.0", "updated": "2026-11-23", "description": said}
        for number, (status, said) in enumerate(entries, 1)
    ]
    return revisions(told)


def ours(tag: str) -> str:
    return description("0" * 64, tag)


def test_back_is_what_ran_before() -> None:
    found = history(("superseded", ours("1.0.0")), ("superseded", ours("1.1.0")), ("deployed", ours("1.2.0")))
    assert (target("waste", found, None).number, target("waste", found, None).tag) == (2, "1.1.0")


def test_back_after_a_rollback_goes_further_back_and_never_forward_again() -> None:
    found = history(
        ("superseded", ours("1.0.0")),
        ("superseded", ours("1.1.0")),
        ("superseded", ours("1.2.0")),
        ("deployed", "Rollback to 2"),
    )
    assert target("waste", found, None).number == 1
    assert found[-1].tag == "1.1.0"


def test_back_from_a_revision_that_failed_is_to_the_last_that_was_whole() -> None:
    found = history(("superseded", ours("1.0.0")), ("deployed", ours("1.1.0")), ("failed", ours("1.2.0")))
    assert target("waste", found, None).number == 2


def test_a_rollback_that_was_cut_off_is_gone_on_with() -> None:
    found = history(("superseded", ours("1.0.0")), ("deployed", ours("1.1.0")), ("pending-rollback", "Rollback to 1"))
    assert target("waste", found, None).number == 1


@pytest.mark.parametrize("to", [3, 9])
def test_a_revision_that_failed_or_never_was_is_refused(to: int) -> None:
    found = history(("superseded", ours("1.0.0")), ("deployed", ours("1.1.0")), ("failed", ours("1.2.0")))
    with pytest.raises(NoRevision, match="there are 1, 2"):
        target("waste", found, to)


def test_before_the_first_there_is_nothing() -> None:
    with pytest.raises(NoRevision):
        target("waste", history(("deployed", ours("1.0.0"))), None)
    with pytest.raises(NoRevision):
        target("waste", [], None)


def test_the_schema_of_a_newer_version_stays_and_that_is_said() -> None:
    # The database itself was rolled back: what was migrated once stays migrated.
    database = history(("superseded", ours("1.9.0")), ("superseded", ours("1.10.0")), ("deployed", "Rollback to 1"))
    assert "1.10.0" in (schema_note("waste", "1.9.0", database) or "")
    assert schema_note("waste", "1.10.0", database) is None
    assert schema_note("waste", "1.11.0", database) is None
    assert schema_note("monitoring", None, database) is None
