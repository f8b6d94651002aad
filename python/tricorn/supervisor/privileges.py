"""Who the workers are: from the names in the settings to a process that cannot be root again."""

from __future__ import annotations

import grp
import os
import pwd
from contextlib import suppress
from dataclasses import dataclass

from tricorn.config.kinds import is_number
from tricorn.config.operations import Operations
from tricorn.errors import ConfigError, TricornError


@dataclass(frozen=True, slots=True)
class Identity:
    """The user and group a worker takes on, and all its groups, by number."""

    uid: int
    gid: int
    groups: tuple[int, ...]


def resolve(settings: Operations) -> Identity | None:
    """Look up ``--user`` and ``--group``, before anything is started; None if we are that already.

    Without a group it is the user's own. The further groups are those of the user's entry in the
    group database. Raises ConfigError when a name is not known, or we may not become it.
    """
    if settings.user is None and settings.group is None:
        return None
    user = _user(settings.user)
    uid = _uid(settings.user, user)
    gid = _gid(settings.group, user)
    if (uid, gid) == (os.geteuid(), os.getegid()):
        return None
    if os.geteuid() != 0:
        raise ConfigError(f"{_typed(settings)}: only root can run workers as another user or group")
    groups = os.getgrouplist(user.pw_name, gid) if user else [gid]
    return Identity(uid, gid, tuple(groups))


def _user(name: str | None) -> pwd.struct_passwd | None:
    """The entry of a user by name or number, without a name our own; None for a bare number."""
    try:
        if name is None:
            return pwd.getpwuid(os.geteuid())
        return pwd.getpwuid(int(name)) if is_number(name) else pwd.getpwnam(name)
    except (KeyError, OverflowError):
        if name is None or is_number(name):
            return None
        raise ConfigError(f'--user "{name}": there is no such user here') from None


def _uid(name: str | None, user: pwd.struct_passwd | None) -> int:
    if name is None:
        return os.geteuid()
    return user.pw_uid if user else _number("--user", name)


def _gid(name: str | None, user: pwd.struct_passwd | None) -> int:
    if name is None:
        if user is None:
            raise ConfigError("--user is a number that is no user here, so give --group as well")
        return user.pw_gid
    if is_number(name):
        return _number("--group", name)
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise ConfigError(f'--group "{name}": there is no such group here') from None


def _number(flag: str, text: str) -> int:
    # The last one means "leave it as it is" to the kernel (setreuid(2)).
    if int(text) >= 2**32 - 1:
        raise ConfigError(f'{flag} "{text}" is too large; the most is {2**32 - 2}')
    return int(text)


def _typed(settings: Operations) -> str:
    given = (("--user", settings.user), ("--group", settings.group))
    return " ".join(f'{flag} "{name}"' for flag, name in given if name is not None)


def drop(identity: Identity) -> None:
    """Become ``identity`` for good; call it in a worker, after the fork and before its code runs.

    Raises TricornError if that fails, or if this process could become root again.
    """
    try:
        # In this order: once we are not root, the groups cannot be changed any more.
        os.setgroups(identity.groups)
        os.setgid(identity.gid)
        os.setuid(identity.uid)
    except OSError as error:
        raise TricornError(
            f"cannot run as user {identity.uid}, group {identity.gid}: {error.strerror}"
        ) from None
    _verify(identity)


def _verify(identity: Identity) -> None:
    ours = (os.getuid(), os.geteuid(), os.getgid(), os.getegid())
    wanted = (identity.uid, identity.uid, identity.gid, identity.gid)
    if ours != wanted or (identity.uid != 0 and _can_be_root()):
        raise TricornError(
            f"running as user {identity.uid}, group {identity.gid} did not work: "
            "this process could still become root"
        )


def _can_be_root() -> bool:
    for become in (os.setuid, os.setgid):
        with suppress(PermissionError):
            become(0)
            return True
    return False


def apply_umask(settings: Operations) -> None:
    """Set ``--umask``, before the first file or socket is made; workers inherit it."""
    if settings.umask is not None:
        os.umask(settings.umask)
