"""The section about rollout: how workers come by the application, and when new code is trusted."""

from __future__ import annotations

from dataclasses import dataclass

from tricorn.config.setting import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """Rollout: how workers come by the application, and when new code is trusted."""

    preload: bool = setting(
        False,
        help="Load the application once, before the workers are forked, which share its memory "
        "then. A reload starts a new supervisor that takes over.",
        gunicorn="preload_app",
    )
