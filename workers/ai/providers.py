"""The providers that the configuration asks for. The rest of the worker never learns which."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

import redis

from services.kernel.config import Ai, Config
from services.kernel.openai.choice import chosen_key
from services.recycle.knowledge import knowledge, search
from workers.ai.pipeline import Answers, Compute
from workers.ai.recognition import Vision

Within = Callable[[float], AbstractContextManager[object]]


@dataclass(frozen=True, slots=True)
class Remote:
    """Both stages by the same server; they share its limits, budget and breaker."""

    vision: Vision
    answers: Answers


def remote(settings: Config, cache: redis.Redis, within: Within, compute: Compute) -> Remote | None:
    """The provider ``openai``, or None where the local one is to do everything.

    Raises `ConfigError` when ``openai`` is asked for and there is no key. ``within`` bounds the time spent in it by
    raising `TimeoutError`; ``compute`` runs what keeps a processor busy.
    """
    key = chosen_key(settings)
    if key is None:
        return None
    return openai_remote(settings.ai, key, cache, within, compute)


def openai_remote(ai: Ai, key: str, cache: redis.Redis, within: Within, compute: Compute) -> Remote:
    """The provider ``openai`` with this key."""
    # Here and not on top: the client's 30 MB are of no use to a worker without a key.
    from services.kernel.openai import protocol
    from services.kernel.openai.client import caller, connect
    from workers.ai.openai.answer import OpenAIAnswers
    from workers.ai.openai.photo import data_url
    from workers.ai.openai.vision import OpenAIVision

    wanted = ai.openai
    send = partial(protocol.ask, connect(wanted, key), api=wanted.api)
    shared = caller(wanted, cache, within, send, (wanted.vision_model, wanted.answer_model))
    vision = OpenAIVision(
        shared,
        model=wanted.vision_model,
        knowledge=knowledge(),
        threshold=ai.threshold,
        detail=wanted.image_detail,
        effort=wanted.vision_effort,
        encode=lambda photo: compute(lambda: data_url(photo, side_px=wanted.image_side_px)),
        find=lambda name: compute(lambda: search(name, 1)),
    )
    return Remote(vision, OpenAIAnswers(shared, model=wanted.answer_model))
