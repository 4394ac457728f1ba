"""The kinds of text that callers give: addresses, passwords, names, ids."""

import re
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from services.kernel.arguments import Id, Line, has_controls

# RFC 5321 without quoted local parts, literals and non-ASCII names.
ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
EMAIL = re.compile(rf"(?=.{{1,64}}@){ATOM}(\.{ATOM})*@({LABEL}\.)+{LABEL}")
LONGEST_EMAIL = 254
LONGEST_PASSWORD = 128


def _email(text: str) -> str:
    if not EMAIL.fullmatch(text.lower()):
        raise PydanticCustomError("email", "This is not an e-mail address")
    return text.lower()


def _password(text: str) -> str:
    if not 10 <= len(text) <= LONGEST_PASSWORD:
        raise PydanticCustomError("length", "Give 10 to 128 characters")
    if has_controls(text):
        raise PydanticCustomError("characters", "Control characters are not allowed")
    return text


Email = Annotated[str, Line(3, LONGEST_EMAIL), AfterValidator(_email)]
Password = Annotated[str, AfterValidator(_password)]
"""A new password. It is hashed as it is, so it is neither trimmed nor composed here."""
Name = Annotated[str, Line(1, 30)]
UserId = Annotated[str, Id("user")]
SessionId = Annotated[str, Id("session")]


def plausible(text: object, longest: int) -> str:
    """`text`, or what cannot be anybody's when it is none."""
    if isinstance(text, str) and len(text) <= longest and not has_controls(text):
        return text
    return ""
