"""The API server is overloaded, slow, gone, somebody else's: every call ends in bounded time with what it means."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from provisioning.kubernetes import Kubectl
from provisioning.kubernetes.errors import (
    ApiRefused,
    ApiSaid,
    ApiUnreachable,
    Conflict,
    NotFound,
    OwnedByAnother,
    ToolMissing,
)
from provisioning.kubernetes.kubectl import meaning
from provisioning.run import Cancelled, NotYet, RunError
from provisioning.site import Site
from tests.doubles.kubernetes import KubernetesServer
from tests.provisioning.kubernetes.world import Heard

Settings = dict[str, object]


def config_map(name: str, namespace: str = "default", **data: str) -> Settings:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def secret(name: str, **content: str) -> Settings:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": content}


def test_without_a_kubeconfig_nothing_is_known_yet(site: Site, heard: Heard, kubectl: Kubectl) -> None:
    with pytest.raises(NotYet):
        kubectl.get(heard.step(), "nodes")


def test_what_is_applied_is_read_again_and_applying_it_twice_changes_nothing(
    server: KubernetesServer, heard: Heard, kubectl: Kubectl
) -> None:
    step = heard.step()
    kubectl.apply(step, [config_map("a", x="1"), config_map("b", y="2")])
    assert kubectl.get(step, "configmap", "a", namespace="default")["data"] == {"x": "1"}
    before = len(server.mutations())
    kubectl.apply(step, [config_map("a", x="1"), config_map("b", y="2")])
    assert len(server.mutations()) == before


def test_a_kind_that_the_cluster_does_not_know_has_no_objects(
    server: KubernetesServer, heard: Heard, kubectl: Kubectl
) -> None:
    assert kubectl.items(heard.step(), "installations.operator.tigera.io") == []
    with pytest.raises(NotFound):
        kubectl.get(heard.step(), "node", "nobody")


def test_whether_something_exists_is_told_without_its_content(
    server: KubernetesServer, heard: Heard, kubectl: Kubectl
) -> None:
    step = heard.step()
    assert not kubectl.exists(step, "secret", "s", namespace="default")
    kubectl.create(step, secret("s", password="not-to-be-seen"))
    assert kubectl.exists(step, "secret", "s", namespace="default")


def test_what_exists_is_not_overwritten_by_create(server: KubernetesServer, heard: Heard, kubectl: Kubectl) -> None:
    step = heard.step()
    assert kubectl.create(step, config_map("a", x="1"))
    assert not kubectl.create(step, config_map("a", x="2"))
    assert kubectl.get(step, "configmap", "a", namespace="default")["data"] == {"x": "1"}


def test_a_storm_of_refusals_is_sat_out(server: KubernetesServer, heard: Heard, kubectl: Kubectl) -> None:
    server.faults.too_many("/configmaps", times=2, retry_after_s=1)
    server.faults.add("*", "/configmaps", code=500, times=2)
    kubectl.apply(heard.step(), [config_map("a", x="1")])
    assert kubectl.get(heard.step(), "configmap", "a", namespace="default")["data"] == {"x": "1"}


def test_a_storm_that_does_not_end_is_an_error_that_may_be_tried_again(
    server: KubernetesServer, heard: Heard, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provisioning.kubernetes.kubectl._AGAIN_AFTER_S", (0.01, 0.01))
    server.faults.add("*", "/nodes", code=500, times=1000)
    with pytest.raises(ApiUnreachable):
        kubectl.get(heard.step(), "nodes")
    assert ApiUnreachable.transient
    assert "trying again" in heard.text


def test_a_dead_api_server_is_told_within_the_steps_time(
    server: KubernetesServer, heard: Heard, kubectl: Kubectl
) -> None:
    server.set_api(up=False)
    began = time.monotonic()
    with pytest.raises(RunError):
        kubectl.get(heard.step(timeout_s=3), "nodes")
    assert time.monotonic() - began < 10


def test_a_server_that_never_answers_is_given_up_in_time(
    server: KubernetesServer, heard: Heard, kubectl: Kubectl
) -> None:
    server.faults.add("GET", "/nodes", delay_s=20, times=1000)
    began = time.monotonic()
    with pytest.raises(RunError):
        kubectl.run(heard.step(), "get", "nodes", timeout_s=2)
    assert time.monotonic() - began < 10


def test_a_run_that_is_to_stop_does_not_wait_for_the_answer(
    server: KubernetesServer, heard: Heard, kubectl: Kubectl
) -> None:
    server.faults.add("GET", "/nodes", delay_s=20, times=1000)
    threading.Timer(0.5, heard.stop.ask).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        kubectl.get(heard.step(), "nodes")
    assert 0.4 < time.monotonic() - began < 5


def test_a_certificate_that_is_not_the_clusters_is_no_passing_trouble(
    server: KubernetesServer, site: Site, heard: Heard, kubectl: Kubectl
) -> None:
    with KubernetesServer.standing() as other:
        config = server.kubeconfig().replace(f":{server.port}", f":{other.port}")
        site.kubeconfig.write_text(config)
        with pytest.raises(ApiRefused):
            kubectl.get(heard.step(), "nodes")
    assert not ApiRefused.transient


def test_a_field_of_another_owner_is_not_taken_over_unasked(
    server: KubernetesServer, heard: Heard, kubectl: Kubectl
) -> None:
    step = heard.step()
    kubectl.apply(step, [config_map("a", x="1")])
    kubectl.run(step, "patch", "configmap", "a", "--type=merge", "--patch", '{"data": {"x": "by hand"}}')
    with pytest.raises(OwnedByAnother):
        kubectl.apply(step, [config_map("a", x="2")])
    kubectl.apply(step, [config_map("a", x="2")], force=True)
    assert kubectl.get(step, "configmap", "a", namespace="default")["data"] == {"x": "2"}


def test_a_secret_is_in_no_word_of_an_error_nor_of_the_output(
    server: KubernetesServer, heard: Heard, kubectl: Kubectl
) -> None:
    server.faults.add("*", "/secrets", code=403, times=1000)
    with pytest.raises(RunError) as caught:
        kubectl.apply(heard.step(), [secret("s", password="hunter2-and-more")])
    assert "hunter2" not in str(caught.value)
    heard.step().say("the password is hunter2-and-more")
    assert "hunter2" not in heard.text


def test_an_invalid_object_is_refused_with_the_servers_words(
    server: KubernetesServer, heard: Heard, kubectl: Kubectl
) -> None:
    with pytest.raises(ApiSaid):
        kubectl.apply(heard.step(), [config_map("NOT A NAME", x="1")])


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (
            "The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?",
            ApiUnreachable,
        ),
        ("Unable to connect to the server: dial tcp 10.0.0.1:6443: i/o timeout", ApiUnreachable),
        ("Unable to connect to the server: tls: failed to verify certificate: x509: unknown authority", ApiRefused),
        ("Error from server (InternalError): failed calling webhook: no endpoints available", ApiUnreachable),
        ("error: You must be logged in to the server (Unauthorized)", ApiRefused),
        ('Error from server (Conflict): Operation cannot be fulfilled on nodes "a"', Conflict),
        ('error: the server doesn\'t have a resource type "installations"', NotFound),
        ('The Deployment "x" is invalid: spec.selector: Required value', ApiSaid),
    ],
)
def test_kubectls_words_have_one_meaning_each(said: str, error: type[RunError]) -> None:
    assert meaning(said) is error


def test_a_kubelet_serves_only_with_a_certificate(
    server: KubernetesServer, site: Site, heard: Heard, kubectl: Kubectl
) -> None:
    node = site.cluster.of_role("api")[0].name
    assert not kubectl.kubelet_serves(heard.step(), node)
    [request] = [each["metadata"]["name"] for each in kubectl.items(heard.step(), "certificatesigningrequests")]
    kubectl.repeated(heard.step(), "certificate", "approve", request)
    server.settle()
    assert kubectl.kubelet_serves(heard.step(), node)


def test_elsewhere_a_program_that_is_missing_is_named_with_its_version(
    site: Site, kubectl: Kubectl, heard: Heard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match=rf"kubectl {site.cluster.kubernetes.version.line}"):
        assert kubectl.tools


def test_a_program_of_a_foreign_version_is_refused(
    site: Site, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: Callable[[Path, str], None]
) -> None:
    script(tmp_path / "bin" / "kubectl", """echo '{"clientVersion": {"gitVersion": "v1.20.1"}}'""")
    script(tmp_path / "bin" / "helm", "echo v4.1.4")
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    with pytest.raises(RunError, match=r"kubectl 1\.20\.1"):
        assert kubectl.tools


def test_a_program_that_was_half_unpacked_is_unpacked_again(
    empty: KubernetesServer, site: Site, tmp_path: Path
) -> None:
    folder = tmp_path / "clusters" / "bin"
    folder.unlink()
    folder.mkdir()
    (folder / "kubectl").write_bytes(b"\x7fELF half of it")
    (folder / "kubectl").chmod(0o755)
    found = Kubectl(site).tools
    assert found.kubectl.version.line == "1.34"
    assert {path.name for path in folder.iterdir()} == {"kubectl", "helm"}
