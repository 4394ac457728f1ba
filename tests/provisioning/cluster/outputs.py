"""Terraform's outputs as they are once it has run."""

from provisioning.cluster.model import Cluster


def terraform_nodes(cluster: Cluster) -> dict[str, dict[str, str]]:
    """Terraform's output ``nodes`` for a cluster, with addresses counted up."""
    used = dict.fromkeys(cluster.network.subnets, 10)
    nodes = {}
    for index, node in enumerate(cluster.nodes):
        private = cluster.network.subnets[node.zone].network_address + used[node.zone]
        used[node.zone] += 1
        instance = f"i-{index + 1:017x}"
        nodes[node.name] = {
            "role": node.role,
            "instance_id": instance,
            "provider_id": f"aws:///{node.zone}/{instance}",
            "zone": node.zone,
            "private_ip": str(private),
            "private_dns": f"ip-{str(private).replace('.', '-')}.{cluster.region}.compute.internal",
            "public_ip": f"203.0.113.{index + 1}",
            "host_key": f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{index:043d}",
        }
    return nodes
