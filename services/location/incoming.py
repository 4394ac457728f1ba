"""Points on their way in: with the bounds of the table and of the country, or with the reason why not."""

from math import isfinite
from typing import Annotated
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from services.kernel.arguments import Line
from services.location.points import Kind

NAMESPACE = UUID("0b7f5a52-6d5c-5b4e-9a51-5f1de5d1c7a3")  # ids are made from source and source id
MAX_HOURS = 200  # characters


class Dirty(ValueError):
    """The row does not make a point; the text says why."""


class NewPoint(BaseModel):
    """A point of a source, with every bound that the table has."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    source: str
    source_id: Annotated[str, Line(1, 100)]
    kind: Kind
    name: Annotated[str, Line(1, 100)]
    address: Annotated[str, Line(1, 200)]
    lat: Annotated[float, Field(ge=33, le=39, allow_inf_nan=False)]  # degrees: the Republic of Korea,
    lon: Annotated[float, Field(ge=124, le=132, allow_inf_nan=False)]  # Baengnyeongdo to Dokdo
    phone: Annotated[str, Line(1, 40)] | None = None
    hours: Annotated[str, Line(1, MAX_HOURS)] | None = None
    opening: str | None = None

    @field_validator("name")
    @classmethod
    def _is_no_sample(cls, name: str) -> str:
        if name.startswith("예시 "):
            raise ValueError("Names of samples begin so")
        return name

    @property
    def id(self) -> UUID:
        return uuid5(NAMESPACE, f"{self.source}:{self.source_id}")


def point(
    *,
    source: str,
    source_id: str,
    kind: Kind,
    name: str,
    address: str,
    lat: str,
    lon: str,
    phone: str,
    hours: str,
    opening: str | None,
) -> NewPoint:
    """The point of these fields of a file. Raises `Dirty`."""
    north, east = _degrees("lat", lat), _degrees("lon", lon)
    if 124 <= north <= 132 and 33 <= east <= 39:
        raise Dirty("lat, lon: are in each other's place")
    try:
        return NewPoint(
            source=source,
            source_id=tidy(source_id),
            kind=kind,
            name=tidy(name),
            address=tidy(address),
            lat=north,
            lon=east,
            phone=tidy(phone) or None,
            hours=_shortened(tidy(hours)) or None,
            opening=opening,
        )
    except ValidationError as error:
        faults = [f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors()]
        raise Dirty("; ".join(faults)) from None


def tidy(text: str) -> str:
    """On one line: a quoted line break is a space."""
    return " ".join(text.split())


def _degrees(name: str, text: str) -> float:
    try:
        value = float(text.strip())
    except ValueError:
        value = float("nan")
    if not isfinite(value) or len(text) > 40:
        raise Dirty(f"{name}: is no number" if text.strip() else f"{name}: is missing")
    return value


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_HOURS else f"{text[: MAX_HOURS - 1]}…"
