"""The life of a task.

log_task_start        log_task_processing        log_task_complete
     ---> PENDING --------------------> PROCESSING ---------------> COMPLETED
             ^  \\__________________________/ |
             |        log_task_retry,         | log_task_failure
             |     recover_pending_tasks      v
             +---------------------------- FAILED   (PENDING may fail too: cancelled, crash loop)
                    retry by an operator
"""

from enum import StrEnum


class State(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def finished(self) -> bool:
        return self in (State.COMPLETED, State.FAILED)


SOURCES: dict[State, frozenset[State]] = {
    State.PENDING: frozenset({State.PROCESSING, State.FAILED}),
    State.PROCESSING: frozenset({State.PENDING}),
    State.COMPLETED: frozenset({State.PROCESSING}),
    State.FAILED: frozenset({State.PENDING, State.PROCESSING}),
}
"""For each state, the states that a task may come from."""
