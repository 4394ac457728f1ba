"""The recycle service: the disposal knowledge over RPC."""

import logging
from collections.abc import Callable
from typing import Any

import eventlet
from eventlet import tpool
from eventlet.queue import Full, LightQueue
from nameko.extensions import DependencyProvider
from nameko.rpc import rpc
from nameko.timer import timer

from services.kernel.database import Database
from services.kernel.errors import Problem
from services.kernel.service import EcoService
from services.recycle import catalogue, knowledge, searches, tables

log = logging.getLogger(__name__)

WAITING_AT_MOST, BATCH, STOP_S = 1000, 100, 3


class SearchLog(DependencyProvider):
    """Records searches after their answers, in batches; what fails or finds no room is logged and left out."""

    def setup(self) -> None:
        self.waiting: LightQueue[searches.Made | None] = LightQueue(WAITING_AT_MOST)

    def start(self) -> None:
        self.writer = self.container.spawn_managed_thread(self._write)

    def stop(self) -> None:
        """Let what waits be recorded, within `STOP_S` seconds."""
        with eventlet.Timeout(STOP_S, False):
            self.waiting.put(None)
            self.writer.wait()

    def get_dependency(self, worker_ctx: Any) -> Callable[[searches.Made], None]:
        return self.add

    def add(self, made: searches.Made) -> None:
        try:
            self.waiting.put_nowait(made)
        except Full:
            log.warning("a search is left out: %d wait to be recorded", WAITING_AT_MOST)

    def _write(self) -> None:
        stopping = False
        while not stopping:
            taken = [self.waiting.get()]
            taken += [self.waiting.get() for _ in range(min(self.waiting.qsize(), BATCH - 1))]
            stopping = None in taken
            self._record([made for made in taken if made is not None])

    def _record(self, batch: list[searches.Made]) -> None:
        try:
            if batch:
                searches.record(batch)
        except Exception:
            log.warning("%d searches are left out", len(batch), exc_info=True)


class SearchWarming(DependencyProvider):
    """Prepares the search before anybody asks: two seconds and 260 MB for the Korean analyser."""

    def setup(self) -> None:
        tpool.execute(knowledge.warm)


class RecycleService(EcoService):
    """What a thing is and how it is thrown away. Owns the schema ``recycle``."""

    name = "recycle"

    database = Database(tables.ALL)
    record = SearchLog()
    warming = SearchWarming()

    @rpc(expected_exceptions=Problem)
    def categories(self) -> dict[str, Any]:
        """``{"categories": [...]}``: 7 classes, the recyclable one with its 12 kinds."""
        return {"categories": catalogue.categories()}

    @rpc(expected_exceptions=Problem)
    def item(self, item_id: str, lang: catalogue.Lang = "ko", region: str | None = None) -> dict[str, Any]:
        """Raises `NotFound` ``item_not_found``, `Unprocessable` ``unknown_region``."""
        return catalogue.item(item_id, lang, region)

    @rpc(expected_exceptions=Problem)
    def items(
        self,
        category: knowledge.MajorId | None = None,
        kind: knowledge.KindId | None = None,
        offset: int = 0,
        limit: int = 50,
    ) -> dict[str, Any]:
        """``{"items", "total", "next"}``; pass `next` as `offset` for the following page."""
        return catalogue.items(category, kind, offset, limit)

    @rpc(expected_exceptions=Problem)
    def search(self, query: str, limit: int = 10) -> dict[str, Any]:
        """``{"hits": [...]}``, best first. The answer needs no database."""
        hits = catalogue.search(query, limit)
        self.record(searches.made(query, hits))
        return {"hits": hits}

    @rpc(expected_exceptions=Problem)
    def suggest(self, text: str, limit: int = 8) -> dict[str, Any]:
        """``{"suggestions": [...]}``: names that go on from `text`. Needs no database, and is not recorded."""
        return {"suggestions": catalogue.suggest(text, limit)}

    @rpc(expected_exceptions=Problem)
    def faq(self, lang: catalogue.Lang = "ko", region: str | None = None) -> dict[str, Any]:
        """``{"questions": [...]}``, each with the answer of the rules. Raises `Unprocessable` ``unknown_region``."""
        return {"questions": catalogue.faq(lang, region)}

    @rpc(expected_exceptions=Problem)
    def rules(
        self,
        item_id: str,
        situations: list[str] | None = None,
        lang: catalogue.Lang = "ko",
        region: str | None = None,
    ) -> dict[str, Any]:
        """Raises `NotFound` ``item_not_found``, `Unprocessable` ``unknown_situation`` or ``unknown_region``."""
        return catalogue.rules(item_id, situations, lang, region)

    @rpc(expected_exceptions=Problem)
    def regions(self) -> dict[str, Any]:
        """``{"regions": [...]}``: the ids that `item` and `rules` take, with names and parent."""
        return {"regions": catalogue.regions()}

    @rpc(expected_exceptions=Problem)
    def region(self, text: str) -> dict[str, Any]:
        """The region of a name or address. Raises `Unprocessable` ``unknown_region``, ``ambiguous_region``."""
        return catalogue.region(text)

    @rpc(expected_exceptions=Problem)
    def calendar(self, region: str, lang: catalogue.Lang = "ko") -> dict[str, Any]:
        """``{"region", "contact", "collections"}``. Raises `Unprocessable` ``unknown_region``, ``ambiguous_region``."""
        return catalogue.calendar(region, lang)

    @rpc(expected_exceptions=Problem)
    def stats(self) -> dict[str, Any]:
        """The size of the knowledge, and the ``searches`` of the last days."""
        return {**catalogue.size(), "searches": searches.counts()}

    @timer(interval=24 * 3600)
    def forget_old_searches(self) -> None:
        searches.forget_old()
