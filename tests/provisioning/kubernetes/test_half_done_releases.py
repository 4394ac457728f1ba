"""Releases that were cut off, that failed, that only look the same: with the real helm, against an API server."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provisioning.kubernetes import Helm, ReleaseSpec, Status
from provisioning.kubernetes.errors import ApiUnreachable, ChartRefused, ReleaseFailed
from provisioning.run import Cancelled, NotYet, RunError
from provisioning.site import Site
from tests.doubles.kubernetes import KubernetesServer
from tests.provisioning.kubernetes.world import Heard, chart

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}}}
    spec: {containers: [{name: main, image: {{ .Values.image }}}]}
"""
SECRET = """
apiVersion: v1
kind: Secret
metadata: {name: {{ .Release.Name }}-secret}
stringData: {password: {{ .Values.password }}}
"""
HELD = """
import sys
from pathlib import Path
from provisioning.cluster import load
from provisioning.kubernetes import Helm, ReleaseSpec
from provisioning.site import Site
from tests.provisioning.kubernetes.world import Heard

folder, chart = Path(sys.argv[1]), Path(sys.argv[2])
site = Site(load(), folder / "cluster.yaml", folder)
spec = ReleaseSpec("waste", "eco2", chart, {"replicas": 1, "image": "never:1"}, timeout_s=float(sys.argv[3]))
Helm(site).ensure(Heard().step(), spec)
"""


@pytest.fixture
def spec(tmp_path: Path) -> ReleaseSpec:
    folder = chart(tmp_path / "waste", {"deployment.yaml": DEPLOYMENT})
    return ReleaseSpec("waste", "eco2", folder, {"replicas": 2, "image": "waste:1"}, timeout_s=20)


@pytest.fixture
def killed(site: Site, server: KubernetesServer, spec: ReleaseSpec) -> Iterator[Callable[[float, bool], list[int]]]:
    """Kills a program that is in the middle of a release; ``also_helm``: its helm too. Returns helm's processes."""
    started: list[subprocess.Popen[bytes]] = []
    helms: list[int] = []

    def kill(timeout_s: float, also_helm: bool) -> list[int]:
        server.settings.never_ready.add("deployment/waste")
        words = [sys.executable, "-c", HELD, str(site.folder), str(spec.chart), str(timeout_s)]
        program = subprocess.Popen(words, cwd=Path(__file__).parents[3])
        started.append(program)
        until(lambda: "pending" in str([each["metadata"].get("labels") for each in server.list("Secret", "eco2")]))
        helms.extend(helm_processes(site))
        program.kill()
        program.wait()
        if also_helm:
            for helm in helms:
                os.kill(helm, signal.SIGKILL)
        return helms

    yield kill
    for program in started:
        program.kill()
        program.wait()
    for helm in helm_processes(site):
        os.kill(helm, signal.SIGKILL)


def until(happens: Callable[[], Any], within_s: float = 20.0) -> None:
    end = time.monotonic() + within_s
    while not happens():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def helm_processes(site: Site) -> list[int]:
    """The processes of this site's helm."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if words[0].endswith("/helm") and str(site.kubeconfig) in words and state != "Z":
            found.append(int(process.name))
    return found


def test_before_there_is_a_cluster_every_release_is_missing(
    site: Site, helm: Helm, heard: Heard, spec: ReleaseSpec
) -> None:
    assert helm.states(heard.step(), [spec])["waste"].status is Status.MISSING
    with pytest.raises(NotYet):
        helm.ensure(heard.step(), spec)


def test_a_release_is_installed_once_and_a_second_time_changes_nothing(
    server: KubernetesServer, helm: Helm, heard: Heard, spec: ReleaseSpec
) -> None:
    step = heard.step()
    helm.ensure(step, spec)
    state = helm.states(step, [spec])["waste"]
    assert (state.status, state.chart, state.revision) == (Status.DEPLOYED, "waste-1.0.0", 1)
    assert state.digest == helm.digests(step, [spec])["waste"]
    before = len(server.mutations())
    helm.ensure(step, spec)
    assert len(server.mutations()) == before


def test_a_template_that_changed_at_the_same_version_is_seen(
    server: KubernetesServer, helm: Helm, heard: Heard, spec: ReleaseSpec, tmp_path: Path
) -> None:
    step = heard.step()
    helm.ensure(step, spec)
    chart(tmp_path / "waste", {"deployment.yaml": DEPLOYMENT.replace("name: main", "name: other")})
    assert helm.digests(step, [spec])["waste"] != helm.states(step, [spec])["waste"].digest
    helm.ensure(step, spec)
    [deployment] = server.list("Deployment", "eco2", "apps")
    assert deployment["spec"]["template"]["spec"]["containers"][0]["name"] == "other"
    assert helm.states(step, [spec])["waste"].revision == 2


def test_other_values_are_an_upgrade(server: KubernetesServer, helm: Helm, heard: Heard, spec: ReleaseSpec) -> None:
    step = heard.step()
    helm.ensure(step, spec)
    helm.ensure(step, replace(spec, values={"replicas": 1, "image": "waste:2"}))
    [deployment] = server.list("Deployment", "eco2", "apps")
    assert deployment["spec"]["replicas"] == 1


def test_an_upgrade_that_does_not_become_ready_is_taken_back_and_the_pod_says_why(
    server: KubernetesServer, helm: Helm, heard: Heard, spec: ReleaseSpec
) -> None:
    step = heard.step()
    helm.ensure(step, spec)
    server.settings.bad_images.add("missing:9")
    with pytest.raises(ReleaseFailed) as failed:
        helm.ensure(step, replace(spec, values={"replicas": 2, "image": "missing:9"}, timeout_s=3))
    assert "ImagePullBackOff" in str(failed.value)
    assert "rolled back to revision 1" in str(failed.value)
    server.settle()
    [deployment] = server.list("Deployment", "eco2", "apps")
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "waste:1"
    # What was rolled back is not what was asked for, so the next run tries again.
    assert helm.states(step, [spec])["waste"].digest is None


def test_a_first_install_that_fails_is_left_to_look_at_and_goes_on_from_there(
    server: KubernetesServer, helm: Helm, heard: Heard, spec: ReleaseSpec
) -> None:
    step = heard.step()
    server.settings.crashing_images.add("waste:1")
    with pytest.raises(ReleaseFailed, match="CrashLoopBackOff"):
        helm.ensure(step, replace(spec, timeout_s=3))
    assert helm.states(step, [spec])["waste"].status is Status.FAILED
    assert server.list("Deployment", "eco2", "apps")
    helm.ensure(step, replace(spec, values={"replicas": 1, "image": "waste:2"}))
    assert helm.states(step, [spec])["waste"].status is Status.DEPLOYED


def test_an_install_that_was_cut_off_is_taken_back_and_done(
    server: KubernetesServer, helm: Helm, heard: Heard, spec: ReleaseSpec, killed: Callable[[float, bool], list[int]]
) -> None:
    killed(60, True)
    step = heard.step()
    assert helm.states(step, [spec])["waste"].status is Status.PENDING
    server.settings.never_ready.clear()
    helm.ensure(step, spec)
    assert helm.states(step, [spec])["waste"].status is Status.DEPLOYED
    assert "nobody works on it" in heard.text


def test_a_record_whose_last_write_was_lost_is_told_and_written_by_the_next_try(
    server: KubernetesServer, helm: Helm, heard: Heard, spec: ReleaseSpec
) -> None:
    lost = server.faults.cut("PUT", "/secrets/sh.helm.release", times=1)
    step = heard.step()
    with pytest.raises(ApiUnreachable, match="its record says pending-install") as failed:
        helm.ensure(step, spec)
    assert lost.spent
    assert failed.value.transient
    helm.ensure(step, spec)
    assert helm.states(step, [spec])["waste"].status is Status.DEPLOYED


def test_an_upgrade_that_was_cut_off_is_taken_back_and_done(
    server: KubernetesServer, helm: Helm, heard: Heard, spec: ReleaseSpec, killed: Callable[[float, bool], list[int]]
) -> None:
    step = heard.step()
    helm.ensure(step, spec)
    killed(60, True)
    assert helm.states(step, [spec])["waste"].said == "pending-upgrade"
    server.settings.never_ready.clear()
    helm.ensure(step, spec)
    state = helm.states(step, [spec])["waste"]
    assert (state.status, state.digest) == (Status.DEPLOYED, helm.digests(step, [spec])["waste"])


def test_a_helm_that_outlived_its_run_is_waited_for(
    server: KubernetesServer,
    site: Site,
    helm: Helm,
    heard: Heard,
    spec: ReleaseSpec,
    killed: Callable[[float, bool], list[int]],
) -> None:
    helms = killed(3, False)
    assert helms, "the killed run has left its helm behind"
    server.settings.never_ready.clear()
    helm.ensure(heard.step(), spec)
    assert "another helm still works on it" in heard.text
    assert helm_processes(site) == []
    assert helm.states(heard.step(), [spec])["waste"].status is Status.DEPLOYED


def test_a_run_that_is_to_stop_leaves_no_helm_behind(
    server: KubernetesServer, site: Site, helm: Helm, heard: Heard, spec: ReleaseSpec
) -> None:
    server.settings.never_ready.add("deployment/waste")
    threading.Timer(1.5, heard.stop.ask).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        helm.ensure(heard.step(), spec)
    assert time.monotonic() - began < 10
    assert helm_processes(site) == []


def test_a_storm_of_errors_ends_in_an_error_that_may_be_tried_again_or_in_the_release(
    server: KubernetesServer, helm: Helm, heard: Heard, spec: ReleaseSpec
) -> None:
    server.faults.too_many("/", times=3, retry_after_s=1)
    server.faults.add("*", "/deployments", code=500, times=2)
    for _ in range(4):
        # Each attempt goes on from what the one before has left behind.
        with suppress(ApiUnreachable, ReleaseFailed):
            helm.ensure(heard.step(), spec)
            break
    assert helm.states(heard.step(), [spec])["waste"].status is Status.DEPLOYED


def test_a_dead_api_server_is_told_in_time(
    server: KubernetesServer, helm: Helm, heard: Heard, spec: ReleaseSpec
) -> None:
    server.set_api(up=False)
    began = time.monotonic()
    with pytest.raises(ApiUnreachable):
        helm.ensure(heard.step(), spec)
    assert time.monotonic() - began < 30


def test_values_that_the_chart_does_not_know_are_refused_before_anything_is_made(
    server: KubernetesServer, helm: Helm, heard: Heard, spec: ReleaseSpec, tmp_path: Path
) -> None:
    schema = '{"type": "object", "additionalProperties": false, "properties": {"replicas": {}, "image": {}}}'
    chart(tmp_path / "waste", {"deployment.yaml": DEPLOYMENT}, **{"values.schema.json": schema})
    before = len(server.mutations())
    wrong = replace(spec, values={**spec.values, "replicsa": 3})
    with pytest.raises(ChartRefused, match="replicsa"):
        helm.ensure(heard.step(), wrong)
    with pytest.raises(ChartRefused, match="replicsa"):
        helm.rendered(heard.step(), wrong)
    assert [each for each in server.mutations()[before:] if "secrets" in each.path] == []


def test_a_new_field_of_a_crd_is_there_before_the_upgrade_that_uses_it(
    server: KubernetesServer, helm: Helm, heard: Heard, spec: ReleaseSpec, tmp_path: Path
) -> None:
    def crd(*fields: str) -> str:
        properties = "".join(f"                {field}: {{type: string}}\n" for field in fields)
        return f"""apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: things.example.com}}
spec:
  group: example.com
  scope: Namespaced
  names: {{kind: Thing, plural: things, singular: thing, listKind: ThingList}}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
{properties}"""

    thing = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}\nspec: "
    step = heard.step()
    chart(tmp_path / "waste", {"thing.yaml": thing + "{one: a}"}, **{"crds/thing.yaml": crd("one")})
    helm.ensure(step, spec)
    chart(tmp_path / "waste", {"thing.yaml": thing + "{two: b}"}, **{"crds/thing.yaml": crd("one", "two")})
    helm.ensure(step, spec)
    [found] = server.list("Thing", "eco2", "example.com")
    assert found["spec"]["two"] == "b"


def test_uninstalling_removes_its_objects_and_twice_is_once(
    server: KubernetesServer, helm: Helm, heard: Heard, spec: ReleaseSpec
) -> None:
    helm.ensure(heard.step(), spec)
    helm.uninstall(heard.step(), "waste", "eco2")
    assert server.list("Deployment", "eco2", "apps") == []
    helm.uninstall(heard.step(), "waste", "eco2")
    assert helm.states(heard.step(), [spec])["waste"].status is Status.MISSING


def test_a_difference_is_shown_before_the_upgrade_and_there_is_none_after_it(
    server: KubernetesServer, helm: Helm, heard: Heard, spec: ReleaseSpec, tmp_path: Path
) -> None:
    step = heard.step()
    chart(tmp_path / "waste", {"deployment.yaml": DEPLOYMENT, "secret.yaml": SECRET})
    first = replace(spec, values={**spec.values, "password": "first-of-all"})
    second = replace(spec, values={**spec.values, "image": "waste:2", "password": "second-to-none"})
    helm.ensure(step, first)
    assert helm.diff(step, first) == ""
    shown = helm.diff(step, second)
    assert "-      - image: waste:1" in shown
    assert "+      - image: waste:2" in shown
    assert "[hidden, then]" in shown
    assert "first-of-all" not in shown
    assert "second-to-none" not in shown


def test_values_stand_in_no_process_list(
    server: KubernetesServer, helm: Helm, heard: Heard, spec: ReleaseSpec, tmp_path: Path
) -> None:
    chart(tmp_path / "waste", {"deployment.yaml": DEPLOYMENT, "secret.yaml": SECRET})
    seen: set[str] = set()
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    seen.add((process / "cmdline").read_text(errors="replace"))
                    seen.add((process / "environ").read_text(errors="replace"))
                except OSError:
                    continue

    looking = threading.Thread(target=look)
    looking.start()
    try:
        helm.ensure(heard.step(), replace(spec, values={**spec.values, "password": "seen-by-nobody"}))
    finally:
        ended.set()
        looking.join()
    assert any("/helm\0upgrade" in words for words in seen), "helm was not seen at all"
    assert not any("seen-by-nobody" in words for words in seen)


def test_several_releases_go_side_by_side_and_every_failure_is_told(
    server: KubernetesServer, helm: Helm, heard: Heard, spec: ReleaseSpec
) -> None:
    server.settings.bad_images.add("missing")
    broken = {"replicas": 1, "image": "missing:1"}
    specs = [
        replace(spec, name="good"),
        replace(spec, name="bad", values=broken, timeout_s=3),
        replace(spec, name="worse", values=broken, timeout_s=3),
    ]
    began = time.monotonic()
    with pytest.raises(RunError) as failed:
        helm.ensure(heard.step(), *specs)
    assert "bad: " in str(failed.value)
    assert "worse: " in str(failed.value)
    assert time.monotonic() - began < 12
    states = helm.states(heard.step(), specs)
    assert [states[name].status for name in ("good", "bad", "worse")] == [Status.DEPLOYED, Status.FAILED, Status.FAILED]
