"""Text search: points by name, kind and address, by initial consonants too, and names while one types."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from services.kernel.arguments import Line, checked
from services.location.points import Kinds, as_dict, open_minutes, rows

SEARCH = Path(__file__).with_name("search.sql").read_text(encoding="utf-8")
SUGGEST = Path(__file__).with_name("suggest.sql").read_text(encoding="utf-8")

CANDIDATES = 200  # points that are ranked
MAX_WORDS = 8

# A keyboard puts two consonants that can end a syllable into one letter.
_ONE_BY_ONE = str.maketrans(
    {"ㄳ": "ㄱㅅ", "ㄵ": "ㄴㅈ", "ㄶ": "ㄴㅎ", "ㄺ": "ㄹㄱ", "ㄻ": "ㄹㅁ", "ㄼ": "ㄹㅂ"}
    | {"ㄽ": "ㄹㅅ", "ㄾ": "ㄹㅌ", "ㄿ": "ㄹㅍ", "ㅀ": "ㄹㅎ", "ㅄ": "ㅂㅅ"}
)


@checked
def search(
    query: Annotated[str, Line(1, 60)],
    kinds: Kinds | None = None,
    open_now: bool = False,
    limit: Annotated[int, Field(ge=1, le=50)] = 20,
) -> list[dict[str, Any]]:
    """The points that hold every word of `query` (the first eight count), best match first.

    A word of consonants alone stands for initials: ㅁㅇㄷ finds 망원동. The last word may be half typed.
    """
    return [as_dict(row) for row in _found(query, kinds, open_now, limit)]


@checked
def suggest(query: Annotated[str, Line(1, 60)], limit: Annotated[int, Field(ge=1, le=20)] = 10) -> list[str]:
    """Names for what is being typed: those that begin with it, then those of points that hold its words."""
    names = sorted(name for (name,) in rows(SUGGEST, {"beginning": query, "limit": limit})) if _written(query) else []
    if len(names) < limit:
        names += [row[2] for row in _found(query, None, False, CANDIDATES)]
    return list(dict.fromkeys(names))[:limit]


def statement(words: list[str]) -> tuple[str, dict[str, Any]]:
    """The search for `words`, with the parameters that hold them.

    Each word is a condition of its own, so that the planner sees how rare it is. The text of the statement
    depends on the number of words and whether each is of initials, never on what they say.
    """
    words = [word.translate(_ONE_BY_ONE) for word in words]
    columns = ["initials" if _is_initials(word) else "keys" for word in words]
    conditions = " AND ".join(
        f"{column} LIKE location.pattern(location.{column}(%(word_{number})s))" for number, column in enumerate(columns)
    )
    text = SEARCH.replace("{words}", conditions).replace("{column}", columns[0])
    text = text.replace("%(first)s", f"location.{columns[0]}(%(word_0)s)")
    return text, {f"word_{number}": word for number, word in enumerate(words)}


def _found(query: str, kinds: list[Any] | None, open_now: bool, limit: int) -> list[tuple[Any, ...]]:
    words = [word for word in query.split() if any(char.isalnum() for char in word)][:MAX_WORDS]
    if not words:
        return []
    text, parameters = statement(words)
    values = {"kinds": kinds, "candidates": CANDIDATES, "limit": limit}
    return rows(text, {**parameters, **values, **open_minutes(open_now)})


def _is_initials(word: str) -> bool:
    """Whether a word is of consonants, or of consonants and digits."""
    return any("ㄱ" <= char <= "ㅎ" for char in word) and all(
        "ㄱ" <= char <= "ㅎ" or char in "0123456789" for char in word
    )


def _written(query: str) -> bool:
    """Whether the text has a letter or digit that is no lone consonant; without one every name would begin so."""
    return any(char.isalnum() and not "ㄱ" <= char <= "ㅎ" for char in query)
