"""``labels.csv`` beside the photos: ``file,item_id,situations,note``, one photo a line.

An empty ``item_id`` means that the photo shows nothing of the knowledge: the right answer is "don't know".
``situations`` are those of the knowledge, with spaces between; ``note`` is for people.
"""

import csv
import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

LABELS = "labels.csv"
COLUMNS = ("file", "item_id", "situations", "note")


class EvaluationError(Exception):
    """The evaluation cannot be made as asked; the text says why and what to do."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Labelled:
    """A photo and what it truly shows: ``item_id`` is None for "don't know"."""

    path: Path
    item_id: str | None
    situations: tuple[str, ...] = ()
    note: str = ""


def read_labels(
    photos_dir: Path, known_items: Collection[str], known_situations: Collection[str]
) -> tuple[Labelled, ...]:
    """Returns the photos in the file's order.

    Raises EvaluationError, which names every fault with its line.
    """
    if not photos_dir.is_dir():
        raise EvaluationError(f"{photos_dir} is no folder. Name one that has photos and a {LABELS}.")
    path = photos_dir / LABELS
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise EvaluationError(
            f"{photos_dir} has no {LABELS}. Write one: the head {','.join(COLUMNS)}, then a line for each photo."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path}: {error}. It must be a readable CSV file in UTF-8.") from error
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    photos: list[Labelled] = []
    faults: list[str] = []
    try:
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise EvaluationError(f"{path}:1: the head must be {','.join(COLUMNS)}")
        for row in rows:
            found = _faults_of(row, photos_dir, known_items, known_situations)
            faults += [f"{path}:{rows.line_num}: {fault}" for fault in found]
            if found:
                continue
            photo = _labelled(row, photos_dir)
            if any(photo.path == other.path for other in photos):
                faults.append(f"{path}:{rows.line_num}: {row['file']} has a line already")
            photos.append(photo)
    except csv.Error as error:
        faults.append(f"{path}:{rows.line_num}: {error}")
    if faults:
        raise EvaluationError("\n".join([*faults, f"Correct {path} and try again."]))
    if not photos:
        raise EvaluationError(f"{path} names no photo. Write a line for each.")
    return tuple(photos)


def _labelled(row: Mapping[str, str], photos_dir: Path) -> Labelled:
    return Labelled(
        path=photos_dir / row["file"].strip(),
        item_id=row["item_id"].strip() or None,
        situations=tuple(row["situations"].split()),
        note=row["note"].strip(),
    )


def _faults_of(
    row: Mapping[str, str | None], photos_dir: Path, items: Collection[str], situations: Collection[str]
) -> list[str]:
    if None in row or None in row.values():
        return [f"a line has {len(COLUMNS)} fields; put a note with a comma into quotes"]
    name, item_id = (row["file"] or "").strip(), (row["item_id"] or "").strip()
    faults = []
    if not name:
        faults.append("no file is named")
    elif Path(name).is_absolute() or ".." in Path(name).parts:
        faults.append(f"{name} must lie in the folder of {LABELS}")
    elif not (photos_dir / name).is_file():
        faults.append(f"there is no file {name}")
    if item_id and item_id not in items:
        faults.append(f"the knowledge has no item {item_id!r}")
    unknown = [word for word in (row["situations"] or "").split() if word not in situations]
    if unknown:
        faults.append(f"the knowledge has no situation {', '.join(map(repr, unknown))}")
    return faults
