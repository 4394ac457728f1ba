"""``./inv test``: two runs of pytest at the same time, told one after the other, and both counted."""

import pytest
from invoke import Exit

from provisioning.local import commands

# Each run waits until the other one is there.
MEETING = """
import pathlib, time

def test_{name}():
    print("{name} says something")
    pathlib.Path("{name}").touch()
    deadline = time.monotonic() + 60
    while not pathlib.Path("{other}").exists():
        assert time.monotonic() < deadline, "the other run did not begin meanwhile"
        time.sleep(0.02)
    assert "{name}" not in {failing}
"""


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Makes two folders with a test each; those in `failing` fail once they have met."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setattr(commands, "ROOT", tmp_path)
    monkeypatch.setattr(commands, "TEST_RUNS", (["one", "-s"], ["two", "-s"]))

    def make(*failing):
        for name, other in (("one", "two"), ("two", "one")):
            (tmp_path / name).mkdir()
            text = MEETING.format(name=name, other=f"met-{other}", failing=failing)
            (tmp_path / name / f"test_{name}.py").write_text(text.replace(f'Path("{name}")', f'Path("met-{name}")'))

    return make


def test_both_runs_go_on_at_once_and_their_outputs_do_not_mix(runs, capfd):
    runs()

    commands.test(None)

    said = capfd.readouterr().out
    first, second = said.split("===== two -s =====")
    assert ("one says something" in first, "two says something" in first) == (True, False)
    assert ("one says something" in second, "two says something" in second) == (False, True)
    assert ("1 passed" in first, "1 passed" in second) == (True, True)


@pytest.mark.parametrize("failing", [("one",), ("two",)])
def test_a_failure_in_either_run_is_a_failure_and_both_are_told(runs, capfd, failing):
    runs(*failing)

    with pytest.raises(Exit, match="tests failed") as end:
        commands.test(None)

    assert end.value.code == 1
    assert [name for name in ("one -s", "two -s") if name in str(end.value)] == [f"{name} -s" for name in failing]
    said = capfd.readouterr().out
    assert "once more, alone: " in said
    assert (said.count("1 failed"), said.count("1 passed")) == (2 * len(failing), 2 - len(failing))


def test_what_fails_on_a_busy_machine_and_passes_alone_is_told_and_no_failure(runs, tmp_path, capfd):
    runs()
    (tmp_path / "one" / "test_shy.py").write_text(
        "import pathlib\n"
        "def test_shy():\n"
        "    tried = pathlib.Path('tried')\n"
        "    assert tried.exists() or tried.touch()\n"
    )

    commands.test(None)

    said = capfd.readouterr().out
    assert "once more, alone: one/test_shy.py::test_shy" in said
    assert "PASSED ALONE, failed on a busy machine; make them firmer: one/test_shy.py::test_shy" in said


def test_many_failures_are_not_repeated(runs, tmp_path, monkeypatch, capfd):
    runs("one", "two")
    monkeypatch.setattr(commands, "REPEATED_AT_MOST", 0)

    with pytest.raises(Exit, match="tests failed"):
        commands.test(None)

    assert "once more" not in capfd.readouterr().out


def test_a_selection_may_be_in_one_run_only_but_has_to_be_somewhere(runs, tmp_path, capfd):
    runs()
    (tmp_path / "met-two").touch()

    commands.test("test_one")
    assert "1 passed" in capfd.readouterr().out
    with pytest.raises(Exit, match="no test was selected") as end:
        commands.test("nowhere")
    assert end.value.code == 5
