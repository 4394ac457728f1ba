import pytest

from tests.workers.ai.evaluation.scripted import Scripted, Write, said
from workers.ai.evaluation.labels import EvaluationError, Labelled, read_labels
from workers.ai.evaluation.outcome import run
from workers.ai.evaluation.providers import vision_named
from workers.ai.recognition import ModelUnavailable, Recognition, Usage

ITEMS = {"ball", "scissors"}


def photos(write: Write) -> tuple[Labelled, ...]:
    return read_labels(write("a.jpg,ball,,", "b.jpg,,,"), ITEMS, ())


def test_each_photo_has_its_outcome_and_is_told_before(write: Write) -> None:
    vision = Scripted(said("ball"), said("ball"), said(None, 0.2, ("scissors",)))
    told: list[str] = []
    first, second = run(vision, photos(write), ITEMS, lambda photo: told.append(photo.path.name))
    assert told == ["a.jpg", "b.jpg"]
    assert (first.item_id, first.right) == ("ball", True)
    assert (second.item_id, second.confidence, second.guesses, second.right) == (None, 0.2, ("scissors",), True)


def test_an_item_that_the_knowledge_does_not_have_is_not_known(write: Write) -> None:
    vision = Scripted(said("ball"), said("moon", guesses=("moon", "ball")), said(None))
    first, _ = run(vision, photos(write), ITEMS)
    assert (first.item_id, first.guesses) == (None, (None, "ball"))


def test_the_model_is_loaded_before_the_clock_runs_unless_it_costs(write: Write) -> None:
    price = Usage("m", 800, 0, 200, 2.5)
    free = Scripted(*[said("ball")] * 3)
    paid = Scripted(*[said("ball", usage=price)] * 2)
    run(free, photos(write), ITEMS)
    (first, _) = run(paid, photos(write), ITEMS)
    assert (free.asked, paid.asked) == (3, 2)
    assert first.usage == price


def test_a_photo_that_is_none_is_named(write: Write) -> None:
    labelled = photos(write)
    labelled[0].path.write_bytes(b"%PDF-1.7")
    with pytest.raises(EvaluationError, match=r"a\.jpg: the photo cannot be decoded.*Take its line out"):
        run(vision_named("local"), labelled, ITEMS)


def test_a_provider_that_gives_no_answer_ends_the_evaluation(write: Write) -> None:
    class Silent(Scripted):
        def recognise(self, photo: bytes) -> Recognition:
            raise ModelUnavailable("timeout", "after 20 s")

    with pytest.raises(EvaluationError, match=r"a\.jpg: no answer from the provider: timeout: after 20 s"):
        run(Silent(), photos(write), ITEMS)
