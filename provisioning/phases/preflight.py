"""The phase ``preflight``: nothing is begun that is known to stop later."""

from __future__ import annotations

from collections.abc import Sequence

from provisioning.aws import Account
from provisioning.preflight import Report, run_preflight
from provisioning.preflight.report import Status
from provisioning.run import Action, Phase, Step
from provisioning.site import Site


class Preflight(Phase[Report, Action]):
    """Makes every check that needs no machine. It has nothing to do: it passes, or says all that is in the way."""

    name = "preflight"
    title = "What could stop the rebuild"
    timeout_s = 180.0

    def __init__(self, site: Site, account: Account) -> None:
        super().__init__()
        self._site = site
        self._account = account

    def facts(self, step: Step) -> Report:
        """Raises `PreflightFailed` with every error; warnings are said."""
        report = run_preflight(self._site, self._account, within_s=step.remaining_s * 0.9)
        for result in report.of(Status.WARNING):
            for line in result.lines():
                step.say(line)
        report.check()
        return report

    def plan(self, facts: Report) -> Sequence[Action]:
        return ()

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        """Never called: the plan is empty."""
