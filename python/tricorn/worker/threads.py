"""Where a thread is, for the log: its Python stack from the application's first frame on."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from itertools import dropwhile
from pathlib import Path

from tricorn.worker.blame import is_ours

# Not asked of asyncio itself: a WSGI worker does not import it.
_AROUND = (threading.__file__, str(Path(os.__file__).parent / "asyncio") + os.sep, "<frozen")


def stack_of(thread: int) -> str:
    """The stack of a thread by its `threading.get_ident()`, innermost last."""
    frame = sys._current_frames().get(thread)
    if frame is None:
        return "  (its thread has ended)"
    # Copied before any file is read for the lines of code: the thread goes on meanwhile.
    walked = [
        traceback.FrameSummary(one.f_code.co_filename, number, one.f_code.co_name)
        for one, number in traceback.walk_stack(frame)
    ]
    walked.reverse()
    ours = [at for at, one in enumerate(walked) if is_ours(one.filename)]
    inner = walked[ours[-1] + 1 :] if ours else walked
    inside = dropwhile(lambda one: one.filename.startswith(_AROUND), inner)
    return "".join(traceback.format_list(list(inside) or walked)).rstrip()
