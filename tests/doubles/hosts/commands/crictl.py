"""crictl: images, and the containers of static pods."""

from __future__ import annotations

import hashlib
import json

from tests.doubles.hosts import kubelet
from tests.doubles.hosts.arguments import parse
from tests.doubles.hosts.calls import Call, Exit, Violation
from tests.doubles.hosts.commands.etcd import inside_etcd
from tests.doubles.hosts.host import Host
from tests.doubles.hosts.server import command

_NO_RUNTIME = (
    "FATA[0000] validate service connection: validate CRI v1 runtime API for endpoint "
    '"unix:///run/containerd/containerd.sock": '
    "rpc error: code = Unimplemented desc = unknown service runtime.v1.RuntimeService"
)
# What the etcd container sees of the host.
_ETCD_MOUNTS = {"/var/lib/etcd": "/var/lib/etcd", "/etc/kubernetes/pki/etcd": "/etc/kubernetes/pki/etcd"}


@command("crictl")
def crictl(host: Host, call: Call) -> int:
    given = parse(
        call.arguments,
        ("--debug/-D",),
        ("--runtime-endpoint/-r", "--image-endpoint/-i", "--timeout/-t", "--config/-c"),
        stop=True,
    )
    verb, *words = given.words or ["--version"]
    if verb in ("--version", "-v"):
        call.out(f"crictl version v{host.packages.installed['cri-tools'].partition('-')[0]}\n")
        return 0
    if host.runtime is None or not host.runtime.cri:
        raise Exit(1, _NO_RUNTIME)
    kubelet.settle(host)
    match verb:
        case "info":
            call.out(json.dumps(_info(host)) + "\n")
        case "version":
            call.out(
                "Version:  0.1.0\nRuntimeName:  containerd\nRuntimeVersion:  "
                f"v{host.runtime.version}\nRuntimeApiVersion:  v1\n"
            )
        case "images" | "image" | "img":
            return _images(host, call, words)
        case "pull":
            image = parse(words, ("-q/--quiet",)).words[-1]
            pull(host, call, image)
            call.out(f"Image is up to date for {image}\n")
        case "ps":
            return _ps(host, call, words)
        case "pods":
            return _pods(host, call, words)
        case "exec":
            given = parse(words, ("-i", "-t", "-s/--sync"), ("--timeout",), stop=True)
            identifier, *command_line = given.words
            return _exec(host, call, identifier, command_line)
        case "inspecti":
            if words[-1] not in host.images:
                raise Exit(1, f'FATA[0000] no such image "{words[-1]}" present')
            call.out("{}\n")
        case "stop":
            return _stop(host, call, words)
        case "stopp" | "rmp" | "rm":
            raise Violation("the kubelet owns the containers")
        case _:
            raise Violation(f"the model knows no crictl {verb}")
    return 0


def _info(host: Host) -> dict[str, object]:
    assert host.runtime is not None
    runc = {"runtimeType": "io.containerd.runc.v2", "options": {"SystemdCgroup": host.runtime.systemd_cgroup}}
    return {
        "status": {
            "conditions": [
                {"type": "RuntimeReady", "status": True},
                {"type": "NetworkReady", "status": host.exists("/etc/cni/net.d/10-calico.conflist")},
            ]
        },
        "config": {"containerd": {"runtimes": {"runc": runc}}, "sandboxImage": host.runtime.sandbox},
    }


def pull(host: Host, call: Call, image: str) -> None:
    """Raises `Exit` for a registry that does not answer."""
    registry = image.partition("/")[0]
    if registry in host.world.unreachable:
        raise Exit(
            1,
            f'failed to pull image "{image}": failed to do request: Head "https://{registry}/v2/": '
            "dial tcp: i/o timeout",
        )
    if image not in host.images:
        host.images.add(image)
        call.changed(f"pull {image}")


def _images(host: Host, call: Call, words: list[str]) -> int:
    given = parse(words, ("-q/--quiet", "--no-trunc", "-v"), ("-o/--output",))
    found = sorted(image for image in host.images if not given.words or given.words[0] in image)
    if given.get("-o") == "json":
        rows = [
            {"id": f"sha256:{_hash(image)}", "repoTags": [image], "repoDigests": [], "size": "1"} for image in found
        ]
        call.out(json.dumps({"images": rows}) + "\n")
    elif given.has("-q"):
        call.out("".join(f"sha256:{_hash(image)}\n" for image in found))
    else:
        call.out("IMAGE                TAG                 IMAGE ID            SIZE\n")
        call.out(
            "".join(
                f"{image.rpartition(':')[0]:<40} {image.rpartition(':')[2]:<12} {_hash(image)[:13]} 1MB\n"
                for image in found
            )
        )
    return 0


def _identifier(host: Host, pod: str) -> str:
    return _hash(f"{host.name}/{pod}/{host.pods[pod].attempt}/{host.pods[pod].started}")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _ps(host: Host, call: Call, words: list[str]) -> int:
    given = parse(
        words,
        ("-q/--quiet", "-a/--all", "--no-trunc", "-l/--latest"),
        ("--name", "--state/-s", "--label", "-o/--output", "--pod/-p", "--namespace"),
    )
    label = given.get("--label").partition("=")[2]
    wanted = given.get("--name").strip("^$") or label
    found = sorted(
        pod
        for pod in host.pods
        if not wanted or (pod == wanted if label or "$" in given.get("--name") else wanted in pod)
    )
    if given.get("--state").lower() not in ("", "running"):
        found = []
    if given.get("-o") == "json":
        rows = [_container(host, pod) for pod in found]
        call.out(json.dumps({"containers": rows}) + "\n")
    elif given.has("-q"):
        call.out("".join(f"{_identifier(host, pod)}\n" for pod in found))
    else:
        call.out("CONTAINER           IMAGE               CREATED             STATE               NAME\n")
        call.out(
            "".join(
                f"{_identifier(host, pod)[:13]}       x     1 minute ago        Running             {pod}\n"
                for pod in found
            )
        )
    return 0


def _container(host: Host, pod: str) -> dict[str, object]:
    running = host.pods[pod]
    return {
        "id": _identifier(host, pod),
        "podSandboxId": _hash(f"{host.name}/{pod}"),
        "metadata": {"name": pod, "attempt": running.attempt},
        "state": "CONTAINER_RUNNING",
        "createdAt": str(int(running.started * 1e9)),
        "labels": {"io.kubernetes.container.name": pod, "io.kubernetes.pod.namespace": "kube-system"},
    }


def _stop(host: Host, call: Call, words: list[str]) -> int:
    """The kubelet makes an ended container of a static pod anew."""
    for identifier in parse(words, (), ("--timeout/-t",)).words:
        pod = _named(host, identifier)
        call.changed(f"stop the container of {pod}")
        call.out(f"{identifier}\n")
        kubelet.container_ended(host, pod)
    return 0


def _named(host: Host, identifier: str) -> str:
    pods = {_identifier(host, pod): pod for pod in host.pods}
    for full, pod in pods.items():
        if full.startswith(identifier):
            return pod
    raise Exit(
        1,
        "FATA[0000] rpc error: code = NotFound desc = an error occurred when try to find container "
        f'"{identifier}": not found',
    )


def _pods(host: Host, call: Call, words: list[str]) -> int:
    given = parse(words, ("-q/--quiet",), ("--name", "--state/-s", "--label", "-o/--output", "--namespace"))
    found = sorted(pod for pod in host.pods if given.get("--name").strip("^$") in pod)
    if given.get("-o") == "json":
        call.out(
            json.dumps({"items": [{"id": _identifier(host, pod), "metadata": {"name": pod}} for pod in found]}) + "\n"
        )
    else:
        call.out("".join(f"{_identifier(host, pod)}\n" for pod in found))
    return 0


def _exec(host: Host, call: Call, identifier: str, words: list[str]) -> int:
    pod = _named(host, identifier)
    if pod != "etcd":
        raise Violation(f"the model runs nothing inside {pod}")
    return inside_etcd(host, call, words, _ETCD_MOUNTS, running=True)
