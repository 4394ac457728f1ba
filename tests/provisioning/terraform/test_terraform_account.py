"""What stands in the account after an apply."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
import yaml

from provisioning.cluster import inventory, load, machines
from tests.provisioning.terraform.workspace import CLUSTER, Workspace

pytestmark = pytest.mark.long

FILE: dict[str, Any] = yaml.safe_load(CLUSTER.read_text())
NODES = {node["name"]: node for node in FILE["nodes"]}
TAG = f"kubernetes.io/cluster/{FILE['name']}"
WORLD = "0.0.0.0/0"


@pytest.fixture(scope="module")
def instances(built: Workspace) -> dict[str, dict[str, Any]]:
    return {instance["tags"]["Name"]: instance for instance in built.account("aws_instance")}


def groups(built: Workspace) -> dict[str, str]:
    """Id of a security group -> its name without what makes it unique."""
    return {group["id"]: group["tags"]["Name"] for group in built.account("aws_security_group")}


def rules(built: Workspace) -> list[dict[str, Any]]:
    """Every ingress rule: the group's name, the ports, and who may come in."""
    names = groups(built)
    return [
        {
            "group": names[rule["security_group_id"]],
            "ports": (rule.get("from_port"), rule.get("to_port")),
            "from": rule.get("cidr_ipv4") or names[rule["referenced_security_group_id"]],
            "ipv6": rule.get("cidr_ipv6"),
        }
        for rule in built.account("aws_vpc_security_group_ingress_rule")
    ]


def test_thirteen_machines_of_the_types_and_disks_that_the_file_says(instances: dict[str, dict[str, Any]]) -> None:
    assert len(instances) == 13
    assert Counter(instance["instance_type"] for instance in instances.values()) == {"t3a.large": 3, "t3a.medium": 10}
    for name, node in NODES.items():
        assert instances[name]["instance_type"] == node["type"]
        assert instances[name]["root_block_device"][0]["volume_size"] == node["disk_gb"]
        assert instances[name]["availability_zone"] == node["zone"]


def test_every_machine_wants_tokens_for_its_metadata(instances: dict[str, dict[str, Any]]) -> None:
    for instance in instances.values():
        options = instance["metadata_options"][0]
        assert (options["http_tokens"], options["http_put_response_hop_limit"]) == ("required", 2)


def test_every_disk_is_encrypted_and_goes_with_its_machine(instances: dict[str, dict[str, Any]]) -> None:
    for instance in instances.values():
        disk = instance["root_block_device"][0]
        assert (disk["encrypted"], disk["volume_type"], disk["delete_on_termination"]) == (True, "gp3", True)


def test_every_machine_has_its_role_and_the_one_group(instances: dict[str, dict[str, Any]], built: Workspace) -> None:
    profiles = {profile["name"]: profile["role"] for profile in built.account("aws_iam_instance_profile")}
    for name, instance in instances.items():
        assert f"{FILE['name']}-{NODES[name]['role']}-" in profiles[instance["iam_instance_profile"]]
        assert [groups(built)[group] for group in instance["vpc_security_group_ids"]] == [f"{FILE['name']}-cluster"]


def test_everything_that_can_have_tags_has_the_clusters(built: Workspace) -> None:
    state = json.loads(built.run("show", "-json").out)["values"]["root_module"]
    found = [*state["resources"], *(each for module in state["child_modules"] for each in module["resources"])]
    tagged = {
        each["address"]: each["values"]["tags_all"]
        for each in found
        if each["mode"] == "managed" and "tags_all" in each["values"]
    }
    assert len(tagged) > 50
    wanted = {**FILE["tags"], TAG: "owned", "Cluster": FILE["name"], "Environment": FILE["environment"]}
    assert {address: tags for address, tags in tagged.items() if not wanted.items() <= tags.items()} == {}


def test_every_disk_has_the_clusters_tag(instances: dict[str, dict[str, Any]]) -> None:
    assert all(instance["root_block_device"][0]["tags"][TAG] == "owned" for instance in instances.values())


def test_ssh_and_the_api_server_are_for_the_allow_lists(built: Workspace) -> None:
    for port, allowed in [(22, FILE["access"]["ssh_from"]), (6443, FILE["access"]["api_from"])]:
        open_to = [rule["from"] for rule in rules(built) if rule["ports"] == (port, port)]
        assert sorted(open_to) == sorted(allowed)


def test_the_world_reaches_the_load_balancer_over_http_and_https_and_nothing_else(built: Workspace) -> None:
    balancer = f"{FILE['name']}-load-balancer"
    assert {(rule["group"], rule["ports"]) for rule in rules(built) if rule["from"] == WORLD} == {
        (balancer, (80, 80)),
        (balancer, (443, 443)),
    }
    assert not any(rule["ipv6"] for rule in rules(built))


def test_node_ports_are_for_the_load_balancer(built: Workspace) -> None:
    name = FILE["name"]
    to_nodes = [rule for rule in rules(built) if rule["group"] == f"{name}-cluster"]
    assert [rule["from"] for rule in to_nodes if rule["ports"] == (30000, 32767)] == [f"{name}-load-balancer"]
    rest = [rule["from"] for rule in to_nodes if rule["ports"] not in [(30000, 32767), (22, 22), (6443, 6443)]]
    assert rest == [f"{name}-cluster"]


def test_no_group_names_one_that_names_it_back(built: Workspace) -> None:
    names = {
        (rule["security_group_id"], rule["referenced_security_group_id"])
        for kind in ["aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule"]
        for rule in built.account(kind)
        if rule.get("referenced_security_group_id")
    }
    assert [pair for pair in names if pair[0] != pair[1] and pair[::-1] in names] == []


def test_the_zones_have_subnets_that_a_load_balancer_finds(built: Workspace) -> None:
    subnets = {subnet["availability_zone"]: subnet for subnet in built.account("aws_subnet")}
    assert {zone: subnet["cidr_block"] for zone, subnet in subnets.items()} == FILE["network"]["subnets"]
    assert all(subnet["tags"]["kubernetes.io/role/elb"] == "1" for subnet in subnets.values())


def test_user_data_names_the_machine_and_holds_no_secret(
    instances: dict[str, dict[str, Any]], built: Workspace
) -> None:
    state = (built.folder / "terraform.tfstate").read_text()
    machines = [
        each["attributes"]["user_data"]
        for resource in json.loads(state)["resources"]
        if resource["type"] == "aws_instance"
        for each in resource["instances"]
    ]
    assert len(machines) == len(instances)
    for text in machines:
        assert text.startswith("#cloud-config\n")
        data = yaml.safe_load(text)
        assert data["hostname"] in NODES
        assert (data["ssh_pwauth"], data["ssh_deletekeys"]) == (False, False)
        assert len(text) < 16384
        *_, script, folder, region = data["bootcmd"][0]
        compile(script, "user_data", "exec")
        assert (folder, region) == (f"/{FILE['name']}/host-keys", FILE["region"])


def test_no_private_key_is_in_a_state_a_plan_or_an_output(built: Workspace) -> None:
    assert built.run("plan", "-no-color", "-out=plan").code == 0
    written = [path for path in built.folder.parent.rglob("*") if path.is_file() and ".terraform" not in path.parts]
    secrets = [line for key in built.keys.private.values() for line in key.splitlines()[2:-1]]
    searched = [path for path in written if path.parent.name != "keys" and path.suffix != ".hcl"]
    assert {"terraform.tfstate", "plan", "world.json"} <= {path.name for path in searched}
    # A plan is a zip: its text is what `show` says.
    texts = [path.read_text(errors="replace") for path in searched]
    texts += [built.run("show", "-json", *file).out for file in ([], ["plan"])]
    assert [secret for secret in secrets for text in texts if secret in text] == []


def test_the_host_keys_go_to_their_machines_alone(built: Workspace, instances: dict[str, dict[str, Any]]) -> None:
    parameters = {parameter["name"]: parameter for parameter in built.account("aws_ssm_parameter")}
    assert set(parameters) == {f"/{FILE['name']}/host-keys/{instance['id']}" for instance in instances.values()}
    for instance in instances.values():
        parameter = parameters[f"/{FILE['name']}/host-keys/{instance['id']}"]
        assert (parameter["type"], parameter["tags"]["Instance"]) == ("SecureString", instance["arn"])


def test_later_phases_are_told_all_that_they_need(built: Workspace, instances: dict[str, dict[str, Any]]) -> None:
    told = built.outputs()
    assert set(told["nodes"]) == set(NODES)
    for name, node in told["nodes"].items():
        instance = instances[name]
        assert node["instance_id"] == instance["id"]
        assert node["provider_id"] == f"aws:///{NODES[name]['zone']}/{instance['id']}"
        assert (node["zone"], node["role"]) == (NODES[name]["zone"], NODES[name]["role"])
        assert node["private_ip"] == instance["private_ip"]
        assert node["host_key"] == built.keys.public[name]
        assert node["public_ip"]
    assert told["cluster"]["vcpus"] == 26
    assert told["cluster"]["tag"] == {"key": TAG, "value": "owned"}
    assert told["api"]["host"] == f"k8s-api.{FILE['network']['private_zone']}"
    assert told["api"]["addresses"] == [told["nodes"]["k8s-master"]["public_ip"]]
    assert told["network"]["security_group_id"] in groups(built)
    assert all(told["domain"].values())
    assert told["cdn"]["url"] == f"https://images.{FILE['domain']['name']}"


def test_the_inventory_takes_what_it_is_told(built: Workspace) -> None:
    cluster = load(CLUSTER)
    found = inventory(cluster, machines(cluster, built.outputs()["nodes"]))
    assert [host.node for host in found] == list(NODES)
    assert all(built.keys.public[host.node] == host.host_key for host in found)


def test_the_control_plane_keeps_its_address_and_every_node_has_a_name_inside(built: Workspace) -> None:
    [address] = built.account("aws_eip")
    assert address["tags"]["Name"] == "k8s-master"
    [zone] = [zone for zone in built.account("aws_route53_zone") if zone["name"] == FILE["network"]["private_zone"]]
    inside = [record for record in built.account("aws_route53_record") if record["zone_id"] == zone["zone_id"]]
    addresses = {name: node["private_ip"] for name, node in built.outputs()["nodes"].items()}
    assert {record["name"]: record["records"] for record in inside} == {
        f"{name}.{zone['name']}": [address]
        for name, address in {**addresses, "k8s-api": addresses["k8s-master"]}.items()
    }
