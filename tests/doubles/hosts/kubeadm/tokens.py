"""``kubeadm token``: create, list, delete, generate."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any

from tests.doubles.hosts import pki
from tests.doubles.hosts.arguments import Arguments, parse
from tests.doubles.hosts.calls import Call, Exit, Violation
from tests.doubles.hosts.cluster import BootstrapToken
from tests.doubles.hosts.host import Host
from tests.doubles.hosts.kubeadm import files
from tests.doubles.hosts.kubeadm.durations import seconds

_TOKEN = re.compile(r"[a-z0-9]{6}\.[a-z0-9]{16}")


def token(host: Host, call: Call, words: Sequence[str]) -> int:
    given = parse(
        words,
        ("--print-join-command",),
        ("--ttl", "--description", "-o/--output", "--kubeconfig", "--usages", "--groups", "--config", "--v/-v"),
    )
    verb, *rest = given.words or [""]
    if verb == "generate":
        call.out(_new() + "\n")
        return 0
    _connected(host, given)
    match verb:
        case "create":
            return _create(host, call, given, rest)
        case "list":
            return _list(host, call, given)
        case "delete":
            return _delete(host, call, rest)
    raise Violation(f"the model knows no kubeadm token {verb}")


def _connected(host: Host, given: Arguments) -> None:
    path = given.get("--kubeconfig") or "/etc/kubernetes/admin.conf"
    if not host.exists(path):
        raise Exit(1, f"error: failed to load admin kubeconfig: open {path}: no such file or directory")
    if not host.world.kubernetes.api_answers():
        endpoint = host.world.cluster_documents.get("ClusterConfiguration", {}).get("controlPlaneEndpoint", "")
        raise Exit(
            1,
            f'error: failed to list bootstrap tokens: Get "https://{endpoint}/api/v1": dial tcp: '
            "connect: connection refused",
        )


def _create(host: Host, call: Call, given: Arguments, words: list[str]) -> int:
    if words:
        raise Violation("the token stands in the arguments, where everybody can read it: let kubeadm make it")
    value = _new()
    identifier, _, secret = value.partition(".")
    try:
        ttl = seconds(given.get("--ttl", "24h0m0s"))
    except ValueError as error:
        raise Exit(1, f'invalid argument "{given.get("--ttl")}" for "--ttl" flag: {error}') from error
    expires = datetime.now(UTC) + timedelta(seconds=ttl) if ttl else None
    host.world.kubernetes.add_token(BootstrapToken(identifier, secret, expires, given.get("--description")))
    call.changed(f"token {identifier}")
    if given.has("--print-join-command"):
        endpoint = host.world.cluster_documents["ClusterConfiguration"]["controlPlaneEndpoint"]
        ca = pki.ca_hash(files.load(host, "ca").certificate)
        call.out(f"kubeadm join {endpoint} --token {value} --discovery-token-ca-cert-hash {ca} \n")
    else:
        call.out(f"{value}\n")
    return 0


def _list(host: Host, call: Call, given: Arguments) -> int:
    tokens = sorted(host.world.kubernetes.tokens(), key=lambda each: each.id)
    if given.get("-o") == "json":
        # kubeadm prints one object after the other, each on lines of its own, and nothing when there is none.
        for each in tokens:
            call.out(json.dumps(_document(each), indent=4) + "\n")
    elif tokens:
        call.out("TOKEN                     TTL         EXPIRES                USAGES                   DESCRIPTION\n")
        for each in tokens:
            call.out(
                f"{each.token}   {_left(each):<10}  {_stamp(each):<20}   {','.join(each.usages)}   "
                f"{each.description or '<none>'}\n"
            )
    return 0


def _document(each: BootstrapToken) -> dict[str, Any]:
    document: dict[str, Any] = {
        "kind": "BootstrapToken",
        "apiVersion": "output.kubeadm.k8s.io/v1alpha3",
        "creationTimestamp": None,
        "token": each.token,
    }
    if each.description:
        document["description"] = each.description
    if each.expires:
        document["expires"] = _stamp(each)
    return {**document, "usages": list(each.usages), "groups": list(each.groups)}


def _delete(host: Host, call: Call, words: list[str]) -> int:
    if not words:
        raise Exit(1, "error: missing argument; 'token delete' is missing token of form [\"[a-z0-9]{6}\"]")
    for word in words:
        if _TOKEN.fullmatch(word):
            raise Violation("the whole token stands in the arguments; its first part is enough to delete it")
        try:
            host.world.kubernetes.remove_token(word)
        except KeyError:
            raise Exit(
                1, f'error: failed to delete bootstrap token "{word}": secrets "bootstrap-token-{word}" not found'
            ) from None
        call.changed(f"delete token {word}")
        call.out(f'bootstrap token "{word}" deleted\n')
    return 0


def _new() -> str:
    return f"{token_hex(3)}.{token_hex(8)}"


def _stamp(each: BootstrapToken) -> str:
    return each.expires.strftime("%Y-%m-%dT%H:%M:%SZ") if each.expires else "<never>"


def _left(each: BootstrapToken) -> str:
    if each.expires is None:
        return "<forever>"
    left = (each.expires - datetime.now(UTC)).total_seconds()
    return "<invalid>" if left <= 0 else f"{int(left // 60)}m"
