"""Terraform's part: a destroy that also clears its state. Without a state, or without Terraform, the sweep does it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from provisioning.run import Action, Phase, RunError, Step
from provisioning.run.errors import StepTimeout
from provisioning.teardown.certificates import others_proving
from provisioning.teardown.ledger import Ledger
from provisioning.teardown.things import Cloud
from provisioning.terraform.runner import Terraform


class TerraformDestroy(Phase[int, Action]):
    """What keeps Terraform from it (no binary, a provider that cannot be had, a broken state) stops nothing: the phases
    after it find the same things by their tags."""

    name = "terraform"
    title = "Terraform"
    timeout_s = 3600.0
    verify = False

    def __init__(self, terraform: Terraform, cloud: Cloud, ledger: Ledger) -> None:
        super().__init__()
        self._terraform, self._cloud, self._ledger = terraform, cloud, ledger

    def inputs(self, node: str | None) -> Any:
        return {"look": self._ledger.look}

    def facts(self, step: Step) -> int:
        """How many resources the state holds."""
        try:
            if not self._terraform.elsewhere:
                return held(self._terraform.state.read_text())
            return len(self._terraform.plan(step, destroy=True).changes)
        except FileNotFoundError:
            return 0
        except StepTimeout:
            raise
        except (OSError, ValueError, RunError) as error:
            self._passed_over(step, error)
            return 0

    def plan(self, facts: int) -> Sequence[Action]:
        if not facts:
            return []
        title = f"terraform destroy: {facts} resources of the state, most of them among those listed"
        return [Action(id="destroy", title=title, destructive=True)]

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        if others := others_proving(self._cloud):
            # It knows the records as its own, and would take them from under somebody's certificate.
            self._tell(step, f"Terraform was not asked, since {', '.join(others)} needs records that its state holds")
            return
        try:
            planned = self._terraform.plan(step, destroy=True)
            if planned.changes:
                self._terraform.apply(step, planned, agreed={each.id for each in planned.changes})
            else:
                self._set_aside(step)
        except StepTimeout:
            raise
        except RunError as error:
            self._passed_over(step, error)

    def _set_aside(self, step: Step) -> None:
        """Nothing that the state tells of stands any more; it is kept for whoever wants to look."""
        state = self._terraform.state
        if state.exists():
            aside = state.with_name(f"{state.name}.{datetime.now(UTC):%Y%m%dT%H%M%SZ}.gone")
            state.rename(aside)
            step.say(f"nothing in the state stands any more; it is now {aside.name}")

    def _passed_over(self, step: Step, error: Exception) -> None:
        self._tell(step, f"Terraform could not destroy its part ({error})")

    def _tell(self, step: Step, text: str) -> None:
        text += ": the rest was looked for by tags"
        self._ledger.note(text)
        step.say(text)


def held(state: str) -> int:
    """How many resources a state holds that Terraform manages. Raises ValueError for what is no state."""
    resources = json.loads(state).get("resources", [])
    return sum(len(each.get("instances", ())) for each in resources if each.get("mode") == "managed")
