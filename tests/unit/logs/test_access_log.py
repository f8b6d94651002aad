"""Where access lines go."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tricorn.errors import ConfigError
from tricorn.logs.access_log import open_access_log


@pytest.mark.parametrize(
    ("destination", "fd"), [("off", None), ("-", 1), ("stdout", 1), ("stderr", 2)]
)
def test_streams(destination: str, fd: int | None) -> None:
    assert open_access_log(destination) == fd


def test_file_is_shared_by_append(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_text("before\n")
    fds = [open_access_log(str(path)) for _ in range(2)]
    for number, fd in enumerate(fds):
        assert fd is not None
        assert not os.get_inheritable(fd)
        os.write(fd, b"line %d\n" % number)
    # As logrotate's copytruncate does: the next line goes to the new start.
    os.truncate(path, 0)
    assert fds[0] is not None
    os.write(fds[0], b"after\n")
    for fd in fds:
        assert fd is not None
        os.close(fd)
    assert path.read_text() == "after\n"


@pytest.mark.parametrize(
    ("name", "reason"), [("none/access.log", "No such file"), (".", "Is a directory")]
)
def test_file_that_cannot_be_opened(tmp_path: Path, name: str, reason: str) -> None:
    path = tmp_path / name
    with pytest.raises(ConfigError) as error:
        open_access_log(str(path))
    assert str(error.value).startswith(f'--access-log: cannot open "{path}": {reason}')
