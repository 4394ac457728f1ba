"""Nodes that ask at the same moment share an answer; nobody gets one from before they asked."""

import threading

import pytest

from provisioning.kubernetes.shared import Shared
from provisioning.run import Step
from tests.provisioning.kubernetes.world import Heard


class Source:
    """Counts; `gate` holds a reading up, `inside` says that one has begun."""

    def __init__(self) -> None:
        self.read = 0
        self.gate, self.inside = threading.Event(), threading.Event()
        self.fails = False

    def __call__(self, step: Step) -> int:
        self.read += 1
        self.inside.set()
        assert self.gate.wait(5)
        if self.fails:
            raise OSError("no answer")
        return self.read


def test_who_asks_later_gets_a_later_answer() -> None:
    source = Source()
    source.gate.set()
    shared, step = Shared(source), Heard().step()
    assert [shared.read(step), shared.read(step)] == [1, 2]


def test_who_asks_while_a_reading_is_under_way_waits_for_the_next_and_shares_it() -> None:
    source = Source()
    shared, step = Shared(source), Heard().step()
    answers: list[int] = []
    readers = [threading.Thread(target=lambda: answers.append(shared.read(step))) for _ in range(8)]
    readers[0].start()
    assert source.inside.wait(5)
    for reader in readers[1:]:
        reader.start()
    while not all(reader.ident for reader in readers):
        pass
    threading.Event().wait(0.05)
    source.gate.set()
    for reader in readers:
        reader.join(5)
    first, *later = sorted(answers)
    assert first == 1
    assert min(later) > 1, "an answer from before it was asked"
    assert source.read < len(readers), "nobody shared"


def test_a_reading_that_failed_is_nobody_elses_answer() -> None:
    source = Source()
    source.gate.set()
    source.fails = True
    shared, step = Shared(source), Heard().step()
    with pytest.raises(OSError, match="no answer"):
        shared.read(step)
    source.fails = False
    assert shared.read(step) == 2
