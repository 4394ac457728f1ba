"""CSV files as public bodies publish them: UTF-8 or CP949, with line breaks inside quotes and rows that are broken."""

import codecs
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

SAMPLE = 64 * 1024  # bytes that the encoding is judged by


class Unusable(Exception):
    """The file cannot be read at all, or is not of the format."""


@dataclass(frozen=True)
class Row:
    """A record: the `line` on which it begins, its fields by column, or what is wrong with it (`fault`)."""

    line: int
    fields: dict[str, str]
    fault: str | None = None


def encoding_of(path: Path) -> str:
    """``utf-8-sig`` or ``cp949`` (which holds EUC-KR), whichever reads the file's beginning with fewer faults.

    Raises `Unusable` for a file that cannot be opened, or that is in UTF-16.
    """
    try:
        with path.open("rb") as file:
            sample = file.read(SAMPLE)
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from error
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise Unusable(f"{path}: is in UTF-16; save it as UTF-8 or CP949")
    return min(("utf-8-sig", "cp949"), key=lambda name: _faults(sample, name))


def _faults(sample: bytes, encoding: str) -> int:
    # Not final: the sample may end in the middle of a character.
    return codecs.getincrementaldecoder(encoding)("replace").decode(sample).count("\ufffd")


def header_and_rows(path: Path, encoding: str) -> tuple[list[str], Iterator[Row]]:
    """The columns' names, and the records one by one. Raises `Unusable` when there is no header."""
    file = path.open(encoding=encoding, errors="surrogateescape", newline="")
    reader = csv.reader(file)
    try:
        header = [" ".join(name.split()) for name in next(reader, [])]
    except csv.Error as error:
        file.close()
        raise Unusable(f"{path}: {error}") from error
    if not any(header):
        file.close()
        raise Unusable(f"{path}: has no header")
    return header, _rows(file, reader, header)


def _rows(file: TextIO, reader: Any, header: list[str]) -> Iterator[Row]:
    with file:
        while True:
            line = reader.line_num + 1
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Row(line, {}, f"is no CSV: {error}")
                continue
            if not any(value.strip() for value in values):
                continue
            if len(values) != len(header):
                yield Row(line, {}, f"has {len(values)} fields instead of {len(header)}")
            elif any("\udc80" <= char <= "\udcff" for value in values for char in value):
                yield Row(line, {}, "has bytes that are no characters of the file's encoding")
            else:
                yield Row(line, dict(zip(header, values, strict=True)))
