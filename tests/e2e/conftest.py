from collections.abc import Iterator

import pytest

from tests.e2e.people import Person
from tests.stack import TestStack


@pytest.fixture
def person(stack: TestStack) -> Iterator[Person]:
    """A registered user."""
    somebody = Person.register(stack.gateway)
    yield somebody
    somebody.client.close()


@pytest.fixture
def other(stack: TestStack) -> Iterator[Person]:
    """Another one, who must not see what is the first one's."""
    somebody = Person.register(stack.gateway)
    yield somebody
    somebody.client.close()
