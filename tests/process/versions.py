"""Applications in a directory of their own, so that a test can change their code while they run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

COMMON = """
import ctypes, os, signal, subprocess, threading, time

VERSION = {version!r}

KEPT = []

def deadlock():
    lock = threading.Lock()
    with lock:
        wait_for(lock)

def wait_for(lock):
    lock.acquire()

def spin():
    while True:
        pass

def body_of(path):
    if path.startswith("/version/"):
        return f"{{VERSION}} {{path}}"
    match path:
        case "/version":
            return VERSION
        case "/pid":
            return str(os.getpid())
        case "/spin":
            print("stuck", flush=True)
            spin()
        case "/nap":
            time.sleep(0.2)
        case "/block":
            print("stuck", flush=True)
            time.sleep(3600)
        case "/wait":
            print("waiting", flush=True)
            while not os.path.exists("go"):
                time.sleep(0.01)
        case "/freeze":  # keeps the interpreter's lock; unlike sleep, a signal does not end it
            print("stuck", flush=True)
            empty, byte = os.pipe()[0], ctypes.create_string_buffer(1)
            while ctypes.PyDLL(None).read(empty, byte, 1) != 1:
                pass
        case "/orphans":
            subprocess.run(["sh", "-c", "true & true &"], check=True)
        case "/deadlock":
            print("stuck", flush=True)
            deadlock()
        case "/grow":
            KEPT.append(bytes(b"x" * (256 << 20)))
        case "/exit":
            os._exit(7)
        case "/crash":
            signal.raise_signal(signal.SIGSEGV)
    return path
"""

ASGI = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({{"type": "lifespan.startup.{startup}", "message": "no database"}})
        await receive()
        await send({{"type": "lifespan.shutdown.complete"}})
        return
    body = body_of(scope["path"]).encode()
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    await send({{"type": "http.response.body", "body": body}})
"""

WSGI = """
def app(environ, start_response):
    body = body_of(environ["PATH_INFO"])
    start_response("200 OK", [])
    return [body.encode()]
"""


@dataclass(frozen=True)
class Site:
    """A directory with one application, ``site_app:app``, of one interface."""

    directory: Path
    interface: str

    def write(self, version: str, *, startup: str = "complete") -> None:
        """Write the application anew, whole: a file half written must not be imported."""
        text = COMMON + (ASGI if self.interface == "asgi" else WSGI)
        self.put(text.format(version=version, startup=startup))

    def put(self, text: str) -> None:
        """Write whatever text as the application."""
        new = self.directory / "site_app.new"
        new.write_text(text)
        new.replace(self.directory / "site_app.py")
