"""Any sequence of calls, and of restarts between them, against what a dictionary would say."""

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from wal import IllegalTransition, JournalError, State, UnknownTask, WALManager
from wal.journal import MAX_CRASHES

IDS = st.sampled_from([f"t{number}" for number in range(5)])

# No lone surrogates: they are no text in any encoding, and refused (test_lifecycle).
TEXT = st.text(st.characters(exclude_categories=["Cs"]))

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


@dataclass
class Expected:
    """A task as the dictionary knows it."""

    payload: bytes
    order: int
    state: State = State.PENDING
    attempt: int = 0
    crashes: int = 0
    version: int = 1
    result: Any = None
    error: str | None = None
    checkpoints: dict[str, Any] = field(default_factory=dict)
    synced_version: int = 0
    parked: bool = False

    def to(self, state: State) -> None:
        self.state = state
        self.version += 1

    def fail(self, error: str) -> None:
        self.to(State.FAILED)
        self.error, self.parked = error, False


class Lifecycle(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="eco2-model-"))
        self.journal = WALManager(self.folder / "probe.db", worker="probe")
        self.model: dict[str, Expected] = {}
        self.started = 0

    def teardown(self) -> None:
        self.journal.close()
        shutil.rmtree(self.folder)

    def expect(self, task_id: str, *sources: State) -> tuple[type[JournalError] | None, Expected]:
        """The error that a call on this task must raise, and the task."""
        task = self.model.get(task_id)
        if task is None:
            return UnknownTask, Expected(b"", 0)
        return (None if task.state in sources else IllegalTransition), task

    @rule(task_id=IDS, payload=st.binary(max_size=20))
    def start(self, task_id: str, payload: bytes) -> None:
        admission = self.journal.log_task_start(task_id, "probe", payload)

        assert admission.new == (task_id not in self.model)
        if admission.new:
            self.started += 1
            self.model[task_id] = Expected(payload, self.started)
        assert admission.new or admission.known.state is self.model[task_id].state

    @rule(task_id=IDS, payload=st.binary(max_size=20))
    def begin(self, task_id: str, payload: bytes) -> None:
        task = self.model.get(task_id)
        if task is not None and task.state is State.PROCESSING:
            with pytest.raises(IllegalTransition):
                self.journal.begin(task_id, "probe", payload)
            return
        begun = self.journal.begin(task_id, "probe", payload)
        if task is not None and task.state.finished:
            assert not isinstance(begun, int)
            assert begun.state is task.state
            return
        if task is None:
            self.started += 1
            task = self.model[task_id] = Expected(payload, self.started)
        task.to(State.PROCESSING)
        task.attempt += 1
        assert begun == task.attempt

    @rule(task_id=IDS)
    def process(self, task_id: str) -> None:
        refusal, task = self.expect(task_id, State.PENDING)
        if refusal:
            with pytest.raises(refusal):
                self.journal.log_task_processing(task_id)
            return
        task.to(State.PROCESSING)
        task.attempt += 1
        assert self.journal.log_task_processing(task_id) == task.attempt

    @rule(task_id=IDS, result=JSON)
    def complete(self, task_id: str, result: Any) -> None:
        refusal, task = self.expect(task_id, State.PROCESSING)
        if refusal:
            with pytest.raises(refusal):
                self.journal.log_task_complete(task_id, result)
            return
        self.journal.log_task_complete(task_id, result)
        task.to(State.COMPLETED)
        task.result, task.error, task.checkpoints, task.parked = result, None, {}, False

    @rule(task_id=IDS)
    def fail(self, task_id: str) -> None:
        refusal, task = self.expect(task_id, State.PENDING, State.PROCESSING)
        if refusal:
            with pytest.raises(refusal):
                self.journal.log_task_failure(task_id, "broken")
            return
        self.journal.log_task_failure(task_id, "broken")
        task.fail("broken")

    @rule(task_id=IDS)
    def retry(self, task_id: str) -> None:
        refusal, task = self.expect(task_id, State.PROCESSING)
        if refusal:
            with pytest.raises(refusal):
                self.journal.log_task_retry(task_id, "away")
            return
        self.journal.log_task_retry(task_id, "away")
        task.to(State.PENDING)
        task.error = "away"

    @rule(task_id=IDS)
    def reopen(self, task_id: str) -> None:
        refusal, task = self.expect(task_id, State.FAILED)
        if refusal:
            with pytest.raises(refusal):
                self.journal.reopen(task_id)
            return
        self.journal.reopen(task_id)
        task.to(State.PENDING)
        task.attempt, task.crashes, task.parked = 0, 0, False

    @rule(task_id=IDS)
    def cancel(self, task_id: str) -> None:
        refusal, task = self.expect(task_id, State.PENDING)
        if refusal:
            with pytest.raises(refusal):
                self.journal.cancel(task_id)
            return
        self.journal.cancel(task_id)
        task.fail("cancelled by an operator")

    @rule(task_id=IDS, stage=st.sampled_from(["vision", "rules"]), data=JSON)
    def checkpoint(self, task_id: str, stage: str, data: Any) -> None:
        refusal, task = self.expect(task_id, State.PROCESSING)
        if refusal:
            with pytest.raises(refusal):
                self.journal.checkpoint(task_id, stage, data)
            return
        self.journal.checkpoint(task_id, stage, data)
        task.checkpoints[stage] = data

    @rule(task_id=IDS, back=st.integers(0, 1))
    def sync(self, task_id: str, back: int) -> None:
        task = self.model.get(task_id)
        if task is not None:
            version = max(1, task.version - back)
            self.journal.mark_synced([(task_id, version)])
            task.synced_version = max(task.synced_version, version)

    @rule(task_id=IDS, back=st.integers(0, 1))
    def park(self, task_id: str, back: int) -> None:
        task = self.model.get(task_id)
        if task is not None and task.state.finished:
            self.journal.park(task_id, task.version - back, "refused")
            task.parked = task.parked or back == 0

    @rule(task_ids=st.lists(IDS))
    def unpark(self, task_ids: list[str]) -> None:
        parked = [task_id for task_id in task_ids if task_id in self.model and self.model[task_id].parked]
        assert self.journal.unpark(task_ids) == parked
        for task_id in parked:
            self.model[task_id].parked = False

    @rule()
    def prune(self) -> None:
        gone = [key for key, task in self.model.items() if task.state.finished and task.synced_version == task.version]
        assert self.journal.prune(older_than_s=-1) == len(gone)
        for key in gone:
            del self.model[key]

    @rule()
    def restart(self) -> None:
        """Close, open, recover: what was processing is pending again."""
        self.journal.close()
        self.journal = WALManager(self.folder / "probe.db", worker="probe")
        found = self.journal.recover_pending_tasks()

        for task in self.model.values():
            if task.state is State.PROCESSING:
                task.to(State.PENDING)
                task.crashes += 1
            if task.state is State.PENDING and task.crashes >= MAX_CRASHES:
                task.fail("its worker died 3 times while it ran")
        pending = [key for key, task in self.model.items() if task.state is State.PENDING]
        assert found == sorted(pending, key=lambda key: self.model[key].order)

    @invariant()
    def the_journal_says_what_the_dictionary_says(self) -> None:
        for task_id, expected in self.model.items():
            task = self.journal.task(task_id)
            assert (task.state, task.attempt, task.crashes, task.version, task.result, task.error) == (
                expected.state, expected.attempt, expected.crashes, expected.version, expected.result, expected.error,
            )  # fmt: skip
            assert (task.synced_version, task.sync_error is not None) == (expected.synced_version, expected.parked)
            assert self.journal.checkpoints(task_id) == expected.checkpoints
            if task.state is not State.COMPLETED:
                assert self.journal.work(task_id).payload == expected.payload

    @invariant()
    def the_counts_are_those_of_the_dictionary(self) -> None:
        tasks = self.model.values()
        finished = [task for task in tasks if task.state.finished]
        waiting = [task for task in finished if task.version > task.synced_version and not task.parked]
        counted = {state.value: sum(task.state is state for task in tasks) for state in State}
        assert self.journal.stats() == {**counted, "unsynced": len(waiting), "parked": sum(t.parked for t in tasks)}
        assert len(self.journal.unsynced(100)) == len(waiting)


Lifecycle.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)

test_the_journal_agrees_with_a_dictionary_whatever_happens = Lifecycle.TestCase
