"""Prometheus metrics of rewards. Each counts once, when it is committed, however often its event comes."""

from typing import Literal, get_args

from prometheus_client import Counter

Reward = Literal["points", "points_taken_back", "character"]
"""Points of a scan, the same points when the scan was deleted, and a character to collect."""

REWARDS = Counter("eco2_rewards", "Rewards that were granted, or taken back with their scan", ["kind"])
for _kind in get_args(Reward):
    REWARDS.labels(_kind)  # at 0: of a series that begins with 1, Prometheus does not see the first event


def granted(*rewards: Reward) -> None:
    """These are committed."""
    for reward in rewards:
        REWARDS.labels(reward).inc()
