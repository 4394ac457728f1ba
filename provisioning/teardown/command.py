"""``./inv destroy``: lists what it will remove, has the cluster's name typed, removes it, and shows the receipt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from provisioning.aws import Account
from provisioning.run import Cancelled, Command, ExitCode, Options, RunError, Screen, Settings
from provisioning.run.errors import Refused
from provisioning.site import Site
from provisioning.teardown.inventory import lines, newest_receipt
from provisioning.teardown.ledger import Ledger
from provisioning.teardown.order import phases

WORDS = ("./inv", "destroy")
# A cluster of this environment asks for its name before anything is looked at, too.
GUARDED = "prod"


@dataclass(frozen=True)
class DestroyOptions:
    """``yes`` is the cluster's name, for scripts, instead of typing it. ``keep_data`` keeps the buckets.

    ``longest_s`` is how many seconds the things of one kind may take to be gone; None: as long as each kind needs,
    which for the CDN is up to 40 minutes.
    """

    plan: bool = False
    json: bool = False
    yes: str | None = None
    keep_data: bool = False
    resume: bool = False
    longest_s: float | None = None


class NameTyped(Screen):
    """Agreement is the cluster's name, as a whole. Given beforehand, nobody is asked."""

    def __init__(
        self,
        name: str,
        given: str | None = None,
        *,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        ask: Callable[[str], str] | None = None,
    ) -> None:
        super().__init__(stdout, stderr, ask)
        self.name, self.given = name, given

    @property
    def can_ask(self) -> bool:
        return self._ask is not None

    def agrees(self, question: str) -> bool:
        if self.given is not None:
            return self.given == self.name
        if self._ask is None:
            return False
        asked = question.partition(" Go on?")[0]
        try:
            return self._ask(f"{asked} To go on, type the cluster's name: ").strip() == self.name
        except EOFError:
            return False
        except KeyboardInterrupt:
            raise Cancelled from None


def destroy(
    site: Site, options: DestroyOptions, *, screen: NameTyped | None = None, settings: Settings | None = None
) -> ExitCode:
    """Plans or performs the teardown of one cluster; returns what the process should end with. Raises nothing.

    Nothing is removed that was not listed before somebody agreed. What cannot be removed is in the receipt with its
    reason, and the exit code says so (18).
    """
    screen = screen or NameTyped(site.cluster.name, options.yes)
    settings = settings or Settings(redactor=site.redactor)
    account = Account(site.cluster.region)
    ledger = Ledger(site.folder / "receipts")
    try:
        if not options.plan:
            _may_begin(site, account, screen)
    except Cancelled:
        return ExitCode.INTERRUPTED
    except RunError as error:
        screen.error(error, settings.redactor, as_json=options.json)
        return error.exit_code
    before = newest_receipt(ledger.folder)
    planned = phases(site, account, ledger, keep_data=options.keep_data, longest_s=options.longest_s)
    command = Command(WORDS, site.cluster.name, planned, site.folder, settings, screen)
    exit_code = command.perform(Options(plan=options.plan, json=options.json, resume=options.resume))
    receipt = newest_receipt(ledger.folder)
    if receipt is not None and receipt != before:
        screen.say(lines(receipt), error=options.json)
    return exit_code


def _may_begin(site: Site, account: Account, screen: NameTyped) -> None:
    """Raises `Refused` where nobody can agree, or the wrong name is given, before anything is looked at."""
    name = site.cluster.name
    if screen.given is not None and screen.given != name:
        raise Refused(f"--yes {screen.given} is not the name of this cluster, which is {name}")
    if screen.given is None and not screen.can_ask:
        raise Refused(f"there is nobody to ask; in a script, agree with --yes {name}")
    if site.cluster.environment == GUARDED and screen.given is None:
        number = account.identity().account
        if not screen.agrees(f"{name} is a cluster of {GUARDED}, in account {number}, {site.cluster.region}."):
            raise Refused(f"the name that was typed is not {name}")
