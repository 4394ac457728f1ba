"""What comes along with a question, checked by the services that know it."""

from typing import Any

from services.chat.domains import Recycle, Waste
from services.chat.messages import Options
from services.kernel.arguments import parse


def checked_options(options: dict[str, Any] | None, owner: str | None, recycle: Recycle, waste: Waste) -> Options:
    """The options with the region's id. Raises `Unprocessable`, also ``unknown_region`` and ``ambiguous_region``;
    `NotFound` ``scan_not_found`` for a scan that is not the owner's to see.
    """
    wanted = parse(Options, options or {})
    if wanted.region is not None:
        wanted = wanted.model_copy(update={"region": recycle.region(wanted.region)["id"]})
    if wanted.scan_id is not None:
        waste.scan(wanted.scan_id, owner)
    return wanted
