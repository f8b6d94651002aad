"""The section about rollout: how workers come by the application, and when new code is trusted."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tricorn.config.kinds import Seconds
from tricorn.config.setting import setting


def _check_target(text: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9.:\[\]_-]*/[!-~]*", text):
        raise ValueError("is not a path; write /path, or HOST/path, percent-encoded as in a URL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """Rollout: how workers come by the application, and when new code is trusted."""

    preload: bool = setting(
        False,
        needs="worker processes",
        help="Load the application once, before the workers are forked, which share its memory "
        "then. A reload starts a new supervisor that takes over.",
        gunicorn="preload_app",
    )
    warmup_path: tuple[str, ...] = setting(
        (),
        metavar="[HOST]/PATH",
        check=_check_target,
        help="Path that a new worker asks itself for before it serves. If the status is 400 or "
        "above, the start or the reload fails. May be given more than once.",
    )
    rollback_errors: int = setting(
        0,
        needs="worker processes",
        least=0,
        most=100,
        metavar="PERCENT",
        help="A reload is taken back if the share of responses with a status of 500 or above is "
        "higher than before by more than this. Meanwhile old workers serve beside the first new "
        "ones. 0 for never.",
    )
    rollback_after: int = setting(
        100,
        needs="rollback_errors",
        least=1,
        help="Responses of the new workers after which their errors are counted.",
    )
    rollback_window: Seconds = setting(
        30.0,
        needs="rollback_errors",
        help="The longest that is waited for so many responses; with fewer than 20 by then, the "
        "reload goes on.",
    )
