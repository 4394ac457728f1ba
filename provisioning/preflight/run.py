"""All checks at once, each bounded, none stopped by what another finds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, wait
from pathlib import Path

from provisioning.aws import Account, AwsError, NoCredentials
from provisioning.preflight.catalogue import CHECKS
from provisioning.preflight.check import Check, Context, NotMade, error
from provisioning.preflight.report import Report, Result
from provisioning.run import RunError
from provisioning.run.pool import Pool
from provisioning.site import Site
from provisioning.terraform.runner import CONFIGURATION

WITHIN_S = 120.0
_AT_ONCE = 12
_UNASKED = "AWS does not know who asks"


def run_preflight(
    site: Site,
    account: Account,
    *,
    checks: Sequence[Check] = CHECKS,
    within_s: float = WITHIN_S,
    configuration: Path = CONFIGURATION,
) -> Report:
    """Makes every check and raises nothing for what they find; at the latest after ``within_s`` seconds.

    ``configuration`` is Terraform's folder, which says where the state lies.
    """
    context = Context(site, account, within_s, configuration)
    until = time.monotonic() + within_s
    results = _made(context, [check for check in checks if not check.asks_aws], until)
    asking = [check for check in checks if check.asks_aws]
    try:
        _ = context.identity
    except NoCredentials:
        # The check of the credentials says so; the others would only say it again.
        results += [Result(check, skipped=_UNASKED) for check in asking]
    except AwsError as failed:
        results += [Result(check, skipped=str(failed).splitlines()[0]) for check in asking]
    else:
        results += _made(context, asking, until)
    return Report(site.cluster.name, tuple(sorted(results, key=lambda result: result.check.number)))


def _made(context: Context, checks: Sequence[Check], until: float) -> list[Result]:
    pool: Pool[Check, Result] = Pool(lambda check: _one(check, context), checks, _AT_ONCE)
    wait(pool.futures, timeout=max(0.0, until - time.monotonic()))
    pool.cancel_waiting()
    return [_result(future, check) for future, check in pool.futures.items()]


def _one(check: Check, context: Context) -> Result:
    try:
        return Result(check, tuple(check.run(context)))
    except NotMade as reason:
        return Result(check, skipped=str(reason))
    except RunError as failed:
        return Result(check, (error(str(failed), failed.cause or "This check could not be made.", failed.remedy),))


def _result(future: Future[Result], check: Check) -> Result:
    if future.cancelled() or not future.done():
        slow = error(
            "the check did not come to an end in its time",
            "What it asks does not answer.",
            "Look at this machine's network, then ./inv preflight again",
        )
        return Result(check, (slow,))
    return future.result()
