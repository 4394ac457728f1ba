"""What a pod may do in AWS, by the role of the node it runs on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.provisioning.terraform.workspace import Workspace

INLINE_LIMIT = 10_240
"""Characters that the inline policies of one role may have together, without white space (IAM quotas)."""

READS = ("Describe", "List", "Get")
WITHOUT_RESOURCES = {  # AWS knows no resource for these: https://docs.aws.amazon.com/service-authorization/
    "ec2messages:AcknowledgeMessage",
    "ec2messages:DeleteMessage",
    "ec2messages:FailMessage",
    "ec2messages:SendReply",
    "ssm:UpdateAssociationStatus",
    "ssm:UpdateInstanceAssociationStatus",
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
}

Rights = dict[str, list[dict[str, Any]]]


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


@pytest.fixture(scope="module")
def rights(built: Workspace) -> Rights:
    """Role of nodes -> the statements of all its policies."""
    roles = {arn.rsplit("/")[-1]: role for role, arn in built.outputs()["roles"].items()}
    found: Rights = {role: [] for role in roles.values()}
    for policy in built.account("aws_iam_role_policy"):
        found[roles[policy["role"]]] += json.loads(policy["policy"])["Statement"]
    return found


def actions(rights: Rights, role: str) -> set[str]:
    return {action for statement in rights[role] for action in listed(statement["Action"])}


def test_nobody_may_everything(rights: Rights) -> None:
    for statements in rights.values():
        for statement in statements:
            assert statement["Effect"] == "Allow"
            assert not any("*" in action for action in listed(statement["Action"]))


def test_what_changes_something_names_what_it_may_change(rights: Rights) -> None:
    for statements in rights.values():
        for statement in statements:
            if "*" in listed(statement["Resource"]):
                changing = [each for each in listed(statement["Action"]) if not each.split(":")[1].startswith(READS)]
                assert set(changing) <= WITHOUT_RESOURCES, statement["Sid"]


def test_volumes_and_load_balancers_of_others_are_out_of_reach(rights: Rights) -> None:
    own = {
        "ec2": ("kubernetes.io/cluster/eco2", "owned"),
        "elasticloadbalancing": ("elbv2.k8s.aws/cluster", "eco2"),
    }
    seen = 0
    for statement in [each for statements in rights.values() for each in statements]:
        service = listed(statement["Action"])[0].split(":")[0]
        if service not in own or "*" in listed(statement["Resource"]) or statement["Action"] == "ec2:CreateTags":
            continue
        seen += 1
        [(key, value)] = statement["Condition"]["StringEquals"].items()
        assert (key.split("/", 1)[1], value) == own[service], statement["Sid"]
        assert key.split("/")[0] in ("aws:ResourceTag", "aws:RequestTag")
    assert seen >= 7


def test_a_volume_can_be_made_where_the_ebs_drivers_controller_runs(rights: Rights) -> None:
    wanted = {"ec2:CreateVolume", "ec2:AttachVolume", "ec2:DetachVolume", "ec2:DeleteVolume", "ec2:CreateTags"}
    assert wanted <= actions(rights, "api")
    for role in {"worker", "infrastructure", "control-plane"}:
        assert not wanted & actions(rights, role)


def test_a_load_balancer_can_be_made_where_its_controller_runs(rights: Rights) -> None:
    wanted = {"elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:RegisterTargets"}
    assert wanted <= actions(rights, "api")
    for role in {"worker", "infrastructure", "control-plane"}:
        assert not wanted & actions(rights, role)


def test_the_cloud_controller_sees_nodes_from_the_control_plane(rights: Rights) -> None:
    assert {"ec2:DescribeInstances", "ec2:DescribeRegions", "ec2:DescribeInstanceTopology"} <= actions(
        rights, "control-plane"
    )


def test_session_manager_reaches_every_node(rights: Rights) -> None:
    wanted = {"ssm:UpdateInstanceInformation", "ssmmessages:CreateControlChannel", "ssmmessages:OpenDataChannel"}
    assert all(wanted <= actions(rights, role) for role in rights)


def test_a_node_reads_its_own_host_key_and_no_other_parameter(rights: Rights) -> None:
    for statements in rights.values():
        reading = [each for each in statements if any("Parameter" in action for action in listed(each["Action"]))]
        [statement] = reading
        assert statement["Resource"].endswith(":parameter/eco2/host-keys/*")
        assert statement["Condition"] == {"StringEquals": {"aws:ResourceTag/Instance": "${ec2:SourceInstanceARN}"}}


def test_pictures_are_for_the_nodes_of_scans_and_workers(rights: Rights) -> None:
    for role in rights:
        assert ("s3:GetObject" in actions(rights, role)) == (role in {"api", "worker"})


def test_who_takes_over_a_node_can_neither_read_nor_delete_a_backup(rights: Rights) -> None:
    prefixes = set()
    for role, statements in rights.items():
        for statement in statements:
            for resource in listed(statement["Resource"]):
                if ":eco2-backups-" in resource:
                    assert set(listed(statement["Action"])) == {"s3:PutObject", "s3:AbortMultipartUpload"}
                    prefixes.add((role, resource.split("/", 1)[1]))
    assert prefixes == {
        ("control-plane", "etcd/*"),
        ("infrastructure", "postgresql/*"),
        ("infrastructure", "redis/*"),
    }


def test_the_policies_of_a_role_are_no_longer_than_iam_takes(rights: Rights, built: Workspace) -> None:
    sizes: dict[str, int] = {}
    for policy in built.account("aws_iam_role_policy"):
        sizes[policy["role"]] = sizes.get(policy["role"], 0) + len(policy["policy"])
    assert len(sizes) == len(rights)
    assert max(sizes.values()) <= INLINE_LIMIT


def test_rights_move_with_the_pod(workspace: Workspace) -> None:
    def to_the_control_plane(cluster: dict[str, Any]) -> None:
        driver = cluster["releases"]["aws-ebs-csi-driver"]["pods"]["ebs-csi-controller"]
        driver["nodes"] = {"workload": "control-plane"}

    workspace.edit(to_the_control_plane)
    made = workspace.changes()
    assert 'aws_iam_role_policy.node["control-plane/ebs-csi"]' in made
    assert 'aws_iam_role_policy.node["api/ebs-csi"]' not in made


def test_metrics_go_to_the_bucket_and_come_from_it_only_where_the_file_has_thanos(workspace: Workspace) -> None:
    def with_thanos(cluster: dict[str, Any]) -> None:
        cluster["releases"]["monitoring"]["pods"]["thanos-store"] = {
            "nodes": {"domain": "monitoring"},
            "replicas": 1,
            "requests": {"cpu": "80m", "memory": "256Mi"},
        }

    assert 'aws_iam_role_policy.node["infrastructure/thanos"]' not in workspace.changes()
    workspace.edit(with_thanos)
    planned = {change["address"]: change["change"] for change in workspace.plan()["resource_changes"]}
    [thanos] = [address for address in planned if address.endswith('/thanos"]')]
    assert thanos == 'aws_iam_role_policy.node["infrastructure/thanos"]'
    policy = json.loads(planned[thanos]["after"]["policy"])
    objects, names = policy["Statement"]
    assert all(":eco2-backups-" in each and each.endswith("/thanos/*") for each in listed(objects["Resource"]))
    assert set(objects["Action"]) == {"s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"}
    # The question whether an object is there names no prefix, so a condition on it would say "forbidden".
    assert (names["Action"], "Condition" in names) == ("s3:ListBucket", False)
