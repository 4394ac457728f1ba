"""What the model may look up, by function calling. Whose scans, which region and which place come from the session.

A call's arguments are the model's and are checked like a stranger's; what is wrong with them it is told as a result.
"""

import json
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.chat.domains import Domains
from services.chat.facts import Facts
from services.chat.leases import Question
from services.kernel.arguments import Line
from services.kernel.errors import Problem
from services.kernel.openai.protocol import ToolCall
from services.kernel.openai.turns import Tool

MOST_HITS, MOST_POINTS, MOST_SCANS = 5, 5, 5
NEAR_M = 3000


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class LookUpItem(_Arguments):
    """Find items of the disposal rules by a name as people say it."""

    name: Annotated[str, Line(1, 100)]


class RulesFor(_Arguments):
    """How to dispose of an item in these situations; both ids as look_up_item gives them."""

    item_id: Annotated[str, Line(1, 100)]
    situations: Annotated[list[Annotated[str, Line(1, 50)]], Field(max_length=10)]


class NearestPoints(_Arguments):
    """Collection points near the person, nearest first; null for every kind."""

    kind: (
        Literal["collection_center", "zero_waste_shop", "battery_box", "lamp_box", "clothing_box", "ewaste_box"] | None
    )


class MyLastScans(_Arguments):
    """What this person photographed last."""


TOOLS: dict[str, type[_Arguments]] = {
    "look_up_item": LookUpItem,
    "rules_for": RulesFor,
    "nearest_points": NearestPoints,
    "my_last_scans": MyLastScans,
}
STRINGS: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
KINDS = ["collection_center", "zero_waste_shop", "battery_box", "lamp_box", "clothing_box", "ewaste_box", None]
PROPERTIES: dict[str, dict[str, Any]] = {
    "look_up_item": {"name": {"type": "string"}},
    "rules_for": {"item_id": {"type": "string"}, "situations": STRINGS},
    "nearest_points": {"kind": {"type": ["string", "null"], "enum": KINDS}},
    "my_last_scans": {},
}


def described() -> tuple[Tool, ...]:
    """The tools as a model is told of them, with strict schemas."""
    return tuple(Tool(name, shape.__doc__ or name, _schema(PROPERTIES[name])) for name, shape in TOOLS.items())


def _schema(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


class Toolbox:
    """The tools of one answer. What they find is added to `facts`; their results hold `most` characters or less."""

    def __init__(self, domains: Domains, question: Question, facts: Facts, most: int) -> None:
        self._domains = domains
        self._question = question
        self._facts = facts
        self._most = most
        self._calls: dict[str, Callable[[Any], dict[str, Any]]] = {
            "look_up_item": self._look_up_item,
            "rules_for": self._rules_for,
            "nearest_points": self._nearest_points,
            "my_last_scans": self._my_last_scans,
        }

    def call(self, call: ToolCall) -> str:
        """The result as JSON; what went wrong is a result too."""
        if call.name not in TOOLS:
            return _told({"error": "unknown_tool"})
        try:
            arguments = TOOLS[call.name].model_validate_json(call.arguments)
        except ValidationError as error:
            wrong = error.errors(include_input=False, include_url=False, include_context=False)[0]
            where = ".".join(str(part)[:40] for part in wrong["loc"])
            return _told({"error": "invalid_arguments", "field": where, "message": wrong["msg"]})
        try:
            return _fitted(self._calls[call.name](arguments), self._most)
        except Problem as problem:
            return _told({"error": problem.code})

    def _look_up_item(self, wanted: LookUpItem) -> dict[str, Any]:
        hits = self._domains.recycle.search(wanted.name, MOST_HITS)["hits"]
        self._facts.add_hits(hits)
        kept = ("item_id", "name", "name_en", "situations")
        return {"items": [{key: hit[key] for key in kept} for hit in hits]}

    def _rules_for(self, wanted: RulesFor) -> dict[str, Any]:
        lang, region = self._facts.lang, self._question.region
        ruled = self._domains.recycle.rules(wanted.item_id, wanted.situations, lang, region)
        self._facts.add_rules(wanted.situations, ruled)
        self._facts.add_synonyms(wanted.item_id, self._domains.recycle.item(wanted.item_id, lang)["synonyms"])
        return {"rules": shown(ruled)}

    def _nearest_points(self, wanted: NearestPoints) -> dict[str, Any]:
        if self._question.lat is None or self._question.lon is None:
            return {"error": "place_unknown", "message": "The person did not say where they are."}
        kinds = [wanted.kind] if wanted.kind else None
        found = self._domains.location.nearest(self._question.lat, self._question.lon, NEAR_M, kinds, MOST_POINTS)
        kept = ("name", "kind_name", "address", "distance_m", "hours", "phone", "open_now")
        points = [{key: point[key] for key in kept} for point in found["points"]]
        for point in points:
            point["distance_m"] = round(point["distance_m"])
        self._facts.add_points(points)
        return {"points": points, "within_m": NEAR_M}

    def _my_last_scans(self, _: MyLastScans) -> dict[str, Any]:
        if self._question.owner is None:
            return {"error": "not_signed_in"}
        kept = ("item_id", "name", "status", "created_at")
        found = self._domains.waste.scans_of(self._question.owner, MOST_SCANS)["scans"]
        scans = [{key: scan[key] for key in kept} for scan in found]
        for scan in scans:
            if scan["item_id"] and scan["name"]:
                self._facts.add_name(scan["item_id"], scan["name"])
        self._facts.add_scans(scans)
        return {"scans": scans}


def shown(ruled: dict[str, Any]) -> dict[str, Any]:
    """Of the rules what a model needs to word them."""
    kept = ("item_id", "name", "place", "steps", "do_nots", "not_here", "answer", "contact")
    return {
        **{key: ruled[key] for key in kept},
        "why": [rule["why"] for rule in ruled["rules"]],
        "put_right_first": [gap["text"] for gap in ruled["insufficiencies"]],
    }


def _fitted(result: dict[str, Any], most: int) -> str:
    """The result as JSON of at most `most` characters: lists lose their last entries first."""
    while len(text := _told(result)) > most:
        name, longest = max(result.items(), key=lambda entry: len(str(entry[1])))
        if not isinstance(longest, list) or not longest:
            return _told({"error": "result_too_large"})
        result = {**result, name: longest[:-1]}
    return text


def _told(result: dict[str, Any]) -> str:
    return json.dumps(result, ensure_ascii=False)
