"""Whoever meets an error code finds its entry, and the entry says what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from provisioning.troubleshooting import Entry, document, entries

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "troubleshooting.md"


def test_the_document_is_todays() -> None:
    assert DOCUMENT.read_text() == document(), "run: ./inv cluster.troubleshooting"


def test_every_code_in_the_program_has_an_entry() -> None:
    files = [file for file in (ROOT / "provisioning").rglob("*.py") if "local" not in file.parts]
    said = {code for file in files for code in re.findall(r'"(E-[A-Z0-9]+(?:-[A-Z0-9]+)*)"', file.read_text())}
    never_raised = {"E-RUN"}  # what all errors have in common
    assert said - never_raised == {entry.code for entry in entries()}


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.code)
def test_an_entry_says_what_is_seen_why_and_what_to_do(entry: Entry) -> None:
    assert len(entry.symptom) > 20
    if entry.code != "E-PHASES":  # a mistake in the program itself
        assert entry.remedy


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.code)
def test_a_command_that_it_names_exists(entry: Entry) -> None:
    from tasks import namespace

    for word in re.findall(r"\./inv ([a-z][a-z.-]*[a-z])", entry.remedy):
        assert word in namespace.task_names, f"./inv {word}"
