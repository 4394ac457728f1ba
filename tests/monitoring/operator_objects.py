"""What the Prometheus operator takes of the two kinds that charts/monitoring makes, as far as the chart uses them.

By https://prometheus-operator.dev/docs/api-reference/api/ (ServiceMonitor, PrometheusRule); a field that is not named
here is refused, since the API server would drop it without a word.
"""

from typing import Any

from jsonschema import Draft202012Validator

_DURATION = r"^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$"
_LABEL = r"^[a-zA-Z_][a-zA-Z0-9_]*$"
_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": list(required)}


def _of(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    name = {"type": "string", "pattern": r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 253}
    metadata = _object({"name": name, "namespace": {"type": "string"}, "labels": _TEXTS}, "name", "namespace", "labels")
    version = {"const": "monitoring.coreos.com/v1"}
    return _object(
        {"apiVersion": version, "kind": {"const": kind}, "metadata": metadata, "spec": spec},
        *("apiVersion", "kind", "metadata", "spec"),
    )


_RELABELING = _object(
    {
        "action": {"enum": ["replace", "labeldrop"]},
        "sourceLabels": {"type": "array", "items": {"type": "string", "pattern": _LABEL}},
        "targetLabel": {"type": "string", "pattern": _LABEL},
        "replacement": {"type": "string"},
        "regex": {"type": "string"},
    },
    "action",
)
_EXPRESSION = _object(
    {
        "key": {"type": "string"},
        "operator": {"enum": ["In", "NotIn", "Exists", "DoesNotExist"]},
        "values": {"type": "array", "items": {"type": "string"}, "minItems": 1},
    },
    *("key", "operator"),
)
_ENDPOINT = _object(
    {
        "port": {"type": "string", "maxLength": 15},
        "path": {"type": "string", "pattern": "^/"},
        "params": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
        "interval": {"type": "string", "pattern": _DURATION},
        "scrapeTimeout": {"type": "string", "pattern": _DURATION},
        "honorLabels": {"type": "boolean"},
        "relabelings": {"type": "array", "items": _RELABELING},
    },
    "port",
)
_MONITOR = _object(
    {
        "namespaceSelector": _object({"matchNames": {"type": "array", "items": {"type": "string"}, "minItems": 1}}),
        "selector": _object({"matchLabels": _TEXTS, "matchExpressions": {"type": "array", "items": _EXPRESSION}}),
        "endpoints": {"type": "array", "items": _ENDPOINT, "minItems": 1},
    },
    *("selector", "endpoints"),
)
_RULE = {
    "oneOf": [
        _object(
            {"record": {"type": "string"}, "expr": {"type": "string"}, "labels": _TEXTS},
            *("record", "expr"),
        ),
        _object(
            {
                "alert": {"type": "string"},
                "expr": {"type": "string"},
                "for": {"type": "string", "pattern": _DURATION},
                "labels": _TEXTS,
                "annotations": _TEXTS,
            },
            *("alert", "expr"),
        ),
    ]
}
_GROUP = _object(
    {
        "name": {"type": "string", "minLength": 1},
        "interval": {"type": "string", "pattern": _DURATION},
        "rules": {"type": "array", "items": _RULE, "minItems": 1},
    },
    *("name", "rules"),
)
_RULES = _object({"groups": {"type": "array", "items": _GROUP, "minItems": 1}}, "groups")

KINDS = {
    "ServiceMonitor": Draft202012Validator(_of("ServiceMonitor", _MONITOR)),
    "PrometheusRule": Draft202012Validator(_of("PrometheusRule", _RULES)),
}


def refused(manifest: dict[str, Any]) -> list[str]:
    """What is wrong with an object of one of the two kinds, by its place."""
    return [f"{error.json_path}: {error.message}" for error in KINDS[manifest["kind"]].iter_errors(manifest)]
