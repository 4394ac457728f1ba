"""`kubectl exec` by the real kubectl: input, output and exit code come through, and what is not there is refused."""

import subprocess
from typing import Any

import pytest

from tests.doubles.kubernetes.client import Client
from tests.doubles.kubernetes.exec import Call, Ended
from tests.doubles.kubernetes.server import KubernetesServer


@pytest.fixture
def calls(client: Client, joined: KubernetesServer) -> list[Call]:
    """A pod that runs, and what was run in it."""
    heard: list[Call] = []

    def execute(call: Call) -> Ended:
        heard.append(call)
        ran = subprocess.run(call.words, input=call.stdin, capture_output=True, check=False)
        return Ended(ran.returncode, ran.stdout, ran.stderr)

    spec: dict[str, Any] = {"containers": [{"name": "main", "image": "one:1"}, {"name": "beside", "image": "two:1"}]}
    spec |= {"hostNetwork": True, "tolerations": [{"operator": "Exists"}]}
    metadata = {"name": "one", "namespace": "default"}
    client.server.put({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    client.server.settle()
    client.server.execute = execute
    return heard


def test_input_output_and_exit_code_come_through(client: Client, calls: list[Call]) -> None:
    words = ("exec", "--stdin", "one", "--container", "beside", "--", "sh", "-c")
    # More than one frame of a WebSocket, and more than one message of kubectl's.
    text = "a line of input\n" * 20_000
    assert client.kubectl(*words, "cat", stdin=text) == text
    ended = client.run("kubectl", *words, "echo wrong >&2; exit 41", stdin="")
    assert ended.returncode == 41
    assert "wrong" in ended.stderr
    assert [call.container for call in calls] == ["beside", "beside"]
    assert calls[0].words == ("sh", "-c", "cat")


def test_without_input_nothing_is_waited_for(client: Client, calls: list[Call]) -> None:
    assert client.kubectl("exec", "one", "--container", "main", "--", "echo", "here") == "here\n"


def test_a_container_or_pod_that_is_not_there_is_refused(client: Client, calls: list[Call]) -> None:
    assert "is not valid for pod one" in client.refused("exec", "one", "--container", "other", "--", "true")
    assert "not found" in client.refused("exec", "two", "--container", "main", "--", "true")
    assert calls == []
