"""The fear: something is removed that nobody has agreed to, or that was not in the list."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioning.cluster import Cluster
from provisioning.run import ExitCode
from provisioning.site import Site
from provisioning.teardown import DestroyOptions
from tests.doubles.aws import AwsAccount, Call
from tests.doubles.aws.seeds import seed_cluster
from tests.doubles.aws.tags import listed, terraform_tags
from tests.provisioning.teardown.calling import BRIEFLY_S, Teardown


@pytest.fixture
def changes(account: AwsAccount, cluster: Cluster) -> int:
    """How many calls changed something when the cluster stood."""
    seed_cluster(account, cluster)
    return len(account.changes())


def test_the_plan_lists_everything_and_touches_nothing(
    account: AwsAccount, cluster: Cluster, changes: int, site: Site, teardown: Teardown
) -> None:
    ended = teardown(DestroyOptions(plan=True))

    assert ended.code is ExitCode.PLAN_HAS_CHANGES
    assert len(account.changes()) == changes
    assert not (site.folder / "receipts").exists()
    for node in cluster.nodes:
        assert f"terminate instance {node.name}" in ended.out
    assert "empty and delete bucket" in ended.out
    assert "2 objects, 7 versions and markers, 66 bytes" in ended.out


def test_the_plan_in_json_says_of_each_action_that_it_destroys(changes: int, teardown: Teardown) -> None:
    plan = teardown(DestroyOptions(plan=True, json=True)).json

    actions = [action for step in plan["steps"] for action in step["actions"]]
    assert plan["exit_code"] == 2
    assert {action["id"] for action in actions if not action["destructive"]} == {"write-down", "receipt"}


@pytest.mark.parametrize("given", ["", "smal", "Small", "small-staging", "yes"])
def test_a_wrong_name_given_beforehand_is_refused_before_anything_is_looked_at(
    account: AwsAccount, teardown: Teardown, given: str
) -> None:
    ended = teardown(DestroyOptions(yes=given))

    assert ended.code is ExitCode.NOT_AGREED
    assert "E-NOT-AGREED" in ended.err
    assert account.calls == []


def test_a_wrong_name_that_is_typed_is_refused(account: AwsAccount, changes: int, teardown: Teardown) -> None:
    for typed in ("", "y", "smal"):
        assert teardown(typed=[typed]).code is ExitCode.NOT_AGREED
    assert len(account.changes()) == changes


def test_the_list_comes_before_the_question_and_the_name_agrees(changes: int, teardown: Teardown) -> None:
    ended = teardown(typed=["small"])

    assert ended.code is ExitCode.DONE
    assert "terminate instance master" in ended.out
    assert ended.err.count("type the cluster's name") == 1


def test_without_a_terminal_and_without_the_name_it_is_refused(account: AwsAccount, teardown: Teardown) -> None:
    ended = teardown(DestroyOptions(yes=None))

    assert ended.code is ExitCode.NOT_AGREED
    assert "--yes small" in ended.err
    assert account.calls == []


def test_a_cluster_of_prod_asks_twice_and_first_with_the_account(
    account: AwsAccount, cluster: Cluster, site: Site, changes: int, teardown: Teardown
) -> None:
    prod = Site.of(cluster.model_copy(update={"environment": "prod"}), site.cluster_file)

    once = teardown(at=prod, typed=["no"])
    assert once.code is ExitCode.NOT_AGREED
    assert "123456789012" in once.err
    assert "terminate instance" not in once.out
    assert teardown(at=prod, typed=["small", "no"]).code is ExitCode.NOT_AGREED
    assert len(account.changes()) == changes

    assert teardown(at=prod, typed=["small", "small"]).code is ExitCode.DONE


def test_what_appears_after_the_list_is_not_removed_with_it(
    account: AwsAccount, cluster: Cluster, changes: int, teardown: Teardown
) -> None:
    made: list[str] = []

    def hear(call: Call) -> None:
        if call.name == "ec2:DeleteSecurityGroup" and not made:
            made.append("")
            allocated = account.client("ec2").allocate_address(Domain="vpc")
            made[0] = allocated["AllocationId"]
            account.client("ec2").create_tags(Resources=made, Tags=listed(terraform_tags(cluster)))

    account.hear(hear)
    ended = teardown(longest_s=BRIEFLY_S)

    assert ended.code is ExitCode.CLOUD
    assert set(ended.left) == {"elastic IP"}
    assert account.client("ec2").describe_addresses(AllocationIds=made)["Addresses"]


def test_two_teardowns_at_once_are_one(account: AwsAccount, changes: int, site: Site, teardown: Teardown) -> None:
    from provisioning.run.lock import locked
    from provisioning.run.runs import Runs

    with locked(Runs(site.folder).lock, "small"):
        ended = teardown()

    assert ended.code is ExitCode.LOCKED
    assert len(account.changes()) == changes


def test_no_secret_of_the_account_is_in_what_it_says_or_keeps(
    account: AwsAccount, changes: int, site: Site, teardown: Teardown, tmp_path: Path
) -> None:
    ended = teardown()

    said = ended.out + ended.err + "".join(path.read_text() for path in site.folder.rglob("*.json*"))
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"):
        assert account.environment()[name] not in said
    assert all(path.stat().st_mode & 0o077 == 0 for path in (site.folder / "receipts").iterdir())
