"""Becoming another user: looked up before the start, dropped for good in a child."""

from __future__ import annotations

import grp
import json
import os
import pwd
from collections.abc import Callable
from typing import Any

import pytest

from tricorn.config import Config
from tricorn.errors import ConfigError
from tricorn.supervisor.privileges import Identity, _verify, apply_umask, drop, resolve

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

NOBODY = pwd.getpwnam("nobody")
OTHER_GROUP = next(one for one in grp.getgrall() if one.gr_gid not in (0, NOBODY.pw_gid))
NUMBER = 54321
"""Neither a user nor a group."""


def identity(**settings: object) -> Identity | None:
    return resolve(Config.make(**settings).operations)


def refusal(**settings: object) -> str:
    with pytest.raises(ConfigError) as error:
        identity(**settings)
    return str(error.value)


def in_child(task: Callable[[], Any]) -> Any:
    """The JSON of what ``task()`` returns, or its error's text, in a forked child."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            result = task()
        except Exception as error:
            result = f"{type(error).__name__}: {error}"
        os.write(writing, json.dumps(result).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return json.loads(text)


def test_without_settings_nothing_changes() -> None:
    assert identity() is None


@pytest.mark.parametrize("by", ["name", "number"])
def test_what_we_are_already_needs_no_root(by: str) -> None:
    entry = pwd.getpwuid(os.geteuid())
    user: object = entry.pw_name if by == "name" else str(entry.pw_uid)
    assert identity(user=user, group=str(os.getegid())) is None


@needs_root
@pytest.mark.parametrize("user", ["nobody", str(NOBODY.pw_uid)])
def test_the_group_of_a_user_is_its_own(user: str) -> None:
    found = identity(user=user)
    assert found is not None
    assert (found.uid, found.gid) == (NOBODY.pw_uid, NOBODY.pw_gid)
    assert set(found.groups) == set(os.getgrouplist("nobody", NOBODY.pw_gid))


@needs_root
@pytest.mark.parametrize("group", [OTHER_GROUP.gr_name, str(OTHER_GROUP.gr_gid)])
def test_a_group_of_its_own_choice(group: str) -> None:
    found = identity(user="nobody", group=group)
    assert found is not None
    assert (found.uid, found.gid) == (NOBODY.pw_uid, OTHER_GROUP.gr_gid)
    assert OTHER_GROUP.gr_gid in found.groups


@needs_root
def test_numbers_without_an_entry() -> None:
    """As in a container, where only the numbers are known."""
    found = identity(user=str(NUMBER), group=str(NUMBER))
    assert found == Identity(NUMBER, NUMBER, (NUMBER,))


@needs_root
def test_a_group_alone_leaves_the_user() -> None:
    found = identity(group=OTHER_GROUP.gr_name)
    assert found is not None
    assert (found.uid, found.gid) == (0, OTHER_GROUP.gr_gid)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"user": "no-such-user"}, '--user "no-such-user": there is no such user here'),
        ({"group": "no-such-group"}, '--group "no-such-group": there is no such group here'),
        (
            {"user": str(NUMBER)},
            "--user is a number that is no user here, so give --group as well",
        ),
        (
            {"user": str(2**32 - 1), "group": "0"},
            '--user "4294967295" is too large; the most is 4294967294',
        ),
        (
            {"user": str(NUMBER), "group": "9" * 30},
            f'--group "{"9" * 30}" is too large; the most is 4294967294',
        ),
    ],
)
def test_mistakes(settings: dict[str, object], text: str) -> None:
    assert refusal(**settings) == text


@needs_root
def test_who_is_not_root_may_not() -> None:
    def try_it() -> str:
        os.setuid(NUMBER)
        return refusal(user="nobody", group="0")

    assert in_child(try_it) == (
        '--user "nobody" --group "0": only root can run workers as another user or group'
    )


@needs_root
def test_dropped_for_good() -> None:
    found = identity(user="nobody", group=OTHER_GROUP.gr_name)
    assert found is not None

    def become() -> list[object]:
        drop(found)
        refused = 0
        for regain in (os.setuid, os.seteuid, os.setgid):
            try:
                regain(0)
            except PermissionError:
                refused += 1
        return [os.getresuid(), os.getresgid(), sorted(os.getgroups()), refused]

    uid, gid = NOBODY.pw_uid, OTHER_GROUP.gr_gid
    assert in_child(become) == [[uid] * 3, [gid] * 3, sorted(found.groups), 3]
    assert os.geteuid() == 0


@needs_root
def test_the_groups_of_root_are_gone() -> None:
    def become() -> list[int]:
        os.setgroups([0, 4])
        drop(Identity(NUMBER, NUMBER, (NUMBER,)))
        return os.getgroups()

    assert in_child(become) == [NUMBER]


@needs_root
def test_a_way_back_to_root_is_noticed() -> None:
    """The saved user is left root, as some systems leave it."""

    def become() -> None:
        os.setgid(NUMBER)
        os.setresuid(NUMBER, NUMBER, 0)
        _verify(Identity(NUMBER, NUMBER, (NUMBER,)))

    assert in_child(become) == (
        f"TricornError: running as user {NUMBER}, group {NUMBER} did not work: "
        "this process could still become root"
    )


@needs_root
def test_a_drop_that_fails_says_so() -> None:
    def become() -> None:
        os.setuid(NUMBER)
        drop(Identity(NOBODY.pw_uid, NOBODY.pw_gid, (NOBODY.pw_gid,)))

    assert in_child(become) == (
        f"TricornError: cannot run as user {NOBODY.pw_uid}, group {NOBODY.pw_gid}: "
        "Operation not permitted"
    )


@pytest.mark.parametrize(("given", "effective"), [(None, 0o031), ("027", 0o027), ("000", 0o000)])
def test_umask(given: str | None, effective: int) -> None:
    settings = {} if given is None else {"umask": given}
    before = os.umask(0o031)
    try:
        apply_umask(Config.make(**settings).operations)
        assert os.umask(0) == effective
    finally:
        os.umask(before)
