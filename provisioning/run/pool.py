"""A bounded number of threads that work through one phase's steps."""

import queue
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Pool(Generic[Item, Result]):
    """Runs ``work`` for each item, at most ``bound`` at once, in the order given.

    The threads are daemons: `concurrent.futures.ThreadPoolExecutor` waits for its threads when the program ends, and
    one call without a bound would keep it from ending at all. After a result that ``halts``, no other item is begun.
    """

    def __init__(
        self,
        work: Callable[[Item], Result],
        items: Iterable[Item],
        bound: int,
        halts: Callable[[Result], bool] = lambda result: False,
    ) -> None:
        self._work = work
        self._halts = halts
        self._waiting: queue.SimpleQueue[tuple[Item, Future[Result]]] = queue.SimpleQueue()
        self.futures: dict[Future[Result], Item] = {}
        for item in items:
            future: Future[Result] = Future()
            self.futures[future] = item
            self._waiting.put((item, future))
        for number in range(min(bound, len(self.futures))):
            threading.Thread(target=self._serve, name=f"step-{number}", daemon=True).start()

    def cancel_waiting(self) -> None:
        """Items that no thread has begun are not begun."""
        for future in self.futures:
            future.cancel()

    def _serve(self) -> None:
        while True:
            try:
                item, future = self._waiting.get_nowait()
            except queue.Empty:
                return
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = self._work(item)
            except BaseException as error:
                future.set_exception(error)
            else:
                # Here and not by who waits for the future: this thread takes the next item at once.
                if self._halts(result):
                    self.cancel_waiting()
                future.set_result(result)
