"""The window: the last of what was said that fits, counted so that it never holds more tokens than it may."""

from hypothesis import given
from hypothesis import strategies as st

from services.chat.window import AROUND, fitted, tokens
from services.kernel.openai.turns import Said

TALK = [Said("user", "a" * 10), Said("assistant", "b" * 10), Said("user", "c" * 10), Said("assistant", "d" * 10)]
EACH = 10 + AROUND


def test_all_that_fits_is_kept_in_order() -> None:
    assert fitted(TALK, 4 * EACH) == TALK


def test_the_oldest_go_first_and_no_answer_stands_without_its_question() -> None:
    assert fitted(TALK, 3 * EACH) == fitted(TALK, 2 * EACH) == TALK[2:]
    assert fitted(TALK, EACH) == []


def test_korean_counts_by_its_bytes() -> None:
    assert tokens("건전지") == 9 + AROUND


@given(st.lists(st.builds(Said, st.sampled_from(["user", "assistant"]), st.text(max_size=50))), st.integers(0, 500))
def test_the_window_is_never_passed(said: list[Said], window: int) -> None:
    kept = fitted(said, window)

    assert sum(tokens(one.text) for one in kept) <= window
    assert kept == said[len(said) - len(kept) :]
