"""CloudFront's cache policies and response headers policies, which moto has not: made, listed, read, deleted."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from xml.etree import ElementTree

from tests.doubles.aws.answers import Answer, Refusal
from tests.doubles.aws.calls import Call

_NAMESPACE = "http://cloudfront.amazonaws.com/doc/2020-05-31/"
_ACTION = re.compile(r"(Create|Get|Delete|List)(CachePolic|ResponseHeadersPolic)(?:y|ies)")
# What AWS has of its own; they are never anybody's to delete.
_MANAGED = {
    "CachePolicy": ("658327ea-f89d-4fab-a63d-7e88639e58f6", "Managed-CachingOptimized"),
    "ResponseHeadersPolicy": ("67f7725c-6f97-4210-82d7-5512b31e9d03", "Managed-SecurityHeadersPolicy"),
}


@dataclass
class Policy:
    kind: str
    id: str
    name: str
    config: str
    etag: str
    managed: bool = False


class Policies:
    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.all: dict[str, Policy] = {
            id: Policy(kind, id, name, f"<{kind}Config><Name>{name}</Name></{kind}Config>", "E0", managed=True)
            for kind, (id, name) in _MANAGED.items()
        }

    def knows(self, call: Call) -> bool:
        return call.service == "cloudfront" and _ACTION.fullmatch(call.action) is not None

    def answer(self, call: Call, used: set[str], if_match: str | None) -> Answer:
        """``used`` are the ids that distributions refer to."""
        match = _ACTION.fullmatch(call.action)
        assert match is not None
        verb, kind = match[1], match[2].replace("Polic", "Policy")
        if verb == "Create":
            return self._create(kind, call)
        if verb == "List":
            return self._list(kind, call)
        policy = self.all.get(str(call.parameters.get("Id")))
        if policy is None or policy.kind != kind:
            raise Refusal(f"NoSuch{kind}", f"The {kind} does not exist.", 404)
        if verb == "Delete":
            if policy.managed:
                raise Refusal("IllegalDelete", "You cannot delete a managed policy.")
            if policy.id in used:
                raise Refusal(f"{kind}InUse", f"The {kind} is attached to one or more distributions.", 409)
            if if_match != policy.etag:
                raise Refusal("PreconditionFailed", "The precondition given in If-Match is not met.", 412)
            del self.all[policy.id]
            return Answer(204, b"")
        return self._one(policy, 200)

    def _create(self, kind: str, call: Call) -> Answer:
        root = ElementTree.fromstring(call.body)
        name = root.findtext(f"{{{_NAMESPACE}}}Name") or root.findtext("Name") or ""
        if any(each.kind == kind and each.name == name for each in self.all.values()):
            raise Refusal(f"{kind}AlreadyExists", f"A {kind} with this name already exists.", 409)
        config = re.sub(r"^<\?xml[^>]*\?>", "", call.body.decode())
        policy = Policy(kind, secrets.token_hex(16), name, config, f"E{secrets.token_hex(6).upper()}")
        self.all[policy.id] = policy
        return self._one(policy, 201)

    def _list(self, kind: str, call: Call) -> Answer:
        wanted = call.parameters.get("Type")
        shown = [
            (("managed" if each.managed else "custom"), each)
            for each in self.all.values()
            if each.kind == kind and wanted in (None, "managed" if each.managed else "custom")
        ]
        items = "".join(
            f"<{kind}Summary><Type>{origin}</Type>{self._text(each)}</{kind}Summary>" for origin, each in shown
        )
        plural = kind.removesuffix("y") + "ies"
        name = f"{kind}List"
        body = (
            f'<{name} xmlns="{_NAMESPACE}"><MaxItems>100</MaxItems><Quantity>{len(shown)}</Quantity>'
            f"<Items>{items}</Items></{name}><!-- {plural} -->"
        )
        return Answer(200, body.encode())

    def _one(self, policy: Policy, status: int) -> Answer:
        return Answer(status, self._text(policy, namespace=True).encode(), headers=(("ETag", policy.etag),))

    @staticmethod
    def _text(policy: Policy, *, namespace: bool = False) -> str:
        space = f' xmlns="{_NAMESPACE}"' if namespace else ""
        return (
            f"<{policy.kind}{space}><Id>{policy.id}</Id><LastModifiedTime>2026-01-01T00:00:00Z</LastModifiedTime>"
            f"{policy.config}</{policy.kind}>"
        )
