"""The fear: somebody is woken, and the page says nothing, names a command that is not there, or is not there itself."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.monitoring.rule_files import ROOT, RUNBOOKS, alerts, rules

README = RUNBOOKS / "README.md"
PAGES = sorted(path for path in RUNBOOKS.glob("*.md") if path != README)


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    assert {page.stem for page in PAGES} == set(alerts())


def test_the_list_has_every_alert_once_with_its_severity() -> None:
    listed = re.findall(r"^\| \[(\w+)\]\(\1\.md\) \| (\w+) \|", README.read_text(encoding="utf-8"), re.MULTILINE)

    assert sorted(listed) == sorted((name, alert["labels"]["severity"]) for name, alert in alerts().items())


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_page_says_what_it_means_how_to_look_and_what_to_do(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    alert = alerts()[page.stem]

    assert text.startswith(f"# {page.stem}\n\n`{alert['labels']['severity']}`")
    if alert["for"] != "0m":
        assert f"stands for {alert['for']} before it fires" in text
    assert [line for line in text.splitlines() if line.startswith("## ")] == ["## Look", "## Do"]
    assert "**Who is hurt.**" in text
    assert "**Call somebody:**" in text
    assert "```sh\n" in text
    assert "```promql\n" in text
    assert re.search(r"^- ", text.partition("## Do")[2], re.MULTILINE), "nothing to do"
    assert len(text.splitlines()) <= 45, "too long to be read at night"


def test_no_two_pages_are_the_same_but_for_the_name() -> None:
    bodies = [page.read_text(encoding="utf-8").split("\n", 3)[3].replace(page.stem, "") for page in PAGES]

    assert len(set(bodies)) == len(bodies)


@pytest.mark.parametrize("page", [README, *PAGES], ids=lambda path: path.stem)
def test_a_command_that_it_names_exists(page: Path) -> None:
    from tasks import namespace

    for word in re.findall(r"\./inv ([a-z][a-z.-]*[a-z])", page.read_text(encoding="utf-8")):
        assert word in namespace.task_names or word in _aliases(namespace), f"./inv {word}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_command_of_the_journal_exists_and_takes_what_it_is_given(page: Path) -> None:
    from wal.cli import _parser

    for words in re.findall(r"python -m wal\.cli ([^`\n|]+)", page.read_text(encoding="utf-8")):
        _parser().parse_args(words.split("#")[0].split())


@pytest.mark.parametrize("page", [README, *PAGES], ids=lambda path: path.stem)
def test_where_it_leads_is_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_every_setting_that_a_page_names_is_one() -> None:
    settings = (ROOT / "services" / "kernel" / "config.yaml").read_text(encoding="utf-8")
    for page in PAGES:
        for name in re.findall(r"`(?:gateway|images|ai\.openai|wal|config\.ai\.openai)\.(\w+)`", page.read_text()):
            assert re.search(rf"\b{name}:", settings), f"{page.stem}: {name}"


def test_what_is_asked_of_prometheus_is_promql(promtool: Path, tmp_path: Path) -> None:
    """Each query becomes a rule, which promtool checks."""
    asked = [{"record": f"of:{number}", "expr": query} for number, query in enumerate(_queries())]
    assert len(asked) > len(PAGES)
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": asked}]}), encoding="utf-8")

    checked = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, timeout=60)

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_series_of_ours_that_is_asked_for_is_recorded() -> None:
    recorded = {rule["record"] for _, rule in rules() if "record" in rule}
    asked = {name for query in _queries() for name in re.findall(r"\b(?:domain:)?eco2_\w+:\w+", query)}

    assert asked
    assert asked <= recorded


def _queries() -> Iterator[str]:
    for page in PAGES:
        for block in re.findall(r"```promql\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            yield from block.strip().splitlines()


def _aliases(namespace: object) -> set[str]:
    """`deploy` is the default of the namespace of that name."""
    names = namespace.task_names  # type: ignore[attr-defined]
    return {alias for others in names.values() for alias in others}
