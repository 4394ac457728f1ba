"""Helm's asynchronous work inside a step: several releases at once, an end when the step has to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

from provisioning.run import RunError, Step

ItemT = TypeVar("ItemT")
T = TypeVar("T")

# How many releases of one layer are worked on at once; each is a process of its own.
AT_ONCE = 4
LOOK_S = 0.2


def bounded(step: Step, work: Coroutine[Any, Any, T]) -> T:
    """Runs this to its end, or until the step has to stop; then it is cancelled and has ended, too."""

    async def watched() -> T:
        task = asyncio.create_task(work)
        try:
            while not (await asyncio.wait({task}, timeout=LOOK_S))[0]:
                step.safe_point()
        except BaseException:
            task.cancel()
            await asyncio.wait({task})
            raise
        return task.result()

    return asyncio.run(watched())


async def each(items: Iterable[ItemT], work: Callable[[ItemT], Coroutine[Any, Any, T]]) -> list[T]:
    """The work on every item, some at once; a failure of one does not stop the others.

    Raises what the one that failed raised; where several failed, an error that may not be tried again goes before one
    that may, and its message holds them all.
    """
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(item: ItemT) -> T:
        async with turns:
            return await work(item)

    done = await asyncio.gather(*(one(item) for item in items), return_exceptions=True)
    failed = [error for error in done if isinstance(error, BaseException)]
    strange = [error for error in failed if not isinstance(error, RunError)]
    if strange or len(failed) == 1:
        raise (strange or failed)[0]
    if failed:
        known = sorted((error for error in failed if isinstance(error, RunError)), key=lambda error: error.transient)
        raise type(known[0])("\n".join(str(error) for error in known))
    return [result for result in done if not isinstance(result, BaseException)]
