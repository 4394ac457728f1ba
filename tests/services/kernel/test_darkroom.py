"""A flood of photos: who waits, for how long, and what is held meanwhile."""

import io
from collections.abc import Iterator

import eventlet
import pytest
from eventlet.event import Event
from PIL import Image

from services.kernel.darkroom import Darkroom, Memory
from services.kernel.errors import Unavailable
from services.kernel.photos import Photo
from tests.services.kernel.metering import sample
from tests.services.kernel.photo_process import limits


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, "PNG")
    return file.getvalue()


class Reading:
    """An upload that arrives when it is let, so that a test can hold places for as long as it likes."""

    def __init__(self) -> None:
        self.under_way = 0
        self.arrive = Event()

    def read(self) -> bytes:
        self.under_way += 1
        self.arrive.wait()
        return png()


@pytest.fixture
def reading() -> Iterator[Reading]:
    found = Reading()
    yield found
    if not found.arrive.ready():
        found.arrive.send()


def darkroom(wait_s: float) -> Darkroom:
    return Darkroom(limits(60_000_000).model_copy(update={"decode_at_once": 2}), wait_s)


def test_no_more_uploads_are_read_than_have_places(reading: Reading) -> None:
    room = darkroom(wait_s=10)
    asked = [eventlet.spawn(room.prepare, reading.read, None) for _ in range(5)]
    eventlet.sleep(0.05)

    assert reading.under_way == 2
    reading.arrive.send()
    assert [type(each.wait()) for each in asked] == [Photo] * 5


def test_who_waits_too_long_is_told_to_come_again(reading: Reading) -> None:
    room = darkroom(wait_s=0.05)
    busy = [eventlet.spawn(room.prepare, reading.read, None) for _ in range(2)]
    eventlet.sleep(0)

    with pytest.raises(Unavailable) as refused:
        room.prepare(png, None)

    assert (refused.value.code, refused.value.status, refused.value.retry_after_s) == ("photos_busy", 503, 5)
    reading.arrive.send()
    assert all(each.wait() for each in busy)


def test_a_place_is_free_again_after_a_failure() -> None:
    room = darkroom(wait_s=0.05)

    def broken() -> bytes:
        raise OSError("the client went away")

    for _ in range(5):
        with pytest.raises(OSError, match="went away"):
            room.prepare(broken, None)

    assert room.prepare(png, None).width == 64


def test_a_caller_that_is_cut_off_keeps_its_place_until_its_work_ends(reading: Reading) -> None:
    room = darkroom(wait_s=0.05)
    for _ in range(2):
        with pytest.raises(eventlet.Timeout), eventlet.Timeout(0.02):
            room.prepare(reading.read, None)

    with pytest.raises(Unavailable):
        room.prepare(png, None)
    reading.arrive.send()
    eventlet.sleep(0.2)
    assert room.prepare(png, None).width == 64


def test_shares_never_sum_up_to_more_than_there_is() -> None:
    memory, held, most = Memory(100), 0, 0

    def work(size: int) -> None:
        nonlocal held, most
        with memory.share(size, 10):
            held += size
            most = max(most, held)
            eventlet.sleep(0.001)
            held -= size

    workers = [eventlet.spawn(work, size) for size in (60, 50, 10, 30, 100, 1, 40, 70, 20)]
    for each in workers:
        each.wait()

    assert held == 0
    assert 60 < most <= 100


def test_a_large_share_is_not_starved_by_small_ones_behind_it() -> None:
    memory, order = Memory(100), []

    def work(name: str, size: int) -> None:
        with memory.share(size, 10):
            order.append(name)
            eventlet.sleep(0.005)

    workers = [eventlet.spawn(work, *each) for each in (("first", 60), ("large", 90), ("small", 10))]
    for each in workers:
        each.wait()

    assert order == ["first", "large", "small"]


def test_those_behind_one_that_gave_up_are_served() -> None:
    memory = Memory(100)

    def small() -> bool:
        with memory.share(10, 10):
            return True

    with memory.share(60, 1):
        with_large = eventlet.spawn(lambda: memory.share(90, 0.02).__enter__())
        eventlet.sleep(0)
        behind = eventlet.spawn(small)
        with pytest.raises(Unavailable):
            with_large.wait()

        assert behind.wait()


def test_what_is_held_for_photos_is_measured_and_given_back() -> None:
    memory, before = Memory(100), sample("eco2_photo_memory_bytes")

    with memory.share(60, 1):
        assert sample("eco2_photo_memory_bytes") == before + 60
        with pytest.raises(Unavailable), memory.share(50, 0.02):
            pass
        with memory.share(40, 1):
            assert sample("eco2_photo_memory_bytes") == before + 100
    with pytest.raises(KeyError), memory.share(100, 1):
        raise KeyError

    assert sample("eco2_photo_memory_bytes") == before


def test_the_memory_that_there_is_for_photos_is_measured() -> None:
    room = darkroom(wait_s=1)

    assert room.prepare(png, None).width == 64
    assert sample("eco2_photo_memory_limit_bytes") == 60_000_000
    assert sample("eco2_photo_memory_bytes") == 0
