"""Users who deleted their account: all that is theirs goes, and nothing that is heard of them later comes back."""

import hashlib
from collections.abc import Callable
from typing import Annotated

from pydantic import BaseModel

from services.kernel.arguments import Id, parse
from services.userinfo import locks
from services.userinfo.tables import Activity, Collected, Erased, Points, Profile, Score

Discard = Callable[[str], None]
"""Asks for a picture to be deleted, by its key; raises when that cannot be asked for."""


class UserDeleted(BaseModel):
    """Auth's event. Its other fields are not ours."""

    user_id: Annotated[str, Id("user")]


def erase(event: object, discard: Discard) -> bool:
    """Erase what is the user's: profile, settings, picture, history, points, characters; false when it was done before.

    What stays is a digest of the id. What `discard` raises leaves all as it was.
    """
    user_id = parse(UserDeleted, event).user_id
    with Erased._meta.database.atomic():
        locks.take_user(user_id)
        first = Erased.insert(user_sha256=digest(user_id)).on_conflict_ignore().as_rowcount().execute()
        for table in (Collected, Points, Score, Activity):  # in the order of their foreign keys
            table.delete().where(table.user_id == user_id).execute()
        gone = Profile.delete().where(Profile.user_id == user_id).returning(Profile.avatar_key).execute()
        for profile in gone:
            if profile.avatar_key:
                discard(profile.avatar_key)
        return bool(first)


def is_erased(user_id: str) -> bool:
    """Whether the account was deleted. Stays so for a transaction that has taken the user's turn."""
    return bool(Erased.select().where(Erased.user_sha256 == digest(user_id)).exists())


def digest(user_id: str) -> bytes:
    return hashlib.sha256(user_id.encode()).digest()
