"""How many processors this process may really use."""

from __future__ import annotations

import math
import os
from pathlib import Path

from tricorn.config.kinds import Workers

_CGROUP = Path("/sys/fs/cgroup")


def workers_of(setting: Workers | None) -> Workers:
    """How many workers ``--workers`` asks for, with a number for ``auto``; 1 without it."""
    if setting is None:
        return Workers(1, 1)
    least, most = (count or usable_cpus() for count in setting)
    return Workers(least, max(least, most))


def usable_cpus(cgroup: Path = _CGROUP) -> int:
    """The processors of the affinity mask, or fewer if a cgroup's quota says so; at least 1.

    Sources: sched_getaffinity(2); cpu.max of cgroup v2, cpu.cfs_quota_us of v1 (kernel docs).
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    count, quota = affinity or 1, _quota(cgroup)
    return count if quota is None else min(count, math.ceil(quota))


def _quota(cgroup: Path) -> float | None:
    """The CPU time per time that the cgroup allows; None for as much as there is."""
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (cgroup / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    try:
        share = int(quota) / int(period)
    except (ValueError, ZeroDivisionError):
        return None  # "max"
    return share if share > 0 else None
