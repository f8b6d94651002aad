"""The commands besides serving, by name, and what each does in a line: for help and dispatch."""

from __future__ import annotations

HELP = "help"

CHECK = "check"

CONTROL = {
    "status": "Show the server, its workers and the last reload.",
    "reload": "Read the configuration and the code again, without losing a request.",
    "scale": "Set the number of workers, or with +N or -N change it.",
    "stacks": "Show where the threads and tasks of the workers are.",
    "stop": "Finish what is in flight, and end.",
    "logs": "Show the last messages of the server.",
}
"""Those that ask a running server, over its control socket."""

COMMANDS = {
    CHECK: "Show each setting with its origin and try to load the application.",
    **CONTROL,
    HELP: "Show the help of a command, as help status; of all options with help all.",
}
