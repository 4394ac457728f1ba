"""Wrong machines and wrong words are refused with what is wrong, and nothing happens."""

from __future__ import annotations

import json

from provisioning.run import ExitCode
from tests.provisioning.rebuild.whole.conftest import Rebuilt


def test_a_machine_with_another_host_key_is_refused(rebuilt: Rebuilt) -> None:
    world = rebuilt.world
    name, other = world.site.nodes[1], world.site.nodes[2]
    kept = world.site.outputs_file.read_text()
    outputs = json.loads(kept)
    outputs["nodes"][name]["host_key"] = outputs["nodes"][other]["host_key"]
    world.site.outputs_file.write_text(json.dumps(outputs))
    try:
        refused = world.run("rebuild", "--only", "reach", "--nodes", name)
    finally:
        world.site.outputs_file.write_text(kept)
    assert refused.code == ExitCode.SSH, refused.text
    assert "E-HOST-KEY" in refused.out


def test_a_mistake_in_the_cluster_file_is_told_by_its_line(rebuilt: Rebuilt) -> None:
    world = rebuilt.world
    file = world.folder / "wrong.yaml"
    file.write_text(world.file.read_text().replace("t3a.large", "t3a.lagre", 1))
    wrong = world.run("rebuild", "--file", str(file))
    assert wrong.code == ExitCode.CONFIGURATION
    assert "did you mean t3a.large?" in wrong.err
    assert "wrong.yaml:" in wrong.err


def test_a_phase_that_does_not_exist_is_told_with_the_nearest(rebuilt: Rebuilt) -> None:
    wrong = rebuilt.world.run("rebuild", "--only", "prepair")
    assert wrong.code == ExitCode.CONFIGURATION
    assert "did you mean prepare?" in wrong.err


def test_the_checks_alone_can_be_asked_for_as_json(rebuilt: Rebuilt) -> None:
    checked = rebuilt.world.run("preflight", "--json")
    report = json.loads(checked.out)
    assert report["ok"], checked.text
    numbers = [each["number"] for each in report["checks"]]
    assert numbers == sorted(numbers)
    assert checked.code == ExitCode.DONE
