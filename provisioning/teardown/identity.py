"""What the machines were: roles and instance profiles, and the parameters that brought their host keys."""

from __future__ import annotations

from provisioning.run import Step
from provisioning.teardown.things import Cloud, Kind, Thing, tags_of


class InstanceProfiles(Kind):
    """Under the path that Terraform gives them (iam.tf), and with the cluster's tag."""

    name = "instance profile"

    def find(self, cloud: Cloud) -> list[Thing]:
        found = []
        for each in cloud.account.every("iam", "ListInstanceProfiles", "InstanceProfiles", PathPrefix=path(cloud)):
            name = each["InstanceProfileName"]
            # The list says nothing of tags.
            answer = cloud.account.ask("iam", "GetInstanceProfile", InstanceProfileName=name)
            why = cloud.why(tags_of(answer["InstanceProfile"].get("Tags")))
            if why is not None:
                found.append(self.thing(name, name, why, each))
        return found

    def remove(self, cloud: Cloud, step: Step, thing: Thing) -> None:
        answer = cloud.account.ask("iam", "GetInstanceProfile", InstanceProfileName=thing.id)
        for role in answer["InstanceProfile"]["Roles"]:
            cloud.account.ask(
                "iam", "RemoveRoleFromInstanceProfile", InstanceProfileName=thing.id, RoleName=role["RoleName"]
            )
        cloud.account.ask("iam", "DeleteInstanceProfile", InstanceProfileName=thing.id)


class Roles(Kind):
    """The same. Their inline policies go with them; managed ones are detached and stay, since they are others'."""

    name = "role"

    def find(self, cloud: Cloud) -> list[Thing]:
        found = []
        for each in cloud.account.every("iam", "ListRoles", "Roles", PathPrefix=path(cloud)):
            name = each["RoleName"]
            why = cloud.why(tags_of(cloud.account.ask("iam", "ListRoleTags", RoleName=name)["Tags"]))
            if why is not None:
                found.append(self.thing(name, name, why))
        return found

    def remove(self, cloud: Cloud, step: Step, thing: Thing) -> None:
        account = cloud.account
        for each in account.every("iam", "ListAttachedRolePolicies", "AttachedPolicies", RoleName=thing.id):
            account.ask("iam", "DetachRolePolicy", RoleName=thing.id, PolicyArn=each["PolicyArn"])
        for name in account.every("iam", "ListRolePolicies", "PolicyNames", RoleName=thing.id):
            account.ask("iam", "DeleteRolePolicy", RoleName=thing.id, PolicyName=name)
        account.ask("iam", "DeleteRole", RoleName=thing.id)

    def blockers(self, cloud: Cloud, thing: Thing) -> list[str]:
        profiles = cloud.account.every("iam", "ListInstanceProfilesForRole", "InstanceProfiles", RoleName=thing.id)
        return [f"instance profile {each['InstanceProfileName']} holds it" for each in profiles]


class Parameters(Kind):
    name = "parameter"

    def find(self, cloud: Cloud) -> list[Thing]:
        filters = [
            {"Key": "Path", "Option": "Recursive", "Values": [f"/{cloud.cluster.name}"]},
            {"Key": f"tag:{cloud.tag}", "Values": ["owned"]},
        ]
        found = []
        for each in cloud.account.every("ssm", "DescribeParameters", "Parameters", ParameterFilters=filters):
            answer = cloud.account.ask("ssm", "ListTagsForResource", ResourceType="Parameter", ResourceId=each["Name"])
            tags = tags_of(answer["TagList"])
            why = cloud.why(tags)
            if why is not None:
                found.append(self.thing(each["Name"], tags.get("Name", ""), why))
        return found

    def remove(self, cloud: Cloud, step: Step, thing: Thing) -> None:
        cloud.account.ask("ssm", "DeleteParameter", Name=thing.id)


def path(cloud: Cloud) -> str:
    return f"/{cloud.cluster.name}/"
