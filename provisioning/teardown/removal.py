"""Removing things of some kinds, kind after kind: all at once within a kind, repeated while others stand in the way."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from concurrent.futures import wait
from dataclasses import dataclass

from provisioning.aws import AwsError, AwsSaid, NoCredentials
from provisioning.run import Action, Phase, Step
from provisioning.run.pool import Pool
from provisioning.teardown.errors import NotNow
from provisioning.teardown.ledger import Ledger
from provisioning.teardown.things import Cloud, Kind, Thing

# AWS allows a few changes a second before it throttles.
_AT_ONCE = 8
# However short its time, what goes by itself in a moment is given that.
_LOOKS = 3
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 10.0
# One call with its retries may take some minutes; see `Account`.
_CALL_S = 180.0

# AWS has several words for each.
_GONE = re.compile(r"NotFound|NoSuch|ResourceNotFoundException|NotAttached")
_IN_THE_WAY = re.compile(
    r"DependencyViolation|InUse|DeleteConflict|NotEmpty|NotDisabled|IncorrectState|IncorrectInstanceState"
    r"|PreconditionFailed|InvalidIfMatchVersion|OperationAborted|PriorRequestNotComplete|ConcurrentModification"
    r"|InvalidParameterValue"
)


@dataclass(frozen=True, kw_only=True)
class Remove(Action):
    """``kind`` is the kind's place in its phase."""

    thing: Thing
    kind: int
    destructive: bool = True


@dataclass
class _Try:
    """One thing on its way out. ``reason``: why the last attempt did not go through; None: it is asked for."""

    thing: Thing
    asked: bool = False
    final: bool = False
    reason: str | None = None


class Removal(Phase[list[Remove], Remove]):
    """What cannot be removed is noted with its reason and does not stop what comes after: the last phase fails then."""

    verify = False

    def __init__(
        self,
        name: str,
        title: str,
        cloud: Cloud,
        ledger: Ledger,
        kinds: Sequence[Kind],
        longest_s: float | None = None,
    ) -> None:
        """``longest_s`` cuts the time that each kind is given."""
        super().__init__()
        self.name, self.title = name, title
        self._longest_s = longest_s if longest_s is not None else max(kind.bound_s for kind in kinds)
        self.timeout_s = sum(self._bound_s(kind) + _CALL_S for kind in kinds)
        self._cloud, self._ledger, self._kinds = cloud, ledger, kinds

    def _bound_s(self, kind: Kind) -> float:
        return min(kind.bound_s, self._longest_s)

    def inputs(self, node: str | None) -> object:
        return {"look": self._ledger.look}

    def facts(self, step: Step) -> list[Remove]:
        found = []
        for place, kind in enumerate(self._kinds):
            step.safe_point()
            for thing in kind.find(self._cloud):
                found.append(Remove(id=thing.key, title=kind.title(thing), thing=thing, kind=place))
        return found

    def plan(self, facts: list[Remove]) -> Sequence[Remove]:
        return facts

    def act(self, step: Step, actions: Sequence[Remove]) -> None:
        for place, kind in enumerate(self._kinds):
            things = [action.thing for action in actions if action.kind == place]
            if things:
                self._remove(step, kind, things)

    def _remove(self, step: Step, kind: Kind, things: Sequence[Thing]) -> None:
        step.say(f"{kind.verb} {len(things)} × {kind.name}")
        until = time.monotonic() + self._bound_s(kind)
        tries = {thing.key: _Try(thing) for thing in things}
        wait_s, said, looks = _FIRST_WAIT_S, "", 0
        while True:
            self._attempt(step, kind, [each for each in tries.values() if not each.asked])
            # Only what AWS still shows: that a call went through does not mean that the thing is gone.
            standing = {thing.key for thing in kind.find(self._cloud)}
            tries = {key: each for key, each in tries.items() if key in standing}
            going = [each for each in tries.values() if not each.final]
            looks += 1
            if not going or (looks >= _LOOKS and time.monotonic() >= until):
                break
            progress = f"{len(things) - len(tries)} of {len(things)} × {kind.name} gone; {_waiting_for(going)}"
            if progress != said:
                step.say(progress)
            said = progress
            step.wait(wait_s)
            wait_s = min(_LONGEST_WAIT_S, wait_s * 1.5)
        for each in tries.values():
            reason = self._why(kind, each)
            self._ledger.stays(each.thing, reason)
            step.say(f"LEFT: {each.thing.label}: {reason}")

    def _attempt(self, step: Step, kind: Kind, tries: Sequence[_Try]) -> None:
        step.safe_point()
        pool: Pool[_Try, None] = Pool(lambda each: self._try(step, kind, each), tries, _AT_ONCE)
        waiting = set(pool.futures)
        while waiting:
            finished, waiting = wait(waiting, timeout=1.0)
            for future in finished:
                future.result()
            if step.remaining_s == 0:
                pool.cancel_waiting()
                step.safe_point()

    def _try(self, step: Step, kind: Kind, each: _Try) -> None:
        if each.final:
            return
        try:
            kind.remove(self._cloud, step, each.thing)
        except NotNow as error:
            each.reason = str(error)
        except NoCredentials:
            raise
        except AwsSaid as error:
            if _GONE.search(error.reason):
                each.asked = True
            else:
                each.reason, each.final = str(error), not _IN_THE_WAY.search(error.reason)
        except AwsError as error:
            each.reason, each.final = str(error), not error.transient
        else:
            each.asked, each.reason = True, None

    def _why(self, kind: Kind, each: _Try) -> str:
        reason = each.reason or f"AWS took the request and still shows it after {self._bound_s(kind):.0f} s"
        try:
            blockers = kind.blockers(self._cloud, each.thing)
        except AwsError:
            blockers = []
        return "; in its way: ".join([reason, *([", ".join(blockers)] if blockers else [])])


def _waiting_for(tries: Sequence[_Try]) -> str:
    first = tries[0]
    return f"waiting for {first.thing.label}: {first.reason or 'it is on its way'}"
