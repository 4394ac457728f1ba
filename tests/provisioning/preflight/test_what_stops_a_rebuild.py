"""Each thing that would stop a rebuild half way is found before it begins, by its number, and nothing else with it."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioning.aws import Account
from provisioning.kubernetes.release_table import image_tag
from provisioning.preflight.report import Status
from provisioning.terraform.runner import CONFIGURATION
from tests.doubles.aws.answers import Refusal
from tests.doubles.terraform import TerraformDouble
from tests.provisioning.phases.clouds import changed
from tests.provisioning.preflight.conftest import Ready


def tags(ready: Ready, name: str | None = None) -> list[dict[str, str]]:
    return [{"Key": f"kubernetes.io/cluster/{name or ready.site.cluster.name}", "Value": "owned"}]


def test_1_an_example_address_is_left_in_the_file(ready: Ready) -> None:
    access = ready.site.cluster.access.model_dump(mode="json") | {"ssh_from": ["203.0.113.10/32"]}
    ready.site = changed(ready.site, access=access)
    assert ready.errors(1) == ["access.ssh_from[0] is still the example of the cluster file"]


def test_2_credentials_that_have_ended(ready: Ready) -> None:
    ready.aws.faults.fail("sts:GetCallerIdentity", Refusal("ExpiredToken", "expired", 403), times=99)
    [said] = ready.errors(2)
    assert "ExpiredToken" in said


def test_3_a_region_that_is_not_enabled(ready: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Account.ask

    def disabled(self: Account, service: str, action: str, **arguments: Any) -> dict[str, Any]:
        if action == "DescribeRegions":
            return {"Regions": [{"RegionName": self.region, "OptInStatus": "not-opted-in"}]}
        return asked(self, service, action, **arguments)

    monkeypatch.setattr(Account, "ask", disabled)
    [said] = ready.errors(3)
    assert "not-opted-in" in said


def test_4_a_type_that_the_zone_does_not_have(ready: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    every = Account.every

    def fewer(self: Account, service: str, action: str, key: str, **arguments: Any) -> Any:
        for each in every(self, service, action, key, **arguments):
            if action != "DescribeInstanceTypeOfferings" or not each["Location"].endswith("c"):
                yield each

    monkeypatch.setattr(Account, "every", fewer)
    said = ready.errors(4)
    assert any("t3a.medium in ap-northeast-2c" in each for each in said)


def test_5_a_quota_that_is_too_small(ready: Ready) -> None:
    ready.aws.quotas.have(ready.site.cluster.region, "L-1216C47A", 16)
    [said] = ready.errors(5)
    assert "26 vCPUs" in said
    assert "16" in said
    assert ready.findings(5)[0].remedy.startswith("./inv quota.request")


def test_5_a_quota_that_others_use_up(ready: Ready) -> None:
    ready.aws.quotas.have(ready.site.cluster.region, "L-1216C47A", 32)
    ec2 = ready.aws.client("ec2")
    image = ec2.describe_images(Owners=["099720109477"])["Images"][0]["ImageId"]
    ec2.run_instances(ImageId=image, InstanceType="t3a.large", MinCount=4, MaxCount=4)
    [said] = ready.errors(5)
    assert "8 run beside it" in said


def test_6_a_request_that_is_under_way_is_told_and_stops_nothing(ready: Ready) -> None:
    ready.aws.client("service-quotas").request_service_quota_increase(
        ServiceCode="ec2", QuotaCode="L-1216C47A", DesiredValue=96
    )
    [said] = ready.warnings(6)
    assert "96" in said
    assert "PENDING" in said
    assert ready.errors(6) == []


def bucket(ready: Ready, key: str = "images") -> str:
    number = ready.aws.client("sts").get_caller_identity()["Account"]
    name = f"{getattr(ready.site.cluster.buckets, key).name}-{number}"
    s3 = ready.aws.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": ready.aws.region})
    return name


def test_7_a_bucket_of_the_same_name_for_something_else(ready: Ready) -> None:
    name = bucket(ready)
    [said] = ready.errors(7)
    assert name in said
    assert "adopt_buckets" in ready.findings(7)[0].remedy


def test_7_a_bucket_of_a_lost_state_is_told_and_will_be_adopted(ready: Ready) -> None:
    name = bucket(ready)
    ready.aws.client("s3").put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags(ready)})
    assert ready.errors(7) == []
    [said] = ready.warnings(7)
    assert name in said


def test_7_a_bucket_that_belongs_to_others(ready: Ready) -> None:
    ready.aws.faults.fail("s3:HeadBucket", "denied", times=1)
    [said] = ready.errors(7)
    assert "another account" in said


def test_8_what_a_lost_state_left_behind(ready: Ready) -> None:
    iam, ec2, name = ready.aws.client("iam"), ready.aws.client("ec2"), ready.site.cluster.name
    iam.create_role(RoleName=f"{name}-api-1", AssumeRolePolicyDocument="{}", Path=f"/{name}/")
    iam.create_role(RoleName="another-api-1", AssumeRolePolicyDocument="{}", Path="/another/")
    for owner in (name, "another"):
        specification = [{"ResourceType": "key-pair", "Tags": tags(ready, owner)}]
        ec2.create_key_pair(KeyName=f"{owner}-key", TagSpecifications=specification)
    said = "\n".join(ready.warnings(8))
    assert f"{name}-api-1" in said
    assert f"{name}-key" in said
    assert "another" not in said


def test_7_and_8_do_not_take_our_own_things_for_orphans_where_the_state_lies_in_s3(
    ready: Ready, tmp_path: Path
) -> None:
    tagged, untagged = bucket(ready), bucket(ready, "backups")
    ready.aws.client("s3").put_bucket_tagging(Bucket=tagged, Tagging={"TagSet": tags(ready)})
    name = ready.site.cluster.name
    ready.aws.client("iam").create_role(RoleName=f"{name}-api-1", AssumeRolePolicyDocument="{}", Path=f"/{name}/")
    ready.configuration = tmp_path / "configuration"
    ready.configuration.mkdir()
    shutil.copy(CONFIGURATION / "backend_override.tf.example", ready.configuration / "backend_override.tf")

    buckets, left_over = ready.report(7, 8).results

    [said] = [finding.what for finding in buckets.findings]
    assert untagged in said
    assert left_over.status is Status.SKIPPED
    assert "lies elsewhere" in left_over.skipped
    assert ready.report(8).ok


def test_9_an_image_that_is_not_there(ready: Ready) -> None:
    image = {"owner": "099720109477", "name": "ubuntu-of-tomorrow-*", "id": None}
    ready.site = changed(ready.site, machine_image=image)
    [said] = ready.errors(9)
    assert "ubuntu-of-tomorrow" in said


def test_9_an_image_that_is_larger_than_a_disk(ready: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    every = Account.every

    def larger(self: Account, service: str, action: str, key: str, **arguments: Any) -> Any:
        for each in every(self, service, action, key, **arguments):
            disks = {"BlockDeviceMappings": [{"Ebs": {"VolumeSize": 35}}]} if action == "DescribeImages" else {}
            yield each | disks

    monkeypatch.setattr(Account, "every", larger)
    said = ready.errors(9)
    assert len(said) == sum(node.disk_gb < 35 for node in ready.site.cluster.nodes)


def test_9_an_image_for_another_kind_of_machine(ready: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    every = Account.every

    def arm(self: Account, service: str, action: str, key: str, **arguments: Any) -> Any:
        for each in every(self, service, action, key, **arguments):
            yield each | ({"Architecture": "arm64"} if action == "DescribeImages" else {})

    monkeypatch.setattr(Account, "every", arm)
    assert all("arm64" in said for said in ready.errors(9))
    assert ready.errors(9)


def test_10_a_network_that_another_vpc_has_is_told_and_stops_nothing(ready: Ready) -> None:
    ready.aws.client("ec2").create_vpc(CidrBlock="10.0.0.0/20")
    ours = ready.aws.client("ec2").create_vpc(
        CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tags(ready)}]
    )["Vpc"]["VpcId"]
    said = ready.warnings(10)
    assert len(said) == 1
    assert "10.0.0.0/20" in said[0]
    assert ours not in said[0]


def test_11_a_zone_that_is_not_there(ready: Ready) -> None:
    domain = ready.site.cluster.domain.model_dump(mode="json")
    ready.site = changed(ready.site, domain=domain | {"name": "nobody.example"})
    [said] = ready.errors(11)
    assert "nobody.example" in said


def test_11_a_zone_that_stands_twice(ready: Ready) -> None:
    name = ready.site.cluster.domain.name
    ready.aws.client("route53").create_hosted_zone(Name=str(name), CallerReference="again")
    [said] = ready.errors(11)
    assert "2 public hosted zones" in said


def test_11_a_domain_whose_registrar_names_other_servers(ready: Ready) -> None:
    name = str(ready.site.cluster.domain.name)
    ready.outside.resolves({(name, "NS"): ["ns1.parking.example."]})
    [said] = ready.errors(11)
    assert "ns1.parking.example" in said


def test_11_a_domain_that_the_world_does_not_know(ready: Ready) -> None:
    ready.outside.resolves({})
    [said] = ready.errors(11)
    assert "nobody is asked" in said


def test_11_and_12_without_a_domain_ask_nothing(ready: Ready) -> None:
    domain = ready.site.cluster.domain.model_dump(mode="json")
    ready.site = changed(ready.site, domain=domain | {"name": None})
    assert [*ready.findings(11), *ready.findings(12)] == []
    assert ready.outside.asked == []


@pytest.mark.parametrize(
    ("records", "is_found"),
    [
        ([], False),
        (['0 issue "letsencrypt.org"'], True),
        (['0 issue "letsencrypt.org"', '0 issue "amazon.com"'], False),
        (['0 issue "amazonaws.com; account=1"'], False),
        (['0 iodef "mailto:a@b.example"'], False),
    ],
)
def test_12_a_caa_record_that_keeps_amazon_out(ready: Ready, records: list[str], is_found: bool) -> None:
    name = str(ready.site.cluster.domain.name)
    ready.outside.resolves({(name, "CAA"): records, (name, "NS"): ["ns.example."]})
    assert bool(ready.errors(12)) == is_found


def key_of(ready: Ready) -> Path:
    return Path(ready.site.cluster.access.key_file)


def test_13_a_key_that_is_not_there(ready: Ready) -> None:
    key_of(ready).unlink()
    [said] = ready.errors(13)
    assert str(key_of(ready)) in said
    assert ready.findings(13)[0].remedy.startswith("ssh-keygen")


def test_13_a_key_that_others_may_read(ready: Ready) -> None:
    key_of(ready).chmod(0o644)
    assert ready.errors(13) == [f"{key_of(ready)} may be read by others"]


def test_13_halves_that_are_not_one_pair(ready: Ready, tmp_path: Path) -> None:
    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True, timeout=30)
    key_of(ready).with_name("key.pub").write_text((tmp_path / "other.pub").read_text())
    [said] = ready.errors(13)
    assert "not the public half" in said


def test_13_a_passphrase_needs_an_agent_that_holds_the_key(ready: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    plain = key_of(ready).read_bytes()
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "secret phrase", "-f", key_of(ready)], check=True, timeout=30)
    [said] = ready.errors(13)
    assert "passphrase" in said

    socket = key_of(ready).with_name("agent")
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            if socket.exists():
                break
            subprocess.run(["sleep", "0.05"], check=True)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        subprocess.run(["ssh-add", "-q", "-"], input=plain, check=True, timeout=30)
        assert ready.errors(13) == []
    finally:
        agent.kill()
        agent.wait(timeout=10)


def test_14_an_operator_whose_address_is_not_let_in(ready: Ready) -> None:
    ready.outside.operator_is("198.51.100.9")
    said = ready.errors(14)
    assert [each.rpartition(" ")[2] for each in said] == ["access.ssh_from", "access.api_from"]
    assert all("198.51.100.9" in finding.remedy for finding in ready.findings(14))


def test_14_where_nobody_tells_the_address_it_is_a_warning(ready: Ready) -> None:
    ready.outside.hosts.clear()
    assert ready.errors(14) == []
    assert len(ready.warnings(14)) == 1


@pytest.mark.parametrize(("off_s", "errors", "warnings"), [(5, 0, 0), (60, 0, 1), (-60, 0, 1), (900, 1, 0)])
def test_15_a_clock_that_is_off(
    ready: Ready, monkeypatch: pytest.MonkeyPatch, off_s: int, errors: int, warnings: int
) -> None:
    there = datetime.now(UTC) + timedelta(seconds=off_s)
    monkeypatch.setattr(Account, "now", lambda self: there)
    assert (len(ready.errors(15)), len(ready.warnings(15))) == (errors, warnings)


def test_16_a_terraform_that_is_too_old(ready: Ready, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = TerraformDouble(tmp_path / "old", version="1.5.7")
    monkeypatch.setenv("PATH", f"{old.path}:{os.environ['PATH']}")
    [said] = ready.errors(16)
    assert "1.5.7" in said


def test_17_a_kubernetes_that_gets_no_more_fixes_is_told(ready: Ready) -> None:
    kubernetes = kubernetes_of(ready) | {"version": "1.32.13"}
    ready.site = changed(ready.site, kubernetes=kubernetes)
    assert any("1.32 gets no more fixes" in said for said in ready.warnings(17))
    assert ready.errors(17) == []


def kubernetes_of(ready: Ready) -> dict[str, Any]:
    said: dict[str, Any] = yaml.safe_load(ready.site.cluster_file.read_text())["kubernetes"]
    return said


def test_18_no_room_for_another_vpc(ready: Ready) -> None:
    for number in range(4):
        ready.aws.client("ec2").create_vpc(CidrBlock=f"10.{100 + number}.0.0/16")
    [said] = ready.errors(18)
    assert "5 VPCs" in said
    assert "L-F678F1CE" in said


def test_18_no_room_for_another_address_unless_it_is_ours_already(ready: Ready) -> None:
    ec2 = ready.aws.client("ec2")
    for _ in range(5):
        ec2.allocate_address(Domain="vpc")
    [said] = ready.errors(18)
    assert "5 Elastic IPs" in said
    first = ec2.describe_addresses()["Addresses"][0]["AllocationId"]
    ec2.create_tags(Resources=[first], Tags=tags(ready))
    assert ready.errors(18) == []


def test_24_an_image_that_was_never_pushed_is_told(ready: Ready) -> None:
    ready.outside.registry_has()
    assert any("is not there" in said for said in ready.warnings(24))


def test_24_the_workers_have_an_image_of_their_own(ready: Ready) -> None:
    registry = ready.site.cluster.registry
    ready.outside.registry_has(f"{registry.owner}/{registry.repository}:{image_tag()}")
    [said] = ready.warnings(24)
    assert said == f"{registry.image}-worker:{image_tag()} is not there"


def test_24_a_private_image_wants_a_token_and_the_token_is_hidden(
    ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, tag = ready.site.cluster.registry, "9.9.9"
    monkeypatch.setenv("ECO2_VERSION", tag)
    images = [f"{registry.owner}/{name}:{tag}" for name in (registry.repository, f"{registry.repository}-worker")]
    ready.outside.registry_has(*images, token="package-reader")
    assert any("nobody without a token" in said for said in ready.warnings(24))
    monkeypatch.setenv("GHCR_TOKEN", "package-reader")
    assert ready.findings(24) == ()
    assert ready.site.redactor.text("the package-reader") == "the [hidden]"


def test_25_a_folder_that_others_may_read(ready: Ready) -> None:
    ready.site.folder.chmod(0o755)
    [said] = ready.errors(25)
    assert "may be read by others" in said
    assert ready.findings(25)[0].remedy == f"chmod 700 {ready.site.folder}"
