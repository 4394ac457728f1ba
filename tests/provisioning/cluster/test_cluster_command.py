"""``python -m provisioning.cluster``: what it prints and how it ends."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from provisioning.cluster.__main__ import main
from provisioning.cluster.model import Cluster
from provisioning.cluster.report import label_table, node_table, total_table

REPOSITORY = Path(__file__).parents[3]
SMALL = str(Path(__file__).with_name("small.yaml"))


@pytest.fixture
def wrong(tmp_path: Path, small_text: str) -> Path:
    file = tmp_path / "wrong.yaml"
    file.write_text(
        small_text.replace("max_pods: 60", "max_pod: 60").replace("ttl_days: 7", "ttl_days: 0"), encoding="utf-8"
    )
    return file


def test_it_runs_as_a_module_and_finds_the_products_file_right() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "provisioning.cluster", "check"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "provisioning/cluster.yaml is fine: 13 nodes, 26 vCPU, 64 GiB\n"
    assert "provisioning/cluster.yaml:30:14: warning: access.ssh_from[0]: 203.0.113.10/32 is an example" in done.stderr


def test_a_wrong_file_ends_with_2_and_every_mistake(wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(wrong)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == [
        f"{wrong}:22:3: kubernetes.max_pod: is no key of this section (did you mean max_pods?)",
        f"{wrong}:32:17: cdn.ttl_days: must be at least 1",
        "2 mistakes",
    ]


def test_a_wrong_file_as_json(wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(wrong), "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert told["file"] == str(wrong)
    assert told["errors"][1] == {"line": 32, "column": 17, "path": "cdn.ttl_days", "message": "must be at least 1"}
    assert told["warnings"] == []


def test_a_right_file_as_json_has_its_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["errors"] == []
    assert {"access.ssh_from[0]", "access.api_from[0]"} <= {warning["path"] for warning in told["warnings"]}


def test_show_prints_every_node_and_the_totals(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", SMALL]) == 0
    told = capsys.readouterr().out
    for name in ("master", "api", "worker", "t3a.large", "workload=worker:NoSchedule"):
        assert name in told
    assert re.search(r"all +3 +6 +16 +110", told)
    assert "One control plane:" in told


def test_eighty_columns_hold_the_products_tables(cluster: Cluster) -> None:
    for table in (node_table, label_table, total_table):
        out = io.StringIO()
        Console(width=80, file=out).print(table(cluster))
        assert "…" not in out.getvalue()
        for node in cluster.nodes if table is not total_table else ():
            assert node.name in out.getvalue()


def test_show_of_a_cluster_without_a_domain_says_what_that_means(
    tmp_path: Path, small_text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text(small_text.replace("name: example.org", "name: null"), encoding="utf-8")
    assert main(["show", str(file)]) == 0
    assert "No domain: no DNS records and no certificates" in capsys.readouterr().out


def test_show_as_json_has_the_file_and_what_follows(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", SMALL, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["kubernetes"]["version"] == "1.35.4"
    assert told["derived"]["totals"] == {"nodes": 3, "vcpu": 6, "memory_gib": 16.0, "disk_gb": 110}


def test_show_as_a_diagram(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", SMALL, "--mermaid"]) == 0
    assert capsys.readouterr().out.startswith("flowchart TB\n")


def test_show_of_a_wrong_file_shows_only_its_mistakes(wrong: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(wrong), "--json"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "did you mean max_pods?" in told.err


@pytest.mark.parametrize(
    "arguments", [[], ["chek"], ["check", "a", "b"], ["check", "--mermaid"], ["show", "--json", "--mermaid"]]
)
def test_a_wrong_command_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: python -m provisioning.cluster" in capsys.readouterr().err
