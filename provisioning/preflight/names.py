"""Checks of names that may be taken: by others, or by what an earlier cluster left behind."""

from __future__ import annotations

from collections.abc import Iterator

from provisioning.aws.buckets import Owner, buckets
from provisioning.preflight.check import Context, Finding, NotMade, error, warning

_DESTROY = "./inv destroy --plan shows all that is left over, ./inv destroy removes it"


def bucket_names(context: Context) -> Iterator[Finding]:
    known = context.known_to_terraform("aws_s3_bucket", "bucket")
    for bucket in buckets(context.account, context.cluster):
        if bucket.name in known or bucket.owner is Owner.NOBODY:
            continue
        if bucket.owner is Owner.CLUSTER:
            if context.terraform.elsewhere:
                # That state knows it, most likely; where it does not, Terraform's plan says that it is taken over.
                continue
            yield warning(
                f"the bucket {bucket.name} stands, and Terraform's state does not know it",
                "The state was lost. The bucket is taken over with all that it holds.",
                f"Nothing, if that is wanted; otherwise {_DESTROY}",
            )
        elif bucket.owner is Owner.ACCOUNT:
            adopt = f'export TF_VAR_adopt_buckets=\'{{"{bucket.key}": "{bucket.name}"}}\''
            yield error(
                f"the bucket {bucket.name} stands and does not carry this cluster's tag",
                "The rebuild would stop with BucketAlreadyOwnedByYou.",
                f"Another buckets.{bucket.key}.name in the cluster file; or, to take it over: {adopt}",
            )
        else:
            yield error(
                f"the bucket {bucket.name} belongs to another account, or you may not see it",
                "The rebuild would stop with BucketAlreadyExists.",
                f"Choose another buckets.{bucket.key}.name in the cluster file",
            )


def left_over(context: Context) -> Iterator[Finding]:
    """Their names are unique in each life of a cluster, so they stop nothing; but they cost, and may do things.

    Raises `NotMade` where the state lies elsewhere, and with it what is known of them.
    """
    if context.terraform.elsewhere:
        raise NotMade("Terraform's state lies elsewhere; ./inv destroy --plan shows all that stands")
    account, name = context.account, context.cluster.name
    found = {
        "IAM roles": (
            {each["RoleName"] for each in account.every("iam", "ListRoles", "Roles", PathPrefix=f"/{name}/")},
            context.known_to_terraform("aws_iam_role", "name"),
        ),
        "instance profiles": (
            {
                each["InstanceProfileName"]
                for each in account.every("iam", "ListInstanceProfiles", "InstanceProfiles", PathPrefix=f"/{name}/")
            },
            context.known_to_terraform("aws_iam_instance_profile", "name"),
        ),
        "key pairs": (
            {
                each["KeyName"]
                for each in account.every("ec2", "DescribeKeyPairs", "KeyPairs")
                if context.is_ours(each.get("Tags"))
            },
            context.known_to_terraform("aws_key_pair", "key_name"),
        ),
        "VPCs": (
            {vpc["VpcId"] for vpc in context.vpcs if context.is_ours(vpc.get("Tags"))},
            context.known_to_terraform("aws_vpc", "id"),
        ),
    }
    for kind, (standing, known) in found.items():
        if orphans := sorted(standing - known):
            yield warning(
                f"{kind} that Terraform's state does not know: {', '.join(orphans)}",
                "An earlier cluster of this name left them: its state was lost. They stay beside the new one.",
                _DESTROY,
            )
