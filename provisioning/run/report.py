"""What people read at the end: the plan as text, the summary, and for each failure what to do about it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from provisioning.run.engine import Result
from provisioning.run.exit_codes import ExitCode
from provisioning.run.planning import Plan, Prospect, StepPlan
from provisioning.run.records import Record

CLUSTER = "the cluster"


def where(node: str | None) -> str:
    return node if node is not None else CLUSTER


def count(number: int, what: str) -> str:
    """``1 change``, ``2 changes``."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def plan_lines(plan: Plan) -> Iterator[str]:
    """The plan by phase and node; steps that have nothing to do are only counted."""
    title = None
    for step in plan.steps:
        if step.prospect in (Prospect.UNCHANGED, Prospect.DONE):
            continue
        if step.title != title:
            title = step.title
            yield title
        yield from _step_lines(step)
    unknown = sum(step.prospect is Prospect.UNKNOWN for step in plan.steps)
    failed = sum(step.prospect is Prospect.FAILED for step in plan.steps)
    if plan.exit_code is ExitCode.DONE:
        yield f"Nothing to do: all {count(len(plan.steps), 'step')} are as they should be."
        return
    yield (
        ", ".join(
            part
            for part, shown in (
                (f"Plan: {count(len(plan.actions), 'change')}", True),
                (f"{len(plan.destructive)} destructive", bool(plan.destructive)),
                (f"{count(unknown, 'step')} known only later", bool(unknown)),
                (f"{count(failed, 'step')} could not be planned", bool(failed)),
            )
            if shown
        )
        + "."
    )


def _step_lines(step: StepPlan) -> Iterator[str]:
    yield f"  {where(step.node)}"
    if step.prospect is Prospect.UNKNOWN:
        yield f"    ? known only later: {step.reason}"
    if step.failure is not None:
        code = f" ({step.failure['code']})" if "code" in step.failure else ""
        yield f"    ! {step.failure['message']}{code}"
        yield from (f"      {line}" for line in _guidance(step.failure.get("cause"), step.failure.get("remedy")))
    for action in step.actions:
        note = "".join(
            f" [{word}]" for word, said in (("destructive", action.destructive), ("once", action.once)) if said
        )
        yield f"    {'-' if action.destructive else '+'} {action.title}{note}"


def failure_lines(failure: Record) -> Iterator[str]:
    """One failed step: what, where, how often, its last words, the likely cause and the remedy."""
    tries = f" after {count(failure.attempt, 'attempt')}" if failure.attempt else ""
    yield f"FAILED: {failure.title} on {where(failure.node)}{tries} ({failure.code})"
    yield f"  {failure.message}"
    if failure.output:
        yield "  The last lines of its output:"
        yield from (f"    | {line}" for line in failure.output)
    yield from (f"  {line}" for line in _guidance(failure.cause, failure.remedy))


def _guidance(cause: str | None, remedy: str | None) -> Iterator[str]:
    if cause:
        yield f"Likely cause: {cause}"
    if remedy:
        yield f"What to do:   {remedy}"


def result_lines(result: Result, command: Sequence[str], journal: Path) -> Iterator[str]:
    """The end of a run, with the command that goes on where there is something to go on with."""
    for failure in result.failures:
        yield from failure_lines(failure)
    done = f"{result.changed} steps changed something, {result.unchanged} were as they should be"
    if result.skipped:
        done += f", {result.skipped} were done before"
    if result.exit_code is ExitCode.DONE:
        yield f"Done: {done}."
        return
    if result.exit_code is ExitCode.INTERRUPTED:
        yield f"Stopped when asked: {done}."
    else:
        yield f"Not finished: {done}."
    yield f"Go on with:   {shlex.join(command)}"
    yield f"Journal:      {journal}"
