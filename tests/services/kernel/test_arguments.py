"""Arguments from outside: what passes, what is told of the rest, and what is not."""

from typing import Annotated

import pytest
from pydantic import BaseModel, Field
from uuid6 import uuid7

from services.kernel.arguments import Id, Line, Lines, checked, parse
from services.kernel.errors import NotFound, Unprocessable


@checked
def greet(name: Annotated[str, Line(1, 5)], times: Annotated[int, Field(ge=1, le=3)] = 1) -> str:
    return name * times


@checked
def write(text: Annotated[str, Lines(1, 10)]) -> str:
    return text


@checked
def fetch(thing_id: Annotated[str, Id("thing")]) -> str:
    return thing_id


def test_good_arguments_pass() -> None:
    assert greet("하늘", times=2) == "하늘하늘"


def test_a_line_is_trimmed_and_composed() -> None:
    assert greet(" 하늘 ") == "하늘"


@pytest.mark.parametrize("bad", ["", " ", "abcdef", "a\nb", "a\x00", "\x7f", "\ud800", 1, None, True, [], "a" * 10**6])
def test_a_bad_line_is_refused_by_its_name(bad: object) -> None:
    with pytest.raises(Unprocessable) as caught:
        greet(bad)  # type: ignore[arg-type]

    assert caught.value.code == "invalid_arguments"
    assert [fault["field"] for fault in caught.value.errors] == ["name"]


@pytest.mark.parametrize("bad", [0, 4, "1", 1.5, True, None, float("nan"), 10**40])
def test_a_number_is_not_guessed_from_something_else(bad: object) -> None:
    with pytest.raises(Unprocessable) as caught:
        greet("a", bad)  # type: ignore[arg-type]

    assert [fault["field"] for fault in caught.value.errors] == ["times"]


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(Unprocessable) as caught:
        greet("", times=9)

    assert [fault["field"] for fault in caught.value.errors] == ["name", "times"]


def test_the_refusal_does_not_repeat_what_was_sent() -> None:
    with pytest.raises(Unprocessable) as caught:
        greet("a secret that is too long")

    assert "secret" not in str(caught.value.args)
    assert caught.value.__suppress_context__


def test_lines_keep_their_breaks_in_one_form() -> None:
    assert write("a\r\nb\n\tc") == "a\nb\n\tc"


@pytest.mark.parametrize("bad", ["a\x00b", "a\rb", "a\x1bb"])
def test_lines_hold_no_other_control_characters(bad: str) -> None:
    with pytest.raises(Unprocessable):
        write(bad)


def test_an_id_comes_out_in_its_canonical_form() -> None:
    known = str(uuid7())

    assert fetch(known.upper()) == known


@pytest.mark.parametrize(
    "bad", ["", "1", None, 1, [], f"{{{uuid7()}}}", uuid7().hex, f"urn:uuid:{uuid7()}", f"{uuid7()}\n"]
)
def test_what_is_no_uuid_is_the_id_of_nothing(bad: object) -> None:
    with pytest.raises(NotFound) as caught:
        fetch(bad)  # type: ignore[arg-type]

    assert caught.value.code == "thing_not_found"


def test_a_fault_inside_the_function_is_not_blamed_on_the_caller() -> None:
    class Inner(BaseModel):
        number: int

    @checked
    def broken() -> object:
        return Inner.model_validate({"number": "x"})

    with pytest.raises(ValueError, match="Inner"):
        broken()


def test_an_object_is_read_with_the_path_of_each_fault() -> None:
    class Inner(BaseModel):
        number: int

    class Outer(BaseModel):
        inner: Inner

    with pytest.raises(Unprocessable) as caught:
        parse(Outer, {"inner": {"number": "x"}})

    assert caught.value.errors[0]["field"] == "inner.number"
