"""The section about development: restarting the application when its files change."""

from __future__ import annotations

from dataclasses import dataclass

from tricorn.config.kinds import Seconds
from tricorn.config.setting import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Development:
    """Development: the application is loaded anew when its files change."""

    reload: bool = setting(
        False,
        everyday=True,
        help="Load the application anew when its files change; for development only.",
        gunicorn="reload",
        uvicorn="reload",
    )
    reload_dir: tuple[str, ...] = setting(
        (),
        needs="reload",
        metavar="DIR",
        help="Directory whose files are watched, instead of --app-dir. "
        "May be given more than once.",
        uvicorn="reload_dirs",
    )
    reload_include: tuple[str, ...] = setting(
        (),
        needs="reload",
        metavar="PATTERN",
        help="Files that count besides *.py, as in a .gitignore file: *.html, templates/. "
        "May be given more than once.",
        uvicorn="reload_includes",
    )
    reload_exclude: tuple[str, ...] = setting(
        (),
        needs="reload",
        metavar="PATTERN",
        help="Files that do not count, as in a .gitignore file: tests/, *_gen.py. "
        "May be given more than once.",
        uvicorn="reload_excludes",
    )
    reload_extra_file: tuple[str, ...] = setting(
        (),
        needs="reload",
        metavar="FILE",
        help="File or glob pattern, anywhere, that always counts: .env, conf/**/*.yaml. "
        "May be given more than once.",
        gunicorn="reload_extra_files",
    )
    reload_gitignore: bool = setting(
        True,
        needs="reload",
        help="Leave out what .gitignore files name.",
    )
    reload_delay: Seconds = setting(
        0.1,
        needs="reload",
        most=60,
        help="Time without a further change before the application is loaded anew.",
        uvicorn="reload_delay",
    )
    reload_engine: str = setting(
        "auto",
        needs="reload",
        choices=("auto", "poll"),
        help="How changes are noticed: told by the kernel, or by looking twice a second, "
        "for file systems that tell nothing.",
        gunicorn="reload_engine",
    )
