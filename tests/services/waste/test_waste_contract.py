"""Every answer of the waste service is exactly what the gateway declares."""

from typing import Any

import pytest

from services.gateway.api import waste as api
from services.gateway.api.scan import Stage
from services.kernel.objects import ObjectStore
from services.recycle.knowledge import knowledge
from services.waste.scans import STAGES
from tests.services.contract import answer_of, fits
from tests.services.running import Running, eventually
from tests.services.waste.conftest import Scans
from tests.services.waste.test_uploads import opened, photo
from workers.ai import pipeline
from workers.ai.recognition import NearGuess, Recognition, Thing, Usage

SEEN = Recognition(
    item_id="pizza_box",
    confidence=0.91,
    guesses=(NearGuess("pizza", "pizza_box", 0.9), NearGuess("dog", None, 0.1)),
    situations=("dirty",),
    others=(Thing("paper_cup", "종이컵", (), 0.5),),
    usage=Usage("gpt-5-mini", 100, 0, 20, 0.3),
)


class Eye:
    provider = "local"
    model = "efficientnet-lite0"


def result(seen: Recognition, region: str | None = None) -> dict[str, Any]:
    """What the AI worker tells, made as it makes it."""
    found = pipeline._seen(Eye(), seen)  # type: ignore[arg-type]
    told = pipeline._told("종이류로 버려요.")
    return pipeline.result(found, pipeline.rule(found, "ko", region), told, "ko")


def complete(scans: Scans, scan_id: str, told: dict[str, Any]) -> None:
    scans.tell("ai", "scan.classify.completed", {"task_id": f"{scan_id}.classify", "result": told})
    eventually(lambda: scans.state(scan_id) == "completed")


def test_a_scan_in_each_state(waste: Running, scans: Scans) -> None:
    queued, stored, failed = scans.open(), scans.stored(), scans.open()
    scans.tell("storage", "image.store.failed", {"task_id": f"{failed}.store"})
    eventually(lambda: scans.state(failed) == "failed")

    for scan_id in (queued, stored, failed):
        fits(api.Scan, answer_of(waste, "scan", scan_id, scans.owner))


@pytest.mark.parametrize("region", [None, "seoul_jung"])
def test_a_completed_scan(waste: Running, scans: Scans, region: str | None) -> None:
    complete(scans, scan_id := scans.stored(), result(SEEN, region))

    scan = answer_of(waste, "scan", scan_id, scans.owner)

    fits(api.Scan, scan)
    assert scan["result"]["disposal"]["insufficiencies"] is not None


def test_a_scan_of_what_nobody_knows(waste: Running, scans: Scans) -> None:
    complete(scans, scan_id := scans.stored(), result(Recognition(None, 0.2, ())))

    scan = answer_of(waste, "scan", scan_id, scans.owner)

    fits(api.Scan, scan)
    assert scan["result"]["disposal"] is None


def test_a_result_of_an_older_release_is_still_told(waste: Running, scans: Scans) -> None:
    scan_id = scans.completed()
    waste.sql(
        "UPDATE waste.scans SET result ="
        """ '{"item_id": null, "confidence": 0.1, "major": null, "kind": null, "disposal": null}' WHERE id = %s""",
        scan_id,
    )

    told = api.Scan.model_validate(answer_of(waste, "scan", scan_id, scans.owner))

    assert told.result is not None
    assert (told.result.guesses, told.result.answer) == ([], None)


def test_a_history(waste: Running, scans: Scans) -> None:
    complete(scans, scans.stored(), result(SEEN))
    scans.open()

    fits(api.Scans, answer_of(waste, "scans_of", scans.owner, 1))
    fits(api.Scans, answer_of(waste, "scans_of", scans.owner))


@pytest.mark.parametrize(("verdict", "item_id", "comment"), [("right", None, None), ("wrong", "paper_cup", "둘째\n줄")])
def test_feedback(waste: Running, scans: Scans, verdict: str, item_id: str | None, comment: str | None) -> None:
    scan_id = scans.completed()

    fits(api.Feedback, answer_of(waste, "feedback", scan_id, scans.owner, verdict, item_id, comment))


def test_an_upload_in_each_state(waste: Running, scans: Scans, store: ObjectStore) -> None:
    upload = answer_of(waste, "upload_open", scans.owner, scans.owner, "image/jpeg", len(photo()))
    fits(api.OpenedUpload, upload)

    store.put(upload["image_key"], photo(), content_type="image/jpeg", cache_control="no-store")
    fits(api.CompletedUpload, answer_of(waste, "upload_complete", upload["upload_id"], scans.owner))

    scans.open(image_bytes=None, image_width=None, image_height=None, upload_key=upload["image_key"])
    fits(api.CompletedUpload, answer_of(waste, "upload_complete", upload["upload_id"], scans.owner))


def test_the_gateway_knows_the_stages() -> None:
    assert set(Stage.__args__) == {*STAGES, "done", "failed"}  # type: ignore[attr-defined]


def test_the_items_of_these_tests_are_known(waste: Running) -> None:
    assert {"pizza_box", "paper_cup"} <= set(knowledge().items)
    assert opened(waste, None, photo())["method"] == "PUT"
