"""How the tests take a part of the stack away."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.stack import TestStack, eventually


@contextmanager
def stopped(stack: TestStack, name: str) -> Iterator[None]:
    """A part or process that is not there meanwhile."""
    stack.supervisor(lambda supervisor: supervisor.stop([name]))
    try:
        yield
    finally:
        stack.supervisor(lambda supervisor: supervisor.start(name))
        eventually(lambda: stack.inv("status").returncode == 0, within_s=60, every_s=0.5)
