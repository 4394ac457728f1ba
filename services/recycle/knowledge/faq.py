"""Frequent questions: the data say what is asked, the rules answer, so that no answer can contradict them."""

from collections.abc import Iterator

from pydantic import Field

from services.recycle.knowledge.document import Problem
from services.recycle.knowledge.model import FaqEntry, Identifier, Item, Knowledge, Lang, Strict
from services.recycle.knowledge.references import Place


class FaqFile(Strict):
    """``faq.yaml``, in the order in which it is shown."""

    questions: dict[Identifier, FaqEntry] = Field(min_length=1)


def check_faq(whole: Knowledge, questions: Place) -> Iterator[Problem]:
    """Every fault of faq.yaml: unknown ids, situations that no rule of the item speaks about, what is asked twice."""
    asked: dict[tuple[str, ...], str] = {}
    for entry_id, entry in whole.faq.items():
        yield from _faults(whole, questions, entry_id, entry)
        for field, same in _identity(entry):
            first = asked.setdefault((field, *same), entry_id)
            if first != entry_id:
                yield questions.problem(entry_id, *field.split("."), message=f"is asked by {first!r} already")


def _faults(whole: Knowledge, questions: Place, entry_id: str, entry: FaqEntry) -> Iterator[Problem]:
    item = whole.items.get(entry.item)
    if item is None:
        yield questions.problem(entry_id, "item", message=f"there is no item {entry.item!r}")
    for index, situation in enumerate(entry.situations):
        if situation not in whole.situations:
            message = f"there is no situation {situation!r}"
        elif situation in entry.situations[:index]:
            message = f"{situation!r} is said twice"
        elif item is not None and not _ruled(whole, item, situation):
            message = f"no rule of {item.id!r} speaks about {situation!r}"
        else:
            continue
        yield questions.problem(entry_id, "situations", index, message=message)


def _ruled(whole: Knowledge, item: Item, situation: str) -> bool:
    return situation in item.situations or situation in whole.group(item.group_id).situations


def _identity(entry: FaqEntry) -> Iterator[tuple[str, tuple[str, ...]]]:
    langs: tuple[Lang, ...] = ("ko", "en")
    for lang in langs:
        yield f"question.{lang}", (entry.question.in_(lang).casefold(),)
    yield "item", (entry.item, *sorted(set(entry.situations)))
