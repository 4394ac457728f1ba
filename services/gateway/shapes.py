"""The shapes of what comes in and goes out: base classes of all models, and the field types that several share."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Lang = Literal["ko", "en"]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, description="degrees north")]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, description="degrees east")]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, max_length=40)]
Uuid = Annotated[str, Field(json_schema_extra={"format": "uuid"}, max_length=36)]
Probability = Annotated[float, Field(ge=0, le=1)]


def _parts(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Words = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=60)]],
    BeforeValidator(_parts),
    Field(max_length=20, description="separated by commas"),
]
"""Several words in one parameter of the query."""


class Query(BaseModel):
    """The parameters behind the question mark; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Body(BaseModel):
    """A JSON body; unknown fields and "1" for 1 are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class Answer(BaseModel):
    """A JSON answer: exactly these fields leave the gateway, whatever a domain may send."""

    model_config = ConfigDict(extra="ignore", frozen=True, json_schema_extra={"additionalProperties": False})


class FieldFault(Answer):
    field: str
    message: str


class ProblemDetails(Answer):
    """Every error (RFC 9457): `code` is stable and for programs, `detail` for people."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    trace_id: str
    errors: list[FieldFault] | None = None
