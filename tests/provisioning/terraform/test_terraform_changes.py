"""Mistakes, faults half way, lost states, and changes of a cluster that runs."""

from __future__ import annotations

from typing import Any

import pytest

from provisioning.terraform.host_keys import HostKeys, ensure
from tests.provisioning.terraform.workspace import Make, Workspace

pytestmark = pytest.mark.long


def node(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "role": "worker",
        "type": "t3a.large",
        "disk_gb": 40,
        "zone": "ap-northeast-2c",
        "labels": {"workload": "worker"},
        "taints": [],
    }


def test_without_a_domain_nothing_of_it_is_made(workspace: Workspace) -> None:
    workspace.edit(lambda cluster: cluster["domain"].update(name=None))
    applied = workspace.apply()
    assert applied.code == 0, applied.said
    assert not {"aws_acm_certificate", "aws_acm_certificate_validation"} & workspace.kinds()
    assert all(record["name"].endswith(".eco2.internal") for record in workspace.account("aws_route53_record"))
    told = workspace.outputs()
    assert told["domain"] == {"name": None, "hosted_zone_id": None, "certificate_arn": None}
    assert told["cdn"]["url"].endswith(".cloudfront.net")
    assert workspace.changes() == {}


@pytest.mark.parametrize("allow_list", ["ssh", "api"])
def test_an_allow_list_that_names_the_world_is_refused(workspace: Workspace, allow_list: str) -> None:
    workspace.edit(lambda cluster: cluster["access"].update({f"{allow_list}_from": ["0.0.0.0/0"]}))
    planned = workspace.run("plan", "-no-color")
    assert planned.code == 1
    assert f"access.{allow_list}_from: 0.0.0.0/0 is wider than a /8" in planned.said
    workspace.edit(lambda cluster: cluster["access"].update(anywhere=[allow_list]))
    assert workspace.run("plan", "-no-color").code == 0


def test_a_quota_that_is_too_small_stops_the_plan_before_anything_is_made(workspace: Workspace) -> None:
    quota = {"match": {"quota_code": "L-1216C47A"}, "set": {"value": 16}}
    workspace.faults = {"data": {"aws_servicequotas_service_quota": [quota]}}
    applied = workspace.apply()
    assert applied.code == 1
    assert "needs 26 vCPUs, and this account may run 16 in ap-northeast-2" in applied.said
    assert workspace.account() == []


def test_a_type_that_a_zone_does_not_have_stops_the_plan_before_anything_is_made(workspace: Workspace) -> None:
    missing = {"set": {"locations": ["ap-northeast-2a"]}}
    workspace.faults = {"data": {"aws_ec2_instance_type_offerings": [missing]}}
    applied = workspace.apply()
    assert applied.code == 1
    assert "AWS offers no t3a.large in ap-northeast-2c" in applied.said
    assert workspace.account() == []


def test_a_node_without_a_host_key_is_not_made(workspace: Workspace) -> None:
    workspace.keys = HostKeys(
        {name: key for name, key in workspace.keys.public.items() if name != "k8s-redis"}, workspace.keys.private
    )
    applied = workspace.apply()
    assert applied.code == 1
    assert "This node has no host key" in applied.said
    assert workspace.account() == []


def test_an_apply_that_broke_half_way_goes_on(workspace: Workspace) -> None:
    broken = {"type": "aws_instance", "nth": [5, 9], "error": "InsufficientInstanceCapacity"}
    slow = {"type": "aws_iam_role_policy", "nth": 3, "taint": True, "error": "RequestLimitExceeded"}
    workspace.faults = {"faults": [broken, slow]}
    assert workspace.apply().code == 1
    stood = {instance["id"] for instance in workspace.account("aws_instance")}
    again = workspace.apply()
    for _ in range(3):  # the machines wait for the roles' policies: the second fault can come one apply later
        if again.code == 0:
            break
        again = workspace.apply()
    assert again.code == 0, again.said
    instances = {instance["id"] for instance in workspace.account("aws_instance")}
    assert len(instances) == 13
    assert stood <= instances
    assert workspace.changes() == {}


def test_a_lost_state_is_in_nobodys_way(standing: Workspace, make: Make) -> None:
    """What is left of a cluster whose state is gone: names in use, buckets full of photos."""
    buckets = standing.outputs()["buckets"]
    fresh = make("fresh", world=standing.world)

    refused = fresh.apply()
    assert refused.code == 1
    assert "BucketAlreadyOwnedByYou" in refused.said
    for name in ["EntityAlreadyExists", "InvalidKeyPair.Duplicate", "InvalidGroup.Duplicate", "ParameterAlreadyExists"]:
        assert name not in refused.said

    # The old cluster's CDN still holds the name of the domain's pictures; a teardown takes it by its tag.
    fresh.edit(lambda cluster: cluster["domain"].update(name=None))
    applied = fresh.apply(adopt_buckets=buckets)
    assert applied.code == 0, applied.said
    assert fresh.outputs()["buckets"] == buckets
    assert fresh.changes() == {}


def test_a_destroy_deletes_no_photo_and_no_backup_unless_told(standing: Workspace) -> None:
    assert [bucket["force_destroy"] for bucket in standing.account("aws_s3_bucket")] == [False, False]
    assert standing.changes(destroy_data=["images"]) == {
        'module.bucket["images"].aws_s3_bucket.this': ["update"],
    }


def test_a_newer_image_replaces_no_machine_that_runs(standing: Workspace) -> None:
    standing.faults = {"data": {"aws_ami": [{"set": {"id": "ami-0fedcba9876543210"}}]}}
    assert standing.changes() == {}
    replaced = standing.run("plan", "-no-color", "-out=plan", '-replace=module.node["k8s-redis"].aws_instance.this')
    # The machine and its host key's parameter; its record in the private zone changes.
    assert "Plan: 2 to add, 1 to change, 2 to destroy" in replaced.said


def test_another_operators_key_replaces_no_machine_that_runs(standing: Workspace) -> None:
    other = standing.keys.public["k8s-redis"]
    assert standing.changes(ssh_public_key=other) == {"aws_key_pair.operator": ["create", "delete"]}


def test_a_stopped_machine_is_not_replaced(standing: Workspace) -> None:
    def stop(machine: dict[str, Any]) -> None:
        machine.update(instance_state="stopped", associate_public_ip_address=False, public_ip="", public_dns="")

    standing.change_account("aws_instance", stop)
    assert standing.changes() == {}


def test_another_node_touches_none_that_runs(standing: Workspace) -> None:
    standing.edit(lambda cluster: cluster["nodes"].append(node("k8s-worker-more")))
    assert standing.changes() == {
        'aws_route53_record.node["k8s-worker-more"]': ["create"],
        'module.node["k8s-worker-more"].aws_instance.this': ["create"],
        'module.node["k8s-worker-more"].aws_ssm_parameter.host_key': ["create"],
    }
    standing.edit(lambda cluster: cluster["nodes"].pop())
    standing.edit(lambda cluster: cluster["nodes"].remove(cluster["nodes"][-1]))
    assert standing.changes() == {
        'aws_route53_record.node["k8s-monitoring"]': ["delete"],
        'module.node["k8s-monitoring"].aws_instance.this': ["delete"],
        'module.node["k8s-monitoring"].aws_ssm_parameter.host_key': ["delete"],
    }


def test_a_new_host_key_reaches_its_parameter_and_replaces_no_machine(standing: Workspace) -> None:
    folder = standing.folder.parent / "keys"
    (folder / "k8s-redis").unlink()
    standing.keys = ensure(folder, standing.keys.public)
    assert standing.changes() == {'module.node["k8s-redis"].aws_ssm_parameter.host_key': ["update"]}


def test_a_destroy_that_broke_half_way_goes_on_and_leaves_nothing(standing: Workspace) -> None:
    held = {"type": "aws_subnet", "op": "delete", "times": 1, "error": "DependencyViolation"}
    standing.faults = {"faults": [held]}
    assert standing.destroy().code == 1
    again = standing.destroy()
    assert again.code == 0, again.said
    assert standing.account() == []
