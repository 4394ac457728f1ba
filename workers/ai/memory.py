"""What was recognised and worded before, in Redis, so that the same is not paid for twice.

A near-duplicate of a photo is found by its fingerprint, cut into 16 bands of 16 bits: of two that differ in at most 31
bits, one band differs in at most one, whichever bits they are.
"""

import hashlib
import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import redis

from services.kernel import caching_metrics
from workers.ai.likeness import BITS, NEAR, distance

log = logging.getLogger(__name__)

PHOTOS, ANSWERS = "ai_photos", "ai_answers"
"""The two caches, by name in their metrics."""
BANDS = (NEAR + 1) // 2
BAND_BITS = BITS // BANDS


class Memory:
    """Keeps results for `keep_s` seconds. Redis being away costs the memory, never the scan. An ``eye`` looks."""

    def __init__(self, client: redis.Redis, *, keep_s: int) -> None:
        self._redis = client
        self._keep_s = keep_s

    def recall(self, photo: int, eye: str) -> dict[str, Any] | None:
        """What the same eye saw on the nearest near-duplicate: ``{"seen", "at" (seconds since 1970)}``."""
        try:
            near = [int(found, 16) for found in self._redis.sunion(list(_neighbours(photo, eye)))]
            for known in sorted(near, key=lambda other: distance(photo, other)):
                if distance(photo, known) > NEAR:
                    break
                if (kept := self._redis.get(_seen(known, eye))) is not None:
                    recalled: dict[str, Any] = json.loads(str(kept))
                    caching_metrics.hit(PHOTOS)
                    return recalled
        except redis.RedisError as error:
            log.warning("no photo could be recalled: %s", error)
        caching_metrics.miss(PHOTOS)
        return None

    def remember(self, photo: int, eye: str, seen: dict[str, Any]) -> None:
        content = json.dumps({"seen": seen, "at": time.time()}, ensure_ascii=False)
        try:
            with self._redis.pipeline(transaction=False) as commands:
                commands.set(_seen(photo, eye), content, ex=self._keep_s)
                for band in _bands(photo, eye):
                    commands.sadd(band, f"{photo:x}")
                    commands.expire(band, self._keep_s)
                commands.execute()
        except redis.RedisError as error:
            log.warning("a photo could not be remembered: %s", error)

    def recall_words(self, facts: dict[str, Any], model: str, language: str) -> str | None:
        """How `model` worded these very facts before."""
        try:
            kept = self._redis.get(_worded(facts, model, language))
        except redis.RedisError as error:
            log.warning("no answer could be recalled: %s", error)
            kept = None
        (caching_metrics.miss if kept is None else caching_metrics.hit)(ANSWERS)
        return str(kept) if kept is not None else None

    def remember_words(self, facts: dict[str, Any], model: str, language: str, text: str) -> None:
        try:
            self._redis.set(_worded(facts, model, language), text, ex=self._keep_s)
        except redis.RedisError as error:
            log.warning("an answer could not be remembered: %s", error)


def _seen(photo: int, eye: str) -> str:
    return f"ai:seen:{eye}:{photo:x}"


def _bands(photo: int, eye: str) -> Iterator[str]:
    return (_band(photo, eye, band) for band in range(BANDS))


def _band(photo: int, eye: str, band: int) -> str:
    return f"ai:band:{eye}:{band}:{photo >> band * BAND_BITS & (1 << BAND_BITS) - 1:x}"


def _neighbours(photo: int, eye: str) -> Iterator[str]:
    """The bands of the photo, and those that differ from them in one bit: 272 keys."""
    yield from _bands(photo, eye)
    for bit in range(BITS):
        yield _band(photo ^ 1 << bit, eye, bit // BAND_BITS)


def _worded(facts: dict[str, Any], model: str, language: str) -> str:
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    return f"ai:words:{model}:{language}:{digest}"
