"""What the phases conclude from a machine's facts: never a second init, never a node of others, every fault named."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioning import private_file
from provisioning.cluster import Cluster, load
from provisioning.phases import kubeconfig
from provisioning.phases.fitness import CHECKS, Reached, repositories, unfit
from provisioning.phases.images import Images
from provisioning.phases.init import ControlPlaneSilent, Init, InitUnsure, Made
from provisioning.phases.join import Join, JoinedElsewhere, JoinUnsure, Membership, NodeIsAnothers
from provisioning.phases.prepare import Prepare, VersionDiffers
from provisioning.phases.reach import Reach
from provisioning.run import Redactor
from provisioning.scripts import kubeadm, packages
from provisioning.scripts.facts import Facts
from provisioning.site import Site
from tests.doubles.kubernetes.certificates import Authority
from tests.provisioning.cluster.outputs import terraform_nodes
from tests.provisioning.scripts.test_scripts import fresh
from tests.provisioning.ssh.sites import written

NOBODY: Any = None
OURS, OTHERS = "1" * 64, "2" * 64


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return load()


@pytest.fixture
def site(cluster: Cluster, tmp_path: Path) -> Site:
    return written(cluster, terraform_nodes(cluster), tmp_path)


@pytest.fixture
def worker(cluster: Cluster) -> str:
    return cluster.of_role("worker")[0].name


def told(node: str, **values: str) -> Facts:
    return Facts.read(node, "".join(f"{key}={value}\n" for key, value in values.items()))


# --- fitness ---


def machine(cluster: Cluster, name: str, **other: Any) -> Reached:
    node = cluster.node(name)
    good = Reached(
        node=name,
        cloud_init="done",
        os="ubuntu 24.04",
        architecture="x86_64",
        skew_s=0.2,
        vcpu=node.machine.vcpu,
        memory_mib=node.machine.memory_mib * 0.94,
        disk_gib=node.disk_gb * 0.93,
        joined=False,
        listening=frozenset({22, 53}),
        reached=frozenset(repositories(cluster)),
        kubelet="",
    )
    return dataclasses.replace(good, **other)


def test_a_machine_as_it_should_be_is_fit(cluster: Cluster) -> None:
    for node in cluster.nodes:
        assert unfit(cluster, machine(cluster, node.name)) == []


@pytest.mark.parametrize(
    ("number", "other", "named"),
    [
        (30, {"os": "ubuntu 22.04"}, "ubuntu 22.04"),
        (30, {"architecture": "aarch64"}, "aarch64"),
        (31, {"skew_s": 5.5}, "ahead"),
        (31, {"skew_s": -3600.0}, "3600 s behind"),
        (32, {"listening": frozenset({22, 10250})}, "10250"),
        (33, {"reached": frozenset({"registry.k8s.io", "pkgs.k8s.io"})}, "download.docker.com"),
        (34, {"vcpu": 1}, "vCPU"),
        (34, {"memory_mib": 2000.0}, "memory"),
        (34, {"disk_gib": 8.0}, "disk"),
        (35, {"kubelet": "1.35.1-1.1"}, "newer"),
        (35, {"kubelet": "1.30.1-1.1"}, "minors behind"),
        (36, {"cloud_init": "error"}, "error"),
    ],
)
def test_each_fault_is_found_under_its_number(
    cluster: Cluster, worker: str, number: int, other: dict[str, Any], named: str
) -> None:
    (found,) = unfit(cluster, machine(cluster, worker, **other))
    assert found.startswith(f"{worker}: [{number}] ")
    assert named in found


def test_all_faults_of_a_machine_are_told_at_once(cluster: Cluster, worker: str) -> None:
    broken = machine(
        cluster,
        worker,
        cloud_init="error",
        os="debian 12",
        skew_s=60.0,
        vcpu=1,
        listening=frozenset({10250}),
        reached=frozenset(),
        kubelet="1.35.0-1.1",
    )
    numbers = {int(line.split("[")[1].split("]")[0]) for line in unfit(cluster, broken)}
    assert numbers == set(CHECKS)


def test_a_control_plane_needs_ports_that_another_node_does_not(cluster: Cluster, site: Site, worker: str) -> None:
    taken = {"listening": frozenset({6443, 2379})}
    assert unfit(cluster, machine(cluster, worker, **taken)) == []
    assert "2379, 6443" in unfit(cluster, machine(cluster, site.control_plane, **taken))[0]


def test_the_ports_of_a_node_that_works_are_its_own(cluster: Cluster, site: Site) -> None:
    assert unfit(cluster, machine(cluster, site.control_plane, joined=True, listening=frozenset({6443, 10250}))) == []


def test_while_a_machine_starts_there_is_only_to_wait(cluster: Cluster, site: Site, worker: str) -> None:
    phase = Reach(site, NOBODY)
    starting = [phase.plan(machine(cluster, worker, cloud_init=state)) for state in ("running", "not started")]
    assert [[action.title for action in plan] for plan in starting] == [["wait until cloud-init has ended"]] * 2
    assert phase.plan(machine(cluster, worker)) == []


# --- prepare ---


def prepared(site: Site, node: str, **other: str) -> Facts:
    """A machine on which there is nothing to do."""
    phase = Prepare(site, NOBODY)
    values = {key: value[0] for key, value in fresh(node).values.items()}
    values |= {"swap": "0", "swap_in_fstab": "0", "ntp": "yes"}
    values |= {key: "1" for key in values if key.startswith("sysctl.net")}
    values |= {"sysctl.fs.inotify.max_user_watches": "1048576", "sysctl.fs.inotify.max_user_instances": "8192"}
    values |= {f"file.{path}": hashlib.sha256(text.encode()).hexdigest() for path, text in phase._files().items()}
    values |= {key: "some-key" for key in values if key.endswith(".asc")}
    values |= {f"package.{name}": f"{site.cluster.kubernetes.version}-1.1" for name in packages.KUBERNETES}
    values |= {"package.containerd.io": packages.containerd_package()[1], "package.conntrack": "1:1.4.8-1ubuntu1"}
    values |= {key: "yes" for key in values if key.startswith("held.")}
    values |= dict.fromkeys(("containerd_active", "containerd_enabled", "kubelet_enabled"), "yes")
    text = "".join(f"{key}={value}\n" for key, value in {**values, **other}.items() if key != "module")
    return Facts.read(node, text + "module=overlay\nmodule=br_netfilter\nmodule=nf_conntrack\n")


def test_on_a_prepared_machine_there_is_nothing_to_do(site: Site, worker: str) -> None:
    assert Prepare(site, NOBODY).plan(prepared(site, worker)) == []


@pytest.mark.parametrize(
    ("other", "ids"),
    [
        ({"swap": "1"}, ["swap"]),
        ({"sysctl.net.ipv4.ip_forward": "0"}, ["sysctl"]),
        ({"ntp": "no"}, ["clock"]),
        ({"file./etc/apt/keyrings/docker.asc": ""}, ["key-docker"]),
        ({"file./etc/apt/sources.list.d/kubernetes.list": "other"}, ["source-kubernetes"]),
        ({"package.kubelet": "1.33.1-1.1"}, ["packages", "hold"]),
        ({"package.conntrack": ""}, ["packages"]),
        ({"held.kubeadm": "no"}, ["hold"]),
        ({"file./etc/containerd/config.toml": "other"}, ["containerd"]),
        ({"containerd_stale": "yes"}, ["containerd"]),
        ({"containerd_active": "no"}, ["services"]),
        ({"file./etc/crictl.yaml": ""}, ["crictl"]),
    ],
)
def test_only_what_differs_is_planned(site: Site, worker: str, other: dict[str, str], ids: list[str]) -> None:
    assert [piece.id for piece in Prepare(site, NOBODY).plan(prepared(site, worker, **other))] == ids


def test_a_package_of_the_right_version_is_not_installed_again(site: Site, worker: str) -> None:
    (install, _) = Prepare(site, NOBODY).plan(prepared(site, worker, **{"package.kubeadm": ""}))
    assert install.title == f"install kubeadm {site.cluster.kubernetes.version}-*"


def test_a_node_that_works_is_not_brought_to_another_version(site: Site, worker: str) -> None:
    with pytest.raises(VersionDiffers, match=r"kubelet 1\.33\.1"):
        Prepare(site, NOBODY).plan(prepared(site, worker, joined="yes", **{"package.kubelet": "1.33.1-1.1"}))


# --- images ---


def test_a_control_plane_pulls_all_images_another_node_only_its_own(site: Site, worker: str) -> None:
    images = ["kube-apiserver:v1", "etcd:3.6.5-0", "coredns/coredns:v1", "kube-proxy:v1", "pause:3.10.1"]
    text = "tools=yes\n" + "".join(f"wanted=registry.k8s.io/{image}\n" for image in images)
    phase = Images(site, NOBODY)
    text += "present=registry.k8s.io/pause:3.10.1\n"
    assert [pull.image for pull in phase.plan(Facts.read(worker, text))] == ["registry.k8s.io/kube-proxy:v1"]
    assert len(phase.plan(Facts.read(site.control_plane, text))) == len(images) - 1


# --- init ---

TRACES = ("admin_conf", "kubelet_conf", "manifests", "etcd_member")


def begun(site: Site, *traces: str, api: str = "no", complete: str = "no", **other: str) -> Made:
    values = {trace: "yes" if trace in traces else "no" for trace in TRACES}
    values |= {"super_admin_conf": "no", "api": api, "complete": complete, **other}
    return Made(told(site.control_plane, **values), kubeconfig.kept(site.kubeconfig))


def test_on_a_machine_without_a_trace_the_cluster_is_made(site: Site) -> None:
    actions = Init(site, NOBODY).plan(begun(site))
    assert [action.id for action in actions] == ["init", "kubeconfig"]


@pytest.mark.parametrize(
    ("traces", "api"),
    [
        (("kubelet_conf",), "no"),
        (("admin_conf", "kubelet_conf", "manifests"), "no"),
        (("etcd_member",), "no"),
        (TRACES, "yes"),
    ],
)
def test_what_began_and_did_not_end_is_neither_repeated_nor_wiped(
    site: Site, traces: tuple[str, ...], api: str
) -> None:
    with pytest.raises(InitUnsure, match=rf"\./inv node\.reset {site.control_plane}"):
        Init(site, NOBODY).plan(begun(site, *traces, api=api))


def test_a_cluster_whose_api_is_silent_is_never_to_be_reset(site: Site) -> None:
    with pytest.raises(ControlPlaneSilent) as silent:
        Init(site, NOBODY).plan(begun(site, *TRACES))
    assert silent.value.transient
    assert "node.reset" not in silent.value.remedy + str(silent.value)


DIGESTS = {"digest.certificate-authority-data": "a" * 64, "digest.client-certificate-data": "b" * 64}


def made(site: Site, **other: str) -> Made:
    return begun(site, *TRACES, api="yes", complete="yes", **{**DIGESTS, **other})


def kept(site: Site, ca: str = "ca", certificate: str = "certificate", server: str | None = None) -> dict[str, str]:
    """Writes a kubeconfig here; returns the digests of one like it."""
    address = server or f"https://{site.hosts()[site.control_plane].address}:6443"
    text = yaml.safe_dump(
        {
            "clusters": [{"cluster": {"server": address, "certificate-authority-data": ca}}],
            "users": [{"user": {"client-certificate-data": certificate, "client-key-data": "k" * 20}}],
        }
    )
    private_file.write(site.kubeconfig, text)
    digests = (hashlib.sha256(part.encode()).hexdigest() for part in ("ca", "certificate"))
    return dict(zip(DIGESTS, digests, strict=True))


def test_a_cluster_that_there_is_and_a_kubeconfig_of_it_leave_nothing_to_do(site: Site) -> None:
    digests = kept(site)
    assert Init(site, NOBODY).plan(made(site, **digests)) == []


@pytest.mark.parametrize(
    "other", [{"ca": "of another cluster"}, {"certificate": "that ran out"}, {"server": "https://203.0.113.99:6443"}]
)
def test_a_kubeconfig_of_another_cluster_or_address_is_fetched_anew(site: Site, other: dict[str, str]) -> None:
    digests = kept(site, **other)
    assert [action.id for action in Init(site, NOBODY).plan(made(site, **digests))] == ["kubeconfig"]


def test_a_kubeconfig_that_others_may_read_or_that_is_none_is_fetched_anew(site: Site) -> None:
    digests = kept(site)
    site.kubeconfig.chmod(0o640)
    assert [action.id for action in Init(site, NOBODY).plan(made(site, **digests))] == ["kubeconfig"]
    site.kubeconfig.write_text("{")
    assert [action.id for action in Init(site, NOBODY).plan(made(site, **digests))] == ["kubeconfig"]


def test_a_certificate_above_all_rules_is_removed(site: Site) -> None:
    digests = kept(site)
    assert [action.id for action in Init(site, NOBODY).plan(made(site, super_admin_conf="yes", **digests))] == [
        "super-admin"
    ]


def test_the_kubeconfig_here_has_the_public_address_and_its_key_is_a_secret(tmp_path: Path) -> None:
    admin = yaml.safe_dump(
        {
            "apiVersion": "v1",
            "clusters": [
                {"name": "c", "cluster": {"server": "https://inside:6443", "certificate-authority-data": "Q0E="}}
            ],
            "users": [
                {"name": "u", "user": {"client-certificate-data": "Q0VSVA==", "client-key-data": "S0VZS0VZS0VZ"}}
            ],
        }
    )
    redactor = Redactor()
    text = kubeconfig.adapted(admin, "https://203.0.113.1:6443", redactor)
    assert yaml.safe_load(text)["clusters"][0]["cluster"]["server"] == "https://203.0.113.1:6443"
    assert redactor.text("key S0VZS0VZS0VZ") == "key [hidden]"
    private_file.write(tmp_path / "kubeconfig", text)
    assert (tmp_path / "kubeconfig").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["kubeconfig"]


@pytest.mark.parametrize("text", ["", "[]", "a: b: c", "clusters: []\nusers: []\n", "clusters: [{}]\nusers: [{}]\n"])
def test_what_is_no_kubeconfig_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(kubeconfig.KubeconfigUnreadable) as refused:
        kubeconfig.adapted(text, "https://x:6443", Redactor())
    assert not text or text not in str(refused.value)


def test_the_ca_hash_is_the_one_that_kubeadm_wants(tmp_path: Path) -> None:
    """Of the public key, not of the certificate: https://kubernetes.io/docs/reference/setup-tools/kubeadm/kubeadm-join/"""
    ca = Authority.new().certificate
    encoded = base64.b64encode(ca.encode()).decode()
    path = tmp_path / "kubeconfig"
    path.write_text(
        yaml.safe_dump(
            {"clusters": [{"cluster": {"server": "x", "certificate-authority-data": encoded}}], "users": [{"user": {}}]}
        )
    )
    (tmp_path / "ca.crt").write_text(ca)
    script = kubeadm.CA_HASH.replace("/etc/kubernetes/pki", str(tmp_path)) + "\nca_hash"
    said = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.strip() == kubeconfig.ca_hash(path)


# --- join ---


def member(site: Site, node: str, ca: str = "", provider_id: str | None = None, **other: str) -> Membership:
    values = {"kubelet_conf": "no", "bootstrap_conf": "no", "manifests": "no", "etcd_member": "no", **other}
    return Membership(told(node, **values, ca_hash=ca), OURS, provider_id is not None, provider_id or "")


def test_a_machine_without_a_cluster_joins_this_one(site: Site, worker: str) -> None:
    assert [action.id for action in Join(site, NOBODY, NOBODY).plan(member(site, worker))] == ["join"]


def test_a_node_that_is_one_is_left_alone(site: Site, worker: str) -> None:
    ours = member(site, worker, OURS, site.machines()[worker].provider_id, kubelet_conf="yes")
    assert Join(site, NOBODY, NOBODY).plan(ours) == []


def test_a_node_that_nobody_registered_again_restarts_its_kubelet(site: Site, worker: str) -> None:
    gone = member(site, worker, OURS, None, kubelet_conf="yes")
    assert [action.id for action in Join(site, NOBODY, NOBODY).plan(gone)] == ["register"]


@pytest.mark.parametrize("kubelet_conf", ["yes", "no"])
def test_a_node_of_another_cluster_is_neither_reset_nor_taken(site: Site, worker: str, kubelet_conf: str) -> None:
    with pytest.raises(JoinedElsewhere, match=rf"\./inv node\.reset {worker}"):
        Join(site, NOBODY, NOBODY).plan(member(site, worker, OTHERS, None, kubelet_conf=kubelet_conf))


@pytest.mark.parametrize("kubelet_conf", ["yes", "no"])
@pytest.mark.parametrize("provider_id", ["aws:///ap-northeast-2a/i-0badbadbadbadbad0", ""])
def test_a_node_of_an_earlier_machine_is_named(site: Site, worker: str, kubelet_conf: str, provider_id: str) -> None:
    ca = OURS if kubelet_conf == "yes" else ""
    with pytest.raises(NodeIsAnothers, match=rf"\./inv node\.replace {worker}"):
        Join(site, NOBODY, NOBODY).plan(member(site, worker, ca, provider_id, kubelet_conf=kubelet_conf))


def test_a_join_that_was_cut_off_is_done_again_where_nothing_can_be_lost(site: Site, worker: str) -> None:
    half = member(site, worker, OURS, bootstrap_conf="yes")
    assert [action.id for action in Join(site, NOBODY, NOBODY).plan(half)] == ["join"]


def test_a_control_plane_that_began_to_join_is_not_joined_twice(site: Site) -> None:
    with pytest.raises(JoinUnsure):
        Join(site, NOBODY, NOBODY).plan(member(site, site.control_plane, OURS, etcd_member="yes"))


def test_everybody_but_the_first_control_plane_joins(site: Site) -> None:
    assert set(Join(site, NOBODY, NOBODY).nodes or ()) == set(site.nodes) - {site.control_plane}
