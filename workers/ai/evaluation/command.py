"""``./inv evaluate PHOTOS_DIR``: judge a vision provider on labelled photos."""

import json
import sys
from collections.abc import Callable, Collection
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from services.recycle.knowledge import knowledge
from services.recycle.knowledge.model import Item
from workers.ai.evaluation import pictures, report
from workers.ai.evaluation.labels import EvaluationError, Labelled, read_labels
from workers.ai.evaluation.metrics import result_of
from workers.ai.evaluation.outcome import Outcome, run
from workers.ai.evaluation.providers import vision_named
from workers.ai.recognition import Vision

CONFUSION, RELIABILITY, RESULT = "confusion.png", "reliability.png", "result.json"


def evaluate(
    photos_dir: str | Path,
    provider: str = "local",
    json_: bool = False,
    output: str | Path | None = None,
    *,
    named: Callable[[str], Vision] = vision_named,
) -> int:
    """Writes the result to stdout, progress and errors to stderr; returns the exit code: 0, or 2 for a fault.

    ``json_`` gives JSON instead of tables. In ``output``, made when missing, it leaves ``confusion.png``,
    ``reliability.png`` and ``result.json``.
    """
    errors = Console(stderr=True)
    try:
        _evaluate(Path(photos_dir), provider, json_, Path(output) if output else None, named, errors)
    except EvaluationError as error:
        errors.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return error.exit_code
    return 0


def _evaluate(
    photos_dir: Path, provider: str, json_: bool, output: Path | None, named: Callable[[str], Vision], errors: Console
) -> None:
    known = knowledge()
    photos = read_labels(photos_dir, known.items, known.situations)
    if output is not None:
        _make(output)
    vision = named(provider)
    outcomes = _run(vision, photos, known.items.keys(), errors)
    result = result_of(outcomes, {item.id: class_name(item) for item in known.items.values()})
    plain = report.as_json(result, outcomes, vision.provider, vision.model)
    if output is not None:
        title = f"{vision.provider}/{vision.model}, {result.photos} photos"
        pictures.confusion_matrix(result, title, output / CONFUSION)
        pictures.reliability(result.calibration, title, output / RELIABILITY)
        (output / RESULT).write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")
        errors.print(f"written to {output}: {CONFUSION}, {RELIABILITY}, {RESULT}", soft_wrap=True, highlight=False)
    if json_:
        print(json.dumps(plain, indent=2))
    else:
        # A pipe or a file has no width of its own; tables cut to 80 columns would lose figures.
        report.show(result, vision.provider, vision.model, Console(width=None if sys.stdout.isatty() else 140))


def class_name(item: Item) -> str:
    """Returns for example ``food`` or ``recyclable: clear pet``."""
    name = f"{item.major}: {item.kind}" if item.kind else item.major
    return name.replace("_", " ")


def _run(
    vision: Vision, photos: tuple[Labelled, ...], known_items: Collection[str], errors: Console
) -> tuple[Outcome, ...]:
    with Progress(console=errors, transient=True) as progress:
        bar = progress.add_task("photos", total=len(photos))

        def told(photo: Labelled) -> None:
            progress.update(bar, description=photo.path.name, advance=1)

        return run(vision, photos, known_items, told)


def _make(output: Path) -> None:
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EvaluationError(
            f"{output}: {error.strerror}. Name a folder that can be written with --output."
        ) from error
