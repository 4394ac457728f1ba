"""Reading a cluster file: all mistakes at once, and never another error than one's own."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provisioning.cluster.document import MAX_CHARACTERS, MAX_DEPTH
from provisioning.cluster.errors import ConfigurationError
from provisioning.cluster.loading import CLUSTER_FILE, Examination, examine, examine_text, examples_left, load
from provisioning.cluster.model import Cluster

SMALL = Path(__file__).with_name("small.yaml").read_text(encoding="utf-8")
IN_TIME = date(2026, 1, 1)


def test_the_products_own_file_has_no_mistake() -> None:
    assert examine().errors == ()


def test_the_products_own_file_warns_of_the_example_addresses_and_nothing_else_while_its_kubernetes_is_maintained() -> (
    None
):
    warnings = [finding.path for finding in examine(today=IN_TIME).warnings]
    assert warnings == ["access.ssh_from[0]", "access.api_from[0]"]


def test_what_is_only_an_example_is_left_to_be_replaced_before_a_rebuild(cluster: Cluster, small: Cluster) -> None:
    assert examples_left(cluster) == ["access.ssh_from[0]", "access.api_from[0]"]
    assert examples_left(small) == []


def test_a_kubernetes_past_its_end_of_life_is_warned_of_at_its_place() -> None:
    told = examine_text(SMALL, today=date(2027, 3, 1)).warnings
    assert [finding.text("f") for finding in told] == [
        "f:21:12: kubernetes.version: Kubernetes 1.35 gets no more fixes since 2027-02-28"
    ]
    assert examine_text(SMALL, today=date(2027, 2, 28)).warnings == ()


def test_access_from_anywhere_is_possible_when_it_is_said_but_warned_of() -> None:
    text = SMALL.replace("ssh_from: [198.18.0.7/32]", "ssh_from: [0.0.0.0/0]").replace(
        "anywhere: []", "anywhere: [ssh]"
    )
    examined = examine_text(text, today=IN_TIME)
    assert examined.cluster is not None
    assert [finding.text("f") for finding in examined.warnings] == [
        "f:16:14: access.ssh_from[0]: everybody may connect"
    ]


def test_saying_it_for_ssh_does_not_open_the_api_server() -> None:
    text = SMALL.replace("api_from: [198.18.0.7/32]", "api_from: [0.0.0.0/0]").replace(
        "anywhere: []", "anywhere: [ssh]"
    )
    assert [finding.path for finding in examine_text(text).errors] == ["access.api_from[0]"]


def test_a_cluster_without_a_domain_is_right() -> None:
    cluster = examine_text(SMALL.replace("name: example.org", "name: null")).cluster
    assert cluster is not None
    assert cluster.domain.host("api") is None


def test_a_domain_gives_its_hosts_their_full_names() -> None:
    cluster = examine_text(SMALL).cluster
    assert cluster is not None
    assert cluster.domain.host("images") == "images.example.org"


def test_load_raises_all_mistakes_in_the_order_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text(
        SMALL.replace("max_pods: 60", "max_pods: 5").replace("name: small\n", "name: S\n"), encoding="utf-8"
    )
    with pytest.raises(ConfigurationError) as caught:
        load(file)
    assert [(finding.line, finding.path) for finding in caught.value.findings] == [
        (1, "name"),
        (22, "kubernetes.max_pods"),
    ]
    assert str(caught.value).splitlines()[1] == f"{file}:22:13: kubernetes.max_pods: must be at least 10"


def test_a_file_that_is_not_there_is_a_mistake_like_any_other(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.yaml:1:1: cannot be read: No such file or directory"):
        load(tmp_path / "none.yaml")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(tmp_path)


def test_a_name_that_no_file_can_have_is_a_mistake_like_any_other() -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load("cluster\0.yaml")


def test_bytes_that_are_not_utf8_are_told_at_their_place(tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_bytes(b"name: small\nenvironment: \xff\n")
    assert [finding.text("f") for finding in examine(file).errors] == ["f:2:14: is not UTF-8"]


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + SMALL.encode())
    assert examine(file).errors == ()


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_an_empty_file_is_said_to_be_empty(text: str) -> None:
    assert [finding.text("f") for finding in examine_text(text).errors] == ["f:1:1: is empty"]


@pytest.mark.parametrize("text", ["- a\n", "word\n", "7\n"])
def test_a_file_that_is_no_mapping_is_said_to_be_none(text: str) -> None:
    assert [finding.message for finding in examine_text(text).errors] == ["must be a mapping (key: value)"]


def test_nesting_without_end_is_refused_before_it_is_read() -> None:
    (told,) = examine_text("name: " + "[" * 100_000).errors
    assert told.message == f"is nested more than {MAX_DEPTH} levels deep"


def test_aliases_that_would_grow_to_billions_are_refused() -> None:
    text = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    (told,) = examine_text(text).errors
    assert told.message == "*a: aliases are not read here; write the value out"


def test_a_file_that_is_too_long_is_not_read() -> None:
    (told,) = examine_text("#" * (MAX_CHARACTERS + 1)).errors
    assert "is longer than" in told.message


def test_a_control_character_is_told_at_its_place() -> None:
    (told,) = examine_text("name: small\nregion: \x07\n").errors
    assert told.text("f") == "f:2:9: is no YAML: the character U+0007"


def usable_or_told(examined: Examination) -> None:
    """What every examination must be: a cluster without errors, or errors with places and words."""
    assert (examined.cluster is None) == bool(examined.errors)
    for finding in (*examined.errors, *examined.warnings):
        assert finding.line >= 1
        assert finding.column >= 1
        assert finding.message


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.dates(), st.binary(max_size=8)
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(SCALARS, inner, max_size=4)),
    max_leaves=12,
)
PROPERTY = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@PROPERTY
@given(st.text())
def test_any_text_is_a_cluster_or_is_told_to_be_none(text: str) -> None:
    usable_or_told(examine_text(text))


@PROPERTY
@given(ANYTHING)
def test_any_yaml_is_a_cluster_or_is_told_to_be_none(data: Any) -> None:
    usable_or_told(examine_text(yaml.safe_dump(data, allow_unicode=True)))


def paths_in(data: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inside: list[tuple[str | int, ...]] = [path] if path else []
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for step, value in items:
        inside += paths_in(value, (*path, step))
    return inside


@PROPERTY
@given(st.sampled_from(paths_in(yaml.safe_load(SMALL))), ANYTHING)
def test_anything_in_the_place_of_anything_is_right_or_told(path: tuple[str | int, ...], value: Any) -> None:
    data = yaml.safe_load(SMALL)
    here = data
    for step in path[:-1]:
        here = here[step]
    here[path[-1]] = value
    usable_or_told(examine_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True)))


@PROPERTY
@given(st.integers(0, len(SMALL)), st.integers(0, 40), st.text(max_size=5))
def test_a_torn_file_is_right_or_told(start: int, length: int, inserted: str) -> None:
    usable_or_told(examine_text(SMALL[:start] + inserted + SMALL[start + length :]))


@pytest.mark.parametrize("path", paths_in(yaml.safe_load(SMALL)), ids=str)
def test_nothing_may_be_left_out_without_being_told_unless_it_is_optional(path: tuple[str | int, ...]) -> None:
    data = yaml.safe_load(SMALL)
    here = data
    for step in path[:-1]:
        here = here[step]
    del here[path[-1]]
    examined = examine_text(yaml.safe_dump(data, sort_keys=False))
    usable_or_told(examined)
    optional = {"limits", "volume_gib", "cpu"}
    free = path[0] in ("releases", "tags") or isinstance(path[-1], int) or "labels" in path
    assert examined.errors or path[-1] in optional or free


def test_the_default_file_is_the_one_beside_the_package() -> None:
    assert Path(__file__).parents[3] / "provisioning" / "cluster.yaml" == CLUSTER_FILE
