"""How often the search is right, on labelled queries that people might type; half of them were never read in tuning."""

import time

import pytest
from rapidfuzz import fuzz, process

from services.recycle.knowledge import knowledge, search
from services.recycle.knowledge.hangul import sound
from tests.services.recycle.query_report import NOTHING, Judged, figures, judge, queries, table

HALVES = ["tuned", "untouched"]


@pytest.fixture(scope="module")
def judged() -> dict[str, list[Judged]]:
    return {half: judge(queries(half)) for half in HALVES}


@pytest.mark.parametrize("half", HALVES)
def test_the_right_item_comes_first_and_nearly_always_among_three(judged: dict[str, list[Judged]], half: str) -> None:
    things = [each for each in judged[half] if each.query.style != NOTHING]
    print(f"{half}\n{table(judged[half])}")

    found = figures(things)

    assert len(things) >= 150
    assert found.top_1 >= 0.90
    assert found.top_3 >= 0.97


@pytest.mark.parametrize("half", HALVES)
def test_what_is_no_waste_is_not_taken_for_any(judged: dict[str, list[Judged]], half: str) -> None:
    nothing = [each for each in judged[half] if each.query.style == NOTHING]

    assert nothing
    assert all(each.place == 1 for each in nothing)


def test_no_query_is_in_both_halves() -> None:
    tuned, untouched = ({query.query for query in queries(half)} for half in HALVES)

    assert not tuned & untouched


def test_a_query_costs_no_more_than_a_few_plain_comparisons_with_all_terms() -> None:
    """Without an index, each query would be compared with each term, fuzzily."""
    texts = [sound(word) for item in knowledge().items.values() for word in (*item.words("ko"), *item.words("en"))]
    asked = [query.query for query in queries("tuned")]
    for query in asked:
        search(query)

    def seconds(act: object) -> float:
        began = time.process_time()  # a busy machine does not count
        for query in asked:
            act(query)  # type: ignore[operator]
        return time.process_time() - began

    ours = seconds(search)
    plain = seconds(lambda query: process.extract(sound(query), texts, scorer=fuzz.WRatio, limit=5))

    print(f"figures: {ours / len(asked) * 1000:.2f} ms a query, {plain / ours:.1f} times as fast as comparing with all")
    assert ours < plain
