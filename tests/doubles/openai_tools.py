"""Function tools: what a request offers, what a programmed reply calls, and the checks of both."""

import json
import re
import secrets
from dataclasses import dataclass, field
from typing import Any

from .openai_errors import ApiError, ScriptError, invalid_value, not_played
from .openai_strict import check_strict_schema

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass(frozen=True)
class Call:
    """A function that the model calls; `arguments` are what becomes JSON text, or a text as it is."""

    name: str
    arguments: dict[str, Any] | str = field(default_factory=dict)
    call_id: str = field(default_factory=lambda: f"call_{secrets.token_hex(12)}")

    @property
    def text(self) -> str:
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments, ensure_ascii=False)


@dataclass(frozen=True)
class Calls:
    """An output that calls functions, after `text` if there is any."""

    calls: tuple[Call, ...]
    text: str = ""

    @classmethod
    def of(cls, name: str, arguments: dict[str, Any] | str | None = None, text: str = "") -> "Calls":
        """One call."""
        return cls((Call(name, {} if arguments is None else arguments),), text)


def read_tools(given: list[dict[str, Any]], param: str = "tools") -> tuple[str, ...]:
    """The names of the functions that a request offers. Raises ApiError."""
    names = []
    for position, tool in enumerate(given):
        here = f"{param}[{position}]"
        if tool["type"] != "function":
            raise not_played(f"{here}.type")
        if "function" in tool:
            tool, here = tool["function"], f"{here}.function"
        if not _NAME.fullmatch(tool["name"]):
            raise invalid_value(f"{here}.name", "expected up to 64 of a-z, A-Z, 0-9, underscores and dashes.")
        if tool.get("strict"):
            try:
                check_strict_schema(
                    tool["parameters"], tool["name"], f"{here}.parameters", "invalid_function_parameters"
                )
            except ApiError as error:
                error.message = error.message.replace("response_format", "function")
                raise
        names.append(tool["name"])
    return tuple(names)


def check_pairs(called: list[tuple[str, str]], answered: list[tuple[str, str]]) -> None:
    """Each result must belong to a call, and each call must have its result; both are (id, place in the body)."""
    known, given = {call_id for call_id, _ in called}, {call_id for call_id, _ in answered}
    for call_id, param in answered:
        if call_id not in known:
            raise ApiError(f"No tool call found for function call output with call_id {call_id}.", param)
    for call_id, param in called:
        if call_id not in given:
            raise ApiError(f"No tool output found for function call {call_id}.", param)


def check_calls(calls: Calls, offered: tuple[str, ...], choice: Any) -> None:
    """A model calls only what was offered, and nothing when it may not; a script that says else is wrong."""
    if choice == "none":
        raise ScriptError("the programmed reply calls a tool, but the request's tool_choice is none")
    if not offered:
        raise ScriptError("the programmed reply calls a tool, but the request offers none")
