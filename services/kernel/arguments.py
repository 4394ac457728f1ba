"""Arguments from outside: checked by their annotations before a domain's code sees them.

    @checked
    def search(query: Annotated[str, Line(1, 100)], limit: Limit = 10) -> ...

Arguments out of bounds raise `Unprocessable`, code ``invalid_arguments``, with one entry a fault; an id that
cannot be one raises `NotFound`, as an id that nobody has.
"""

import inspect
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from pydantic import ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter, ValidationError, validate_call
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from services.kernel.errors import NotFound, Unprocessable

P = ParamSpec("P")
R = TypeVar("R")

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


@dataclass(frozen=True)
class Line:
    """A text of `least` to `most` characters on one line: NFC, trimmed, no control characters."""

    least: int
    most: int
    breaks = ""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._read, core_schema.str_schema(strict=True))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "minLength": self.least, "maxLength": self.most}

    def _read(self, text: str) -> str:
        # A hostile text is not worth normalising: NFC makes a text at most three times as long.
        if len(text) <= 3 * self.most:
            text = unicodedata.normalize("NFC", text).strip()
        if not self.least <= len(text) <= self.most:
            raise PydanticCustomError("length", f"Give {self.least} to {self.most} characters")
        if has_controls(text, self.breaks):
            raise PydanticCustomError("characters", "Control characters are not allowed")
        return text


@dataclass(frozen=True)
class Lines(Line):
    """As `Line`, and may hold line breaks and tabs."""

    breaks = "\n\t"

    def _read(self, text: str) -> str:
        return super()._read(text.replace("\r\n", "\n"))


@dataclass(frozen=True)
class Id:
    """The UUID of a `thing`, in canonical lower case. What is no UUID is the id of nothing: `NotFound`."""

    thing: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._read)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "format": "uuid"}

    def _read(self, value: object) -> str:
        if isinstance(value, str) and UUID.fullmatch(value.lower()):
            return value.lower()
        raise missing(self.thing)


def has_controls(text: str, allowed: str = "") -> bool:
    """Whether `text` holds control characters (NUL among them) or lone surrogates, besides those `allowed`."""
    return any(unicodedata.category(char) in ("Cc", "Cs") and char not in allowed for char in text)


def missing(thing: str) -> NotFound:
    """The error for an id of a `thing` that nobody has."""
    return NotFound(f"{thing}_not_found", f"There is no such {thing}.")


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, called only with arguments that fit its annotations (strictly: "1" is no number)."""
    names = list(inspect.signature(function).parameters)
    options = ConfigDict(strict=True, arbitrary_types_allowed=True, hide_input_in_errors=True)
    call = validate_call(config=options)(function)

    @wraps(function)
    def bounded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return call(*args, **kwargs)
        except ValidationError as error:
            if error.title != function.__name__:
                raise
            raise refusal(error, names) from None

    return bounded


def parse(shape: type[R], value: object) -> R:
    """`value`, a JSON object from outside, as the model `shape`. Raises `Unprocessable`."""
    try:
        return TypeAdapter(shape).validate_python(value)
    except ValidationError as error:
        raise refusal(error) from None


def refusal(error: ValidationError, names: Sequence[str] = ()) -> Unprocessable:
    """What a caller is told of values that did not fit; `names` are those of positional arguments."""
    faults = [
        {"field": _field(fault["loc"], names), "message": fault["msg"]}
        for fault in error.errors(include_input=False, include_url=False, include_context=False)
    ]
    told = "; ".join(f"{fault['field']}: {fault['message']}" for fault in faults[:5])
    return Unprocessable("invalid_arguments", told, faults[:20])


def _field(where: tuple[int | str, ...], names: Sequence[str]) -> str:
    first, *rest = where or ("",)
    if isinstance(first, int) and first < len(names):
        first = names[first]
    return ".".join(str(part)[:100] for part in (first, *rest))
