"""An application's exception, told to its author: where it happened, without our frames."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

_OURS = str(Path(__file__).parents[1]) + os.sep
_IMPORT_SYSTEM = ("<frozen importlib", str(Path("importlib") / "__init__.py"))


def app_traceback(error: BaseException) -> str:
    """The exception as Python prints it, from the application's first frame on.

    An exception that never reached the application's code is a line without a traceback.
    """
    import traceback

    frames = app_frames(error)
    lines = traceback.format_exception(type(error), error, frames, chain=frames is not None)
    return "".join(lines).rstrip()


def app_frames(error: BaseException) -> TracebackType | None:
    """The part of an exception's traceback that begins in the application."""
    frames = error.__traceback__
    while frames is not None and is_ours(frames.tb_frame.f_code.co_filename):
        frames = frames.tb_next
    return frames


def last_place(error: BaseException) -> str | None:
    """The deepest file and line of the application or its libraries, as ``main.py, line 3``."""
    place = None
    frames = app_frames(error)
    while frames is not None:
        name = frames.tb_frame.f_code.co_filename
        if not is_ours(name):
            place = f"{shortened(name)}, line {frames.tb_lineno}"
        frames = frames.tb_next
    return place


def is_ours(filename: str) -> bool:
    """Whether code of a file is the server's own, or the import system's."""
    return filename.startswith((_OURS, _IMPORT_SYSTEM[0])) or _IMPORT_SYSTEM[1] in filename


def shortened(filename: str) -> str:
    """A path from the working directory on, if it is below that."""
    try:
        return str(Path(filename).relative_to(Path.cwd()))
    except (ValueError, FileNotFoundError):  # it is elsewhere, or we are nowhere
        return filename
