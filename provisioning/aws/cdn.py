"""Throwing pictures out of the CDN's cache before they expire."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote

import uuid6

from provisioning.aws.account import Account
from provisioning.aws.errors import AwsSaid, Throttled
from provisioning.run import ExitCode, RunError

# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html#limits-invalidations
MOST_PATHS = 3000
MOST_WILDCARDS = 15
LONGEST_PATH = 4000
EVERYTHING = "/*"
# What may stand in a path as it is; all else goes percent-encoded. A % is taken for the beginning of such a code.
_SAFE = "/*%~!$&'()+,;=:@?-._"
_POLL_S = 5.0


class PathsRefused(RunError):
    """A path cannot be invalidated as it is written; the text names each and says what is wrong with it."""

    code = "E-CDN-PATHS"
    exit_code = ExitCode.CONFIGURATION
    cause = "A path has to begin with /, and a * may stand at its end alone."
    remedy = (
        "./inv cdn.invalidate /scans/abc.jpg '/avatars/*' (in quotes, so that the shell leaves the * alone), or --all"
    )


class InvalidationSlow(RunError):
    """CloudFront has taken the invalidation, and has not finished it within the time that was given."""

    code = "E-CDN-SLOW"
    exit_code = ExitCode.TIMEOUT
    transient = True
    cause = "Many other invalidations are under way."
    remedy = "Nothing has to be repeated: aws cloudfront get-invalidation with the ids above shows when it is done."


class TooManyInvalidations(RunError):
    """CloudFront works on as many invalidations as it takes at once."""

    code = "E-CDN-BUSY"
    exit_code = ExitCode.CLOUD
    transient = True
    cause = "There are 3000 paths, or 15 with a *, under way for this distribution."
    remedy = "Repeat the command in some minutes, or invalidate everything at once: ./inv cdn.invalidate --all"


@dataclass(frozen=True)
class Invalidation:
    """One that CloudFront has taken; ``status`` as CloudFront says it."""

    id: str
    distribution_id: str
    paths: tuple[str, ...]
    status: str

    @property
    def is_done(self) -> bool:
        return self.status.lower() == "completed"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def checked(paths: Sequence[str]) -> tuple[str, ...]:
    """The paths as CloudFront wants them: without repetitions, percent-encoded. Raises `PathsRefused` for all."""
    wrong = [f"{path!r} {reason}" for path in paths if (reason := _wrong(path))]
    encoded = tuple(dict.fromkeys(quote(path, safe=_SAFE) for path in paths))
    wrong += [
        f"{path[:60]!r}… is longer than {LONGEST_PATH} characters" for path in encoded if len(path) > LONGEST_PATH
    ]
    wildcards = sum(path.endswith("*") for path in encoded)
    if not encoded:
        wrong.append("no path is given")
    if len(encoded) > MOST_PATHS:
        wrong.append(f"{len(encoded)} paths are more than the {MOST_PATHS} that CloudFront takes at once")
    if wildcards > MOST_WILDCARDS:
        wrong.append(f"{wildcards} paths with a * are more than the {MOST_WILDCARDS} that CloudFront takes at once")
    if wrong:
        raise PathsRefused("\n".join(wrong))
    return encoded


def invalidate(account: Account, distribution_id: str, paths: Sequence[str]) -> Invalidation:
    """Tells CloudFront to forget these paths (`EVERYTHING` for all). Comes back at once; see `wait`."""
    wanted = checked(paths)
    try:
        answer = account.ask(
            "cloudfront",
            "CreateInvalidation",
            DistributionId=distribution_id,
            InvalidationBatch={
                "Paths": {"Quantity": len(wanted), "Items": list(wanted)},
                # A repeated reference is an old invalidation to CloudFront: two in one second must differ.
                "CallerReference": f"eco2-{uuid6.uuid7()}",
            },
        )
    except AwsSaid as error:
        if error.reason == "TooManyInvalidationsInProgress":
            raise TooManyInvalidations(str(error)) from error
        raise
    made = answer["Invalidation"]
    return Invalidation(str(made["Id"]), distribution_id, wanted, str(made["Status"]))


def wait(
    account: Account, invalidation: Invalidation, timeout_s: float, say: Callable[[str], None], poll_s: float = _POLL_S
) -> Invalidation:
    """Waits until CloudFront is done, and says how it goes. Raises `InvalidationSlow` after ``timeout_s`` seconds."""
    began = time.monotonic()
    while not invalidation.is_done:
        left = timeout_s - (time.monotonic() - began)
        if left <= 0:
            raise InvalidationSlow(f"{invalidation.id}: {invalidation.status} after {timeout_s:.0f} s")
        say(f"{invalidation.id}: {invalidation.status}, {time.monotonic() - began:.0f} s")
        time.sleep(min(poll_s, left))
        invalidation = _looked_up(account, invalidation)
    return invalidation


def _looked_up(account: Account, invalidation: Invalidation) -> Invalidation:
    try:
        answer = account.ask(
            "cloudfront", "GetInvalidation", DistributionId=invalidation.distribution_id, Id=invalidation.id
        )
    except Throttled:
        # The next poll asks again; the bound of the wait counts on.
        return invalidation
    status = str(answer["Invalidation"]["Status"])
    return Invalidation(invalidation.id, invalidation.distribution_id, invalidation.paths, status)


def _wrong(path: str) -> str | None:
    if not path.startswith("/"):
        return "does not begin with /"
    if "*" in path[:-1]:
        return "has a * that is not its last character"
    if any(ord(character) < 32 or ord(character) == 127 for character in path):
        return "has a control character"
    return None
