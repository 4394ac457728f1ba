"""Characters to collect: the first comes with the account, the others with the first clean recyclable of each kind."""

from collections import Counter
from datetime import datetime
from typing import Annotated, Any, Self

from peewee import fn
from pydantic import Field, model_validator

from services.kernel.arguments import Id, checked, missing
from services.userinfo.data_files import FOLDER, Strict, Text, load
from services.userinfo.tables import Activity, Collected

FIRST = "eco"
"""The code of the one that everybody has; the table's constraint knows it too."""

UserId = Annotated[str, Id("user")]


class Character(Strict):
    code: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    name: str = Field(min_length=1, max_length=20)
    name_en: str = Field(min_length=1, max_length=20)
    kind: str | None = Field(pattern=r"^[a-z][a-z0-9_]{0,49}$")
    dialog: Text


class Roster(Strict):
    characters: list[Character] = Field(min_length=2)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for field in ("code", "name", "name_en", "kind"):
            told = Counter(getattr(one, field) for one in self.characters)
            if repeated := [str(value) for value, times in told.items() if times > 1]:
                raise ValueError(f"{field} more than once: {', '.join(repeated)}")
        if [one.code for one in self.characters if one.kind is None] != [FIRST]:
            raise ValueError(f"{FIRST} has no kind, every other has one")
        return self


ROSTER = load(FOLDER / "characters.yaml", Roster).characters
OF_KIND = {one.kind: one for one in ROSTER if one.kind is not None}


def welcome(user_id: str, at: datetime) -> bool:
    """The first character, with which every user begins; false when the user has it."""
    new = Collected.insert(user_id=user_id, character=FIRST, awarded_at=at)
    return bool(new.on_conflict_ignore().as_rowcount().execute())


def award(user_id: str, kind: str, scan_id: str, at: datetime) -> bool:
    """The kind's character for a scan that has earned points at `at`; false when the user has it, or there is none."""
    character = OF_KIND.get(kind)
    if character is None:
        return False
    new = Collected.insert(user_id=user_id, character=character.code, scan_id=scan_id, awarded_at=at)
    return bool(new.on_conflict_ignore().as_rowcount().execute())


@checked
def all_of(user_id: UserId) -> dict[str, Any]:
    """``{"characters", "owned", "total"}``: every character in its order, the user's own with `awarded_at`.

    `scans` is how many scans of its kind are in the history; of the first, how many there are at all.
    """
    mine = {one.character: one for one in Collected.select().where(Collected.user_id == user_id)}
    scans = _scans(user_id)
    shown = [_as_dict(one, mine.get(one.code), scans) for one in ROSTER]
    return {"characters": shown, "owned": sum(one["owned"] for one in shown), "total": len(shown)}


@checked
def one_of(user_id: UserId, code: str) -> dict[str, Any]:
    """One of them. Raises `NotFound` ``character_not_found``."""
    character = next((one for one in ROSTER if one.code == code), None)
    if character is None:
        raise missing("character")
    mine = Collected.get_or_none((Collected.user_id == user_id) & (Collected.character == code))
    return _as_dict(character, mine, _scans(user_id))


def _scans(user_id: str) -> Counter[str | None]:
    counts = Activity.select(Activity.kind, fn.COUNT(Activity.scan_id).alias("scans"))
    mine: Any = counts.where(Activity.user_id == user_id).group_by(Activity.kind)
    return Counter({row.kind: row.scans for row in mine})


def _as_dict(character: Character, mine: Collected | None, scans: Counter[str | None]) -> dict[str, Any]:
    return {
        "code": character.code,
        "name": character.name,
        "name_en": character.name_en,
        "kind": character.kind,
        "dialog": character.dialog.model_dump(),
        "owned": mine is not None,
        "awarded_at": mine.awarded_at.isoformat() if mine else None,
        "scans": scans.total() if character.kind is None else scans[character.kind],
    }
