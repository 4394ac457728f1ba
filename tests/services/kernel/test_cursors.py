"""Cursors: back as they went out, and nothing else."""

import base64
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uuid6 import uuid7

from services.kernel import cursors
from services.kernel.errors import Unprocessable


@pytest.mark.parametrize("place", range(40))
def test_a_cursor_with_one_changed_character_is_refused(place: int) -> None:
    owner = str(uuid7())
    text = cursors.at_moment(datetime.now(UTC), UUID(str(uuid7())), owner)
    changed = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]

    with pytest.raises(Unprocessable):
        cursors.moment(changed, owner)


@settings(deadline=None)
@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)), st.uuids(), st.uuids())
def test_a_cursor_survives_the_way_to_the_client_and_back(moment: datetime, scan_id: UUID, owner: UUID) -> None:
    place = (moment.replace(tzinfo=UTC), scan_id)

    assert cursors.moment(cursors.at_moment(*place, str(owner)), str(owner)) == place


@given(st.integers(-(2**63), 2**63 - 1), st.uuids())
def test_a_number_survives_it_too(number: int, owner: UUID) -> None:
    assert cursors.number(cursors.at_number(number, str(owner)), str(owner)) == number


@given(st.binary(min_size=30, max_size=30))
def test_random_bytes_are_no_cursor(raw: bytes) -> None:
    with pytest.raises(Unprocessable):
        cursors.moment(base64.urlsafe_b64encode(raw).decode(), "0")
