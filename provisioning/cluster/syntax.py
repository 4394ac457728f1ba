"""The words of a cluster file as types: names, networks, labels, taints, amounts. Each says what is wrong with it."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer
from pydantic_core import PydanticCustomError

from provisioning.cluster.errors import did_you_mean
from provisioning.cluster.quantities import cpu_text, memory_bytes, memory_text, millicores

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_LABEL_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", re.ASCII)
_KEY_FILE = re.compile(r"(~|/)[A-Za-z0-9_./-]{1,200}", re.ASCII)
_PORTION = re.compile(r"([1-9][0-9]?%)|([1-9][0-9]{0,8}[KMG]i)", re.ASCII)


def text(value: Any) -> str:
    """The value, if it is text. Raises what pydantic raises for a field of type ``str``."""
    if not isinstance(value, str):
        raise PydanticCustomError("string_type", "must be text")
    return value


def form(pattern: str, words: str) -> AfterValidator:
    """A text that a pattern fits as a whole; where it does not, the words say what it must be."""
    compiled = re.compile(pattern, re.ASCII)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(f"{value!r} must be {words}")
        return value

    return AfterValidator(check)


def dns_label(value: Any) -> str:
    """A name as Kubernetes and DNS want it (RFC 1123 label)."""
    word = text(value)
    if not _LABEL.fullmatch(word):
        better = re.sub(r"[^a-z0-9]+", "-", word.lower()).strip("-")[:63].strip("-")
        hint = f" (did you mean {better}?)" if better and better != word else ""
        raise ValueError(
            f"{word!r} is no RFC 1123 label: at most 63 of a-z, 0-9 and -, with a letter or digit at both ends{hint}"
        )
    return word


def domain(value: Any) -> str:
    """A DNS name of at least two labels, without a dot at the end."""
    word = text(value)
    labels = word.split(".")
    if len(word) > 253 or len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"{word!r} is no domain name such as example.org: lower case, no scheme, no dot at the end")
    if labels[-1].isdigit():
        raise ValueError(f"{word!r} is an address, not a domain name")
    return word


def cidr(value: Any) -> IPv4Network:
    """An IPv4 network with its length, and nothing in its host bits."""
    word = text(value)
    address, slash, length = word.partition("/")
    if not slash:
        raise ValueError(f"{word!r} has no length: write {word}/32 for one address")
    try:
        network = IPv4Network(
            f"{address}/{int(length) if length.isascii() and length.isdigit() else length}", strict=False
        )
    except ValueError:
        raise ValueError(f"{word!r} is no IPv4 network such as 10.0.0.0/16") from None
    if str(network) != word:
        raise ValueError(f"{word!r} is not written as a network: that is {network}")
    return network


def label_key(value: Any) -> str:
    """A label's or taint's key: a name of at most 63 characters, and a DNS name with a slash before it if need be.

    https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
    """
    word = text(value)
    prefix, slash, name = word.rpartition("/")
    if slash and not (len(prefix) <= 253 and all(_LABEL.fullmatch(label) for label in prefix.split("."))):
        raise ValueError(f"{word!r} is no label key: {prefix!r} before the slash is no DNS name")
    if not _LABEL_NAME.fullmatch(name):
        raise ValueError(f"{word!r} is no label key: at most 63 of A-Z, a-z, 0-9, - _ and .")
    return word


def label_value(value: Any) -> str:
    word = text(value)
    if word and not _LABEL_NAME.fullmatch(word):
        raise ValueError(f"{word!r} is no label value: at most 63 of A-Z, a-z, 0-9, - _ and .")
    return word


@dataclass(frozen=True, order=True)
class Taint:
    """``key=value:effect``; the value may be empty."""

    key: str
    value: str
    effect: str

    def __str__(self) -> str:
        return f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"

    def as_dict(self) -> dict[str, str]:
        """As a node's spec holds it."""
        valued = {"value": self.value} if self.value else {}
        return {"key": self.key, **valued, "effect": self.effect}

    def toleration(self) -> dict[str, str]:
        """What a pod must say to run where this taint is."""
        if not self.value:
            return {"key": self.key, "operator": "Exists", "effect": self.effect}
        return {"key": self.key, "operator": "Equal", "value": self.value, "effect": self.effect}


def taint(value: Any) -> Taint:
    """``KEY=VALUE:EFFECT`` or ``KEY:EFFECT``, as kubectl writes it."""
    word = text(value)
    key_and_value, colon, effect = word.rpartition(":")
    if not colon:
        raise ValueError(f"{word!r} is no taint: write KEY=VALUE:EFFECT, such as workload=worker:NoSchedule")
    if effect not in EFFECTS:
        raise ValueError(f"{effect!r} is no effect of a taint: {', '.join(EFFECTS)}{did_you_mean(effect, EFFECTS)}")
    key, _, tainted = key_and_value.partition("=")
    return Taint(label_key(key), label_value(tainted), effect)


def key_file(value: Any) -> str:
    word = text(value)
    if not _KEY_FILE.fullmatch(word) or ".." in word:
        raise ValueError(f"{word!r} must be a path that begins with / or ~")
    if word.endswith(".pub"):
        raise ValueError(f"{word!r} is the public half: name the private key, {word.removesuffix('.pub')}")
    return word


def portion(value: Any) -> str:
    """A threshold of the kubelet: a share of what there is, or an amount."""
    word = text(value)
    if not _PORTION.fullmatch(word):
        raise ValueError(f"{word!r} is no threshold: write a share (10%) or an amount (128Mi)")
    return word


def cpu(value: Any) -> int:
    """Millicores. Whole cores may stand without quotes, as Kubernetes' own files have them."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    elif isinstance(value, float):
        raise ValueError(f"{value} is no amount of CPU: write {round(value * 1000)}m")
    return millicores(text(value))


DnsLabel = Annotated[str, BeforeValidator(dns_label)]
Domain = Annotated[str, BeforeValidator(domain)]
Cidr = Annotated[IPv4Network, BeforeValidator(cidr), PlainSerializer(str)]
LabelKey = Annotated[str, BeforeValidator(label_key)]
LabelValue = Annotated[str, BeforeValidator(label_value)]
ParsedTaint = Annotated[Taint, BeforeValidator(taint), PlainSerializer(str)]
KeyFile = Annotated[str, BeforeValidator(key_file)]
Portion = Annotated[str, BeforeValidator(portion)]
Cpu = Annotated[int, BeforeValidator(cpu), PlainSerializer(cpu_text)]
Memory = Annotated[int, BeforeValidator(lambda value: memory_bytes(text(value))), PlainSerializer(memory_text)]
