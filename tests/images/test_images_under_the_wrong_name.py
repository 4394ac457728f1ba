"""An image that nobody can trace: built of a changed tree, under another's tag, or without a word of what it is."""

import json
from pathlib import Path
from typing import Any

import pytest

from provisioning.images.errors import BuildRefused, TreeDirty
from provisioning.images.tree import tree
from tests.images.conftest import Machine, git

SERVICES, WORKER = "ghcr.io/mangowhoiscloud/eco2", "ghcr.io/mangowhoiscloud/eco2-worker"


def test_each_image_is_tagged_by_version_and_by_commit(machine: Machine) -> None:
    commit = git(machine.repository, "rev-parse", "HEAD")[:12]

    built = machine.build(push=True)

    assert [one.image.references for one in built] == [
        (f"{SERVICES}:1.2.3", f"{SERVICES}:{commit}"),
        (f"{WORKER}:1.2.3", f"{WORKER}:{commit}"),
    ]


def test_the_digest_is_the_one_that_the_registry_has(machine: Machine) -> None:
    built = machine.build(push=True)

    assert all(one.pushed and one.digest.startswith("sha256:") for one in built)
    assert len({one.digest for one in built}) == 2
    for one in built:
        assert f"pushed  {one.image.references[0]}" in machine.shown.getvalue()
        assert one.digest in machine.shown.getvalue()


def test_without_a_push_the_image_is_loaded_and_nobody_logs_in(machine: Machine) -> None:
    built = machine.build(targets=["services"])

    assert [one.pushed for one in built] == [False]
    assert machine.words() == ["version --format", "buildx version", "buildx build", "image inspect"]


def test_the_workers_image_alone(machine: Machine) -> None:
    (one,) = machine.build(targets=["worker"], push=True)

    assert one.image.repository == WORKER
    assert machine.words().count("buildx build") == 1


def test_a_changed_tree_is_tagged_so_and_not_pushed(machine: Machine) -> None:
    (machine.repository / "new.py").write_text("1")

    (one,) = machine.build(targets=["services"])
    assert all(tag.endswith("-dirty") for tag in one.image.tags)

    with pytest.raises(TreeDirty):
        machine.build(push=True)
    assert machine.words().count("login ghcr.io") == 0


def test_a_changed_tree_is_pushed_under_its_own_tags_when_agreed(machine: Machine) -> None:
    (machine.repository / "Dockerfile").open("a").write("# more\n")

    built = machine.build(push=True, allow_dirty=True)

    assert all(tag.endswith("-dirty") for one in built for tag in one.image.tags)


def test_what_git_ignores_makes_no_tree_dirty(machine: Machine) -> None:
    (machine.repository / ".git" / "info").mkdir()
    (machine.repository / ".git" / "info" / "exclude").write_text("*.pyc\n")
    (machine.repository / "x.pyc").write_text("")

    assert not tree(machine.repository).dirty


def test_a_tree_without_a_commit_is_never_called_clean(tmp_path: Path) -> None:
    assert tree(tmp_path).dirty
    assert tree(tmp_path).commit == ""


def test_a_repository_that_git_cannot_read_is_an_error_and_not_clean(machine: Machine) -> None:
    (machine.repository / ".git" / "index").write_bytes(b"broken")

    with pytest.raises(BuildRefused, match="git status"):
        tree(machine.repository)


@pytest.mark.parametrize(
    ("remote", "page"),
    [
        ("git@github.com:someone/eco2.git", "https://github.com/someone/eco2"),
        ("https://user:ghp_secret@github.com/someone/eco2", "https://github.com/someone/eco2"),
        ("ssh://git@github.com/someone/eco2.git", "https://github.com/someone/eco2"),
        ("../elsewhere", ""),
    ],
)
def test_the_source_is_a_page_without_a_password(repository: Path, remote: str, page: str) -> None:
    git(repository, "remote", "set-url", "origin", remote)

    assert tree(repository).source == page


def test_what_the_image_says_of_itself_is_the_trees(machine: Machine) -> None:
    machine.build(targets=["services"], push=True)
    (call,) = [call for call in machine.calls() if call["argv"][:2] == ["buildx", "build"]]
    told = dict(word.removeprefix("--build-arg=").split("=", 1) for word in call["argv"] if "--build-arg=" in word)

    commit = git(machine.repository, "rev-parse", "HEAD")
    seconds = git(machine.repository, "show", "-s", "--format=%ct")
    assert (told["REVISION"], told["VERSION"], told["SOURCE_DATE_EPOCH"]) == (commit, "1.2.3", seconds)
    assert told["SOURCE"] == "https://github.com/someone/eco2"
    assert told["CREATED"].endswith("Z")
    assert "ghp_" not in json.dumps(call["argv"])


@pytest.mark.parametrize("version", ["", "1.0+local", "-x", "a b", "x" * 122, "v1/2", "버전"])
def test_a_version_that_is_no_tag_is_refused_at_once(machine: Machine, version: str) -> None:
    with pytest.raises(BuildRefused, match="cannot be an image's tag"):
        machine.build(version)
    assert machine.calls() == []


@pytest.mark.parametrize(
    "options",
    [
        {"platforms": ["linux/amd64", "linux/arm64"]},
        {"sbom": True},
        {"platforms": ["linux"], "push": True},
        {"platforms": ["linux/amd64;reboot"], "push": True},
    ],
)
def test_options_that_contradict_each_other_are_refused_at_once(machine: Machine, options: dict[str, Any]) -> None:
    with pytest.raises(BuildRefused):
        machine.build(**options)
    assert machine.calls() == []


def test_sbom_and_provenance_come_when_asked_for(machine: Machine) -> None:
    machine.build(targets=["services"], push=True, sbom=True, platforms=["linux/amd64", "linux/arm64"])
    machine.build(targets=["services"], push=True)

    first, second = [call["argv"] for call in machine.calls() if call["argv"][:2] == ["buildx", "build"]]
    assert {"--sbom=true", "--provenance=mode=max", "--platform=linux/amd64,linux/arm64"} <= set(first)
    assert "--provenance=false" in second
    assert "--sbom=true" not in second
