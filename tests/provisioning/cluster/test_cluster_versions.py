"""The version matrix is sound, and versions change only in the order that Kubernetes permits."""

import pytest

from provisioning.cluster.loading import examine_text
from provisioning.cluster.model import Cluster
from provisioning.cluster.versions import (
    UpgradeRefused,
    Version,
    kubelet_problem,
    kubernetes_version,
    matrix,
    mismatches,
    upgrade_path,
    upgrade_problems,
)

V = Version.parse


@pytest.mark.parametrize("line", sorted(matrix().minors))
def test_everything_in_the_matrix_goes_with_the_newest_patch_of(line: str) -> None:
    assert mismatches(matrix().newest(line)) == []


def test_the_matrix_has_four_minors_without_a_gap() -> None:
    assert sorted(matrix().minors) == ["1.32", "1.33", "1.34", "1.35"]


def test_every_figure_has_its_source() -> None:
    for minor in matrix().minors.values():
        assert set(minor.sources) == {"patches", "images"}
    for component in matrix().components.values():
        assert component.source.strip()


def test_each_minor_lives_longer_than_the_one_before() -> None:
    ends = [matrix().minors[line].end_of_life for line in sorted(matrix().minors)]
    assert ends == sorted(set(ends))


def test_every_component_with_a_chart_is_a_release_of_the_products_cluster(cluster: Cluster) -> None:
    charted = {name for name, component in matrix().components.items() if component.chart}
    assert charted <= set(cluster.releases)


@pytest.mark.parametrize("name", ["calico", "helm", "containerd"])
def test_what_does_not_go_with_a_minor_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = matrix()
    narrow: dict[str, object] = {
        "version": V("1.7.27") if name == "containerd" else V("9.9.9"),
        "kubernetes": ("1.30", "1.33"),
    }
    if name == "containerd":
        narrow["kubernetes"] = None
    changed = {**known.components, name: known.components[name].model_copy(update=narrow)}
    monkeypatch.setattr(
        "provisioning.cluster.versions.matrix", lambda: known.model_copy(update={"components": changed})
    )
    (told,) = mismatches(V("1.34.9"))
    expected = {
        "calico": "calico 9.9.9 is for Kubernetes 1.30 to 1.33",
        "helm": "helm 9.9.9 is for Kubernetes 1.30 to 1.33",
        "containerd": "containerd 1.7.27 is not what Kubernetes 1.34 wants (2.1.3+, 2.0.6+, 1.7.28+, 1.6.39+)",
    }
    assert told == expected[name]


def test_a_cluster_whose_kubernetes_a_component_does_not_know_is_refused_at_its_version(
    small_text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = matrix()
    old = known.components["calico"].model_copy(update={"kubernetes": ("1.32", "1.34")})
    changed = known.model_copy(update={"components": {**known.components, "calico": old}})
    monkeypatch.setattr("provisioning.cluster.versions.matrix", lambda: changed)
    assert [finding.text("f") for finding in examine_text(small_text).errors] == [
        "f:21:12: kubernetes.version: calico 3.31.3 is for Kubernetes 1.32 to 1.34"
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1.34", r"names no patch \(did you mean 1\.34\.12\?\)"),
        ("1.34.13", r"is not known; of 1\.34 it is 1\.34\.0 to 1\.34\.12"),
        ("1.31.9", "is not in the version matrix"),
        ("2.34.1", "is not in the version matrix"),
        ("1.34.5-rc.1", "is no version"),
        ("١.٣٤.٥", "is no version"),
    ],
)
def test_a_version_that_is_not_known_is_refused(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        kubernetes_version(text)


@pytest.mark.parametrize(
    ("api_server", "kubelet", "permitted"),
    [
        ("1.34.5", "1.34.5", True),
        ("1.34.5", "1.34.9", True),
        ("1.34.5", "1.31.0", True),
        ("1.34.5", "1.30.14", False),
        ("1.34.5", "1.35.0", False),
    ],
)
def test_a_kubelet_is_at_most_three_minors_older_and_never_of_a_newer_minor(
    api_server: str, kubelet: str, permitted: bool
) -> None:
    assert (kubelet_problem(V(api_server), V(kubelet)) is None) is permitted


@pytest.mark.parametrize(
    ("running", "wanted", "path"),
    [
        ("1.34.5", "1.34.5", []),
        ("1.34.5", "1.34.9", ["1.34.9"]),
        ("1.34.5", "1.35.4", ["1.35.4"]),
        # etcd 3.5 -> 3.6 between these two: only from the newest 1.33
        ("1.33.1", "1.34.9", ["1.33.13", "1.34.9"]),
        ("1.33.13", "1.34.9", ["1.34.9"]),
        ("1.32.0", "1.35.0", ["1.33.13", "1.34.12", "1.35.0"]),
    ],
)
def test_an_upgrade_skips_no_minor_and_changes_etcds_line_only_from_a_late_patch(
    running: str, wanted: str, path: list[str]
) -> None:
    assert [str(step) for step in upgrade_path(V(running), V(wanted))] == path


@pytest.mark.parametrize(
    ("running", "wanted", "why"),
    [
        ("1.34.9", "1.34.5", "cannot be downgraded"),
        ("1.35.0", "1.34.9", "cannot be downgraded"),
        ("1.34.9", "1.36.0", "not in the version matrix"),
        ("1.30.0", "1.34.0", "does not know the way from 1.30 to 1.31"),
    ],
)
def test_an_upgrade_that_may_not_be_is_refused(running: str, wanted: str, why: str) -> None:
    with pytest.raises(UpgradeRefused, match=why):
        upgrade_path(V(running), V(wanted))


def test_the_control_plane_waits_for_kubelets_that_it_would_leave_too_far_behind() -> None:
    kubelets = {"b": V("1.31.4"), "a": V("1.34.1")}
    assert upgrade_problems(V("1.34.1"), kubelets, V("1.35.0")) == [
        "b: the kubelet 1.31.4 is 4 minors behind the API server 1.35.0, 3 are permitted"
    ]


def test_the_control_plane_goes_first() -> None:
    assert upgrade_problems(V("1.34.1"), {"a": V("1.35.0")}, V("1.35.0")) == [
        "a: the kubelet 1.35.0 is newer than the API server 1.34.1"
    ]
    assert upgrade_problems(V("1.34.1"), {"a": V("1.34.1")}, V("1.35.0")) == []


def test_a_step_over_a_minor_or_back_is_a_problem() -> None:
    assert upgrade_problems(V("1.32.1"), {}, V("1.34.0")) == ["the API server 1.32.1 cannot skip a minor to 1.34.0"]
    assert upgrade_problems(V("1.34.1"), {}, V("1.34.0")) == ["the API server 1.34.1 cannot be downgraded to 1.34.0"]
