"""The cluster as a Mermaid diagram, for the documents. https://mermaid.js.org/syntax/flowchart.html"""

from provisioning.cluster.model import ROLES, Cluster, Node

_TITLES = {"control-plane": "Control plane", "api": "APIs", "worker": "Workers", "infrastructure": "Infrastructure"}


def diagram(cluster: Cluster) -> str:
    """One box for each node, by role, with what stands before the cluster."""
    host = cluster.domain.host
    lines = [
        "flowchart TB",
        "    client([Clients])",
        f'    balancer["Load balancer<br/>{host("api") or "its own name"}"]',
        f'    cdn["CloudFront<br/>{host("images") or "its own name"}"]',
        f'    images[("S3<br/>{cluster.buckets.images.name}")]',
        "    client --> balancer & cdn",
        "    cdn --> images",
        f'    subgraph vpc["VPC {cluster.network.vpc}, {cluster.region}"]',
    ]
    for role in ROLES:
        nodes = cluster.of_role(role)
        if nodes:
            lines.append(f'        subgraph {_word(role)}["{_TITLES[role]} ({len(nodes)})"]')
            lines += [f'            {_word(node.name)}["{_label(node)}"]' for node in nodes]
            lines.append("        end")
    lines.append("    end")
    if apis := cluster.of_role("api"):
        lines.append(f"    balancer --> {' & '.join(_word(node.name) for node in apis)}")
    return "\n".join(lines) + "\n"


def _label(node: Node) -> str:
    machine = node.machine
    return f"<b>{node.name}</b><br/>{node.type}, {node.zone}<br/>{machine.vcpu} vCPU, {machine.memory_gib:g} GiB"


def _word(name: str) -> str:
    """A name that Mermaid takes for one: ``end`` and hyphens are its own."""
    return f"n_{name.replace('-', '_')}"
