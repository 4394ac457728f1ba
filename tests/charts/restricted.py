"""The Pod Security Standard "restricted", and what we ask beyond it.

https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
"""

from collections.abc import Iterator

from tests.charts.rendering import Manifest, Pod

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
SECCOMP = {"RuntimeDefault", "Localhost"}


def violations(pod: Pod) -> list[str]:
    """What the pod may that it must not, in words; nothing where all is well."""
    return [*_of_pod(pod.spec), *(f"{one['name']}: {said}" for one in pod.containers for said in _of(one, pod.spec))]


def _of_pod(spec: Manifest) -> Iterator[str]:
    for shared in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"):
        if spec.get(shared):
            yield f"{shared} is set"
    for volume in spec.get("volumes", []):
        (kind,) = volume.keys() - {"name"}
        if kind not in VOLUMES:
            yield f"the volume {volume['name']} is a {kind}"
    if spec.get("automountServiceAccountToken") is not False:
        yield "a token of the API server is mounted"
    if spec.get("enableServiceLinks") is not False:
        yield "every Service of the namespace is written into its environment"
    if spec.get("ephemeralContainers"):
        yield "it has ephemeral containers"
    if spec.get("securityContext", {}).get("sysctls"):
        yield "it sets sysctls"


def _of(one: Manifest, pod: Manifest) -> Iterator[str]:
    own, whole = one.get("securityContext", {}), pod.get("securityContext", {})
    said = {**whole, **own}
    if said.get("runAsNonRoot") is not True:
        yield "it may run as root"
    if not isinstance(said.get("runAsUser"), int) or said["runAsUser"] < 1:
        yield "its user is not told by number, or is root"
    if said.get("seccompProfile", {}).get("type") not in SECCOMP:
        yield "no seccomp profile"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "it may gain rights"
    if own.get("privileged"):
        yield "it is privileged"
    if own.get("capabilities") != {"drop": ["ALL"]}:
        yield "it keeps capabilities"
    if own.get("procMount", "Default") != "Default":
        yield "it sees more of /proc"
    if own.get("readOnlyRootFilesystem") is not True:
        yield "it may write into its image"
    if any("hostPort" in port for port in one.get("ports", [])):
        yield "it takes a port of its node"
    resources = one.get("resources", {})
    if set(resources.get("requests", {})) != {"cpu", "memory"} or "memory" not in resources.get("limits", {}):
        yield "it does not say what it needs at least and how much memory at most"
