"""Whether the images that a deploy would run have ever been pushed, asked before anything is sent to the cluster."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from provisioning.deploy.errors import ImageMissing
from provisioning.kubernetes.release_table import CHARTS, flat, specs
from provisioning.kubernetes.states import image_of
from provisioning.preflight.registry import Shown, answer, findings
from provisioning.run import Action, Phase, Step
from provisioning.site import Site


class ImagesPushed(Phase[None, Action]):
    """Has nothing to do: it passes, or stops the deploy. A registry that does not answer, or that shows the image to
    nobody without a token, stops nothing: nodes have a token of their own."""

    name = "images-pushed"
    title = "Images in the registry"
    timeout_s = 120.0

    def __init__(self, site: Site, charts: Path = CHARTS, only: Collection[str] = (), *, anyway: bool = False) -> None:
        """``anyway``: an image that is missing is told and stops nothing."""
        super().__init__()
        self._site = site
        self._charts = charts
        self._only = only
        self._anyway = anyway

    def facts(self, step: Step) -> None:
        """Raises `ImageMissing` with every image that is missing."""
        answers = [answer(self._site, image, tag) for image, tag in self._images()]
        missing = [each.image for each in answers if each.shown is Shown.MISSING]
        if missing and not self._anyway:
            raise ImageMissing(f"not in the registry: {', '.join(missing)}")
        for found in (finding for each in answers for finding in findings(each)):
            step.say(f"{found.severity.value}: {found.what}. {found.why}")

    def plan(self, facts: None) -> Sequence[Action]:
        return ()

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        """Never called: the plan is empty."""

    def _images(self) -> list[tuple[str, str]]:
        """Our images, and their tags, that the chosen releases run, each once."""
        registry = self._site.cluster.registry
        chosen = [spec for spec in flat(specs(self._site, self._charts)) if not self._only or spec.name in self._only]
        found = {image for spec in chosen if (image := image_of(spec.values))}
        return sorted(each for each in found if each[0] in (registry.image, registry.workers_image))
