"""Where the benchmark's things are, and from that how to start a server for a scenario."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template

from measure import Launch
from process import free_port
from rivals import LOGGED, PLAIN, SERVERS, command
from scenarios import Scenario

HERE = Path(__file__).parent
ANSWERS = {  # what nginx says in the place of an application
    "asgi_apps:hello": 'return 200 "Hello, world!"',
    "asgi_apps:pathsend": "try_files /file =404",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where to write, and what to run: the rivals, the floor program, Tricorn's interpreter."""

    scratch: Path
    rivals: Path
    floor: Path
    python: Path
    certificate: tuple[Path, Path]  # and its key

    def launch(self, scenario: Scenario, server: str) -> Launch | None:
        """How to start the server; None if it has nothing to do with the scenario."""
        if server.endswith(PLAIN):
            server, scenario = (
                server.removesuffix(PLAIN),
                replace(scenario, protocol="http", needs=""),
            )
        port = free_port()
        values = self._values(scenario, port)
        arguments = command(server, scenario.needs, values)
        if not arguments:
            return None
        if template := SERVERS[server.removesuffix(LOGGED)].config:
            text = Template((HERE / template).read_text()).substitute(values)
            Path(values["config"]).write_text(text)
        Path(values["file"]).touch()
        return Launch(
            command=arguments,
            port=port,
            environment=self._environment(values["file"]),
            directory=self.scratch,
            scenario=scenario,
        )

    def _values(self, scenario: Scenario, port: int) -> dict[str, str]:
        module, _, attribute = scenario.app.partition(":")
        return {
            "rivals": f"{self.rivals}/bin",
            "python": f"{self.python}",
            "floor": f"{self.floor}",
            "app": scenario.app,
            "module": module,
            "attribute": attribute,
            "interface": scenario.interface,
            "port": f"{port}",
            "threads": f"{scenario.threads}",
            # weft runs WSGI inline, without a pool, if the pool is to have no threads.
            "pool": f"{scenario.threads if scenario.threads > 1 else 0}",
            "log": f"{self.scratch}/access.log",
            "config": f"{self.scratch}/config",
            "directory": f"{self.scratch}",
            "file": f"{self.scratch}/file",
            "cert": f"{self.certificate[0]}",
            "key": f"{self.certificate[1]}",
            # Of nginx's configuration.
            "secure": " ssl" if scenario.needs == "tls" else "",
            "answer": ANSWERS.get(scenario.app, ""),
        }

    def _environment(self, file: str) -> dict[str, str]:
        """The same applications, frameworks and uvloop for every server."""
        packages = next(self.rivals.glob("lib/python3.*/site-packages"))
        return {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "PYTHONPATH": f"{HERE / 'apps'}:{packages}",
            "BENCH_FILE": file,
        }
