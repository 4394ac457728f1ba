"""What the metrics of this process, in which the tests' services run, say before and after some traffic."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import REGISTRY

from tests.services.running import eventually


def sample(name: str, **labels: str) -> float:
    """The value of one sample; 0 of one that is not there yet."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


def series() -> set[str]:
    """Every series that /metrics of the process has of Eco²."""
    return {
        f"{each.name}{sorted(each.labels.items())}"
        for family in REGISTRY.collect()
        for each in family.samples
        if each.name.startswith("eco2_")
    }


@contextmanager
def grows(name: str, by: float = 1, **labels: str) -> Iterator[None]:
    """That a sample has grown by exactly so much when the block has ended, or very soon after."""
    before = sample(name, **labels)
    yield
    eventually(lambda: sample(name, **labels) - before >= by, within_s=5)
    assert sample(name, **labels) - before == by, f"{name} {labels}"
