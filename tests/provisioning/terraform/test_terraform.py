"""The configuration as Terraform sees it: formatted, valid, tested, applied and taken down again."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from provisioning.terraform.host_keys import ensure
from tests.manifests import checkov
from tests.provisioning.terraform.workspace import (
    HCL,
    LONGEST_S,
    OPERATOR,
    SIM_HOME,
    Workspace,
    clean_environment,
    copied,
)

FILES = [path for path in HCL.rglob("*.tf") if ".terraform" not in path.parts]


def run(*arguments: str, settings: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**clean_environment(), **variables}
    if settings:
        environment["TF_CLI_CONFIG_FILE"] = str(settings)
    command = ["terraform", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LONGEST_S, check=False)


def test_it_is_formatted(terraform: None) -> None:
    done = run("fmt", "-check", "-diff", "-recursive", str(HCL))
    assert done.returncode == 0, done.stdout


def test_it_is_valid_and_warns_of_nothing(initialised: Path, real: Path) -> None:
    said = json.loads(run(f"-chdir={initialised}", "validate", "-json", settings=real).stdout)
    assert said["valid"], said["diagnostics"]
    assert said["diagnostics"] == []


def test_its_own_tests_pass(initialised: Path, real: Path) -> None:
    done = run(f"-chdir={initialised}", "test", "-no-color", settings=real)
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"Success! (\d+) passed, 0 failed", done.stdout)
    assert passed is not None
    runs = sum(text.read_text().count("\nrun ") for text in (HCL / "tests").glob("*.tftest.hcl"))
    assert int(passed[1]) == runs


@pytest.mark.parametrize("provider", ["5.100.0", "6.69.1"])
def test_after_an_apply_nothing_is_left_to_do_and_after_a_destroy_nothing_is_left(
    simulator: Path, tmp_path: Path, provider: str
) -> None:
    folder = copied(tmp_path)
    required = f'aws = {{ source = "hashicorp/aws", version = "{provider}" }}'
    (folder / "provider_override.tf").write_text(f"terraform {{\n  required_providers {{\n    {required}\n  }}\n}}\n")
    nodes = re.findall(r"^  - name: (\S+)", (tmp_path / "cluster.yaml").read_text(), re.MULTILINE)
    environment = {
        **clean_environment(),
        **ensure(tmp_path / "keys", nodes).environment(),
        "TF_VAR_ssh_public_key": OPERATOR,
        "AWS_SIM_HOME": SIM_HOME,
    }
    command = [simulator / "check.sh", "-r", tmp_path, folder]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LONGEST_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    steps = dict(line.split()[:2] for line in done.stdout.splitlines())
    assert steps == dict.fromkeys(["init", "validate", "plan", "apply", "output", "replan", "destroy"], "ok")
    assert "0 warnings" in done.stdout


def test_the_state_can_lie_in_s3_and_is_locked_there(real: Path, initialised: Path, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    shutil.copy(folder / "backend_override.tf.example", folder / "backend_override.tf")
    text = (folder / "backend_override.tf").read_text()
    assert re.search(r"use_lockfile\s+= true", text)
    assert re.search(r"encrypt\s+= true", text)
    done = run(f"-chdir={folder}", "init", "-backend=false", "-no-color", settings=real)
    assert done.returncode == 0, done.stderr


def test_a_private_host_key_goes_to_its_parameter_and_nowhere_else() -> None:
    """Simulated providers forget what is written to a write-only argument, so the way is read here."""
    used = {
        (path.relative_to(HCL).as_posix(), " ".join(line.split()))
        for path in FILES
        for line in path.read_text().splitlines()
        if "host_private_key" in line and not line.strip().startswith(("variable", "description"))
    }
    assert used == {
        ("nodes.tf", "host_private_key = lookup(var.host_private_keys, each.key, null)"),
        ("modules/node/host_key.tf", "value_wo = var.host_private_key"),
    }
    for name in ["variables.tf", "modules/node/variables.tf"]:
        declared = (HCL / name).read_text().split('variable "host_private_key')[1].split("\n}")[0]
        assert re.search(r"ephemeral\s+= true", declared)
        assert re.search(r"sensitive\s+= true", declared)


def test_every_provider_tags_what_it_makes() -> None:
    text = (HCL / "providers.tf").read_text()
    assert text.count('provider "aws"') == text.count("tags = local.tags") == 2
    others = [path.name for path in FILES if path.name != "providers.tf" and 'provider "' in path.read_text()]
    assert others == []


def test_nothing_is_defined_by_two_ways_that_undo_each_other() -> None:
    """Rules inside a group and beside it, policies attached and inline, quotas asked for by each run."""
    text = "\n".join(path.read_text() for path in FILES)
    assert not re.search(r"^\s+(ingress|egress) \{", text, re.MULTILINE)
    for kind in ["aws_security_group_rule", "aws_iam_policy", "aws_iam_role_policy_attachment", "aws_servicequotas"]:
        assert f'resource "{kind}' not in text


def test_a_scanner_finds_nothing_that_is_not_explained(tmp_path: Path) -> None:
    said = checkov.scan(HCL, "terraform", home=tmp_path)
    assert said["results"]["failed_checks"] == []
    assert said["summary"]["passed"] > 80


def test_every_exception_from_the_scanner_says_why() -> None:
    found = re.findall(r"#checkov:skip=(.*)", "\n".join(path.read_text() for path in FILES))
    assert [skip for skip in found if not re.fullmatch(r"CKV2?_AWS_\d+:.{20,}", skip)] == []


def test_a_file_has_one_subject() -> None:
    long = [path.name for path in FILES if len(path.read_text().splitlines()) > 250]
    assert long == []


def test_the_number_of_nodes_stands_in_the_cluster_file_alone(built: Workspace) -> None:
    thirteen = re.compile(r"(?<![\w.:/])13(?![\w.:/])|thirteen")
    assert [path.name for path in FILES if thirteen.search(path.read_text())] == []
    assert len(built.outputs()["nodes"]) == 13


def test_a_build_needs_no_script_and_no_git_hosts_token() -> None:
    text = "\n".join(path.read_text() for path in FILES).lower()
    assert [word for word in ["provisioner", "local-exec", "external", "github"] if word in text] == []
