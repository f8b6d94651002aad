"""The native module: the reactor, and ASGI and WSGI over it.

Applications never import it; `tricorn.worker` does. `make lint` compares it with the module.
"""

from asyncio import AbstractEventLoop, Task
from collections.abc import Callable, Sequence
from contextvars import Context
from types import TracebackType
from typing import Any, ClassVar, Self, final

from tricorn.config import Config
from tricorn.config.certificates import Contents
from tricorn.config.tls import Tls

__all__ = [
    "AsgiCore",
    "Certificate",
    "ClientDisconnected",
    "FileWrapper",
    "Input",
    "RequestRefused",
    "Scoreboard",
    "Slot",
    "StartResponse",
    "TlsContext",
    "Waiter",
    "Write",
    "WsgiCore",
    "end_first_process",
    "expire_with_parent",
    "reset_on_delivery",
    "rotate_tickets",
]

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]

class ClientDisconnected(OSError):  # noqa: N818 (the ASGI specification has no name for it)
    """What an application gets from send() and from reads once its client has gone."""

class RequestRefused(OSError):  # noqa: N818 (a refusal, as ClientDisconnected)
    """What a read of a body gives that is malformed, too large, too slow or cut: WSGI."""

def end_first_process(signal: int, second: bool) -> None:
    """Have the next delivery of a signal end the process with 128 + its number.

    If ``second``, that goes to the handler that stands, and the one after it ends the process.
    This is for process 1, which has no default actions (pid_namespaces(7)). Raises OSError.
    """

def expire_with_parent(seconds: int) -> None:
    """After the end of the parent process, this one has so many seconds left, even if it hangs.

    Linux only (prctl(2), PR_SET_PDEATHSIG); elsewhere it does nothing. Raises OSError.
    """

def reset_on_delivery(signal: int) -> None:
    """Reset a signal's handler to the default one when it is next delivered.

    That is SA_RESETHAND of sigaction(2), set on the handler that stands. Raises OSError.
    """

def rotate_tickets() -> float | None:
    """Forget the keys of session tickets whose time is over.

    Seconds until the next are to be forgotten; None if this process has none. An `AsgiCore` or a
    `WsgiCore` that listens does so by itself.
    """

@final
class AsgiCore:
    """The reactor of one event loop and one ASGI application; for the loop's thread alone."""

    def __new__(
        cls,
        app: Any,
        event_loop: AbstractEventLoop,
        config: Config,
        hooks: Any,
        *,
        extensions: dict[str, dict[str, Any]],
        state: dict[str, Any] | None = None,
    ) -> Self: ...
    def attach(self, scoreboard: Scoreboard, number: int) -> None:
        """Count in slot `number`, from 0, which is cleared, and share the load with the others.

        To be called before `listen()`, else RuntimeError. ValueError if there is no such slot. The
        beat is not the core's: the event loop has to call `Slot.beat()`, the first time when it
        serves. Others leave connections to this worker from then on.
        """

    def measure(self) -> None:
        """Measure how long work waits for this worker: `queue_age` of `Slot.read()`.

        To be called after `attach()` and, for WSGI, before `run()`. It takes a thread that never
        touches Python. Raises OSError.
        """

    def listen(
        self,
        fd: int,
        server: tuple[str, int | None],
        tcp: bool,
        own: bool = False,
        *,
        private: bool = False,
    ) -> None:
        """Accept on the non-blocking listening socket `fd`; `server` is that of a scope.

        `own` says that other workers have sockets of their own at its address. If `private`,
        connections are the server's own: plain even if `config` has a certificate, and through no
        proxy.
        """

    def redirect(self, fd: int, own: bool, port: int) -> None:
        """Accept on the listening TCP socket `fd`, and send who comes to `port`, over HTTPS.

        The application does not hear of it. To be called after all `listen()`. Raises OSError.
        """

    def access_log(self, fd: int, format: str, exclude: Sequence[str]) -> None:
        """Write access lines to a copy of `fd`, but none for the paths in `exclude`.

        `format` is `json`, or text with Gunicorn's atoms. Raises OSError.
        """

    def finish_access_log(self) -> str | None:
        """Write the last access lines, for half a second at the most.

        What to tell the operator if some are lost.
        """

    def fileno(self) -> int:
        """The descriptor that is readable when `poll()` has something to do."""

    def poll(self) -> None:
        """Do what there is to do, within a budget of time and of application calls."""

    def announce_stop(self) -> None:
        """Answer 503 to `--health-path`/ready from now on, with all of the scoreboard's workers."""

    def drain(self, *, patient: bool = False) -> None:
        """Stop listening, close idle connections, end the others after their response."""

    def cancel(self) -> None:
        """Cancel the tasks of all requests."""

    def in_flight(self) -> list[tuple[Task[None], dict[str, Any], float | None]]:
        """(task, scope, seconds) of each request whose task has not ended.

        `seconds` is how long the application has had it, less the times that it waited for its
        client to send or to read; None if its response is complete and the task only goes on. What
        ends in the first step of its task is never seen. RuntimeError on any other thread.
        """

    def time_out(self, task: Task[None]) -> None:
        """Answer 504 instead of 500 if this request's task ends without a response."""

    def give_up(self, task: Task[None]) -> None:
        """Answer 504 in place of a task that does not end.

        If bytes of its response are out already, the connection is cut.
        """

    def close(self) -> None:
        """Close every connection at once."""

    def abandon(self) -> None:
        """In a forked child: let go of everything without touching what the parent uses."""

    def pending(self) -> tuple[int, int]:
        """(open connections, requests whose task has not ended)."""

    def stats(self) -> dict[str, int]:
        """Counters since the start: accepted, requests, errors (responses of 500 and above),
        rejected (for what they are) and shed (for `--max-in-flight`); and those of now:
        connections (open) and in_flight (requests).
        """

@final
class WsgiCore:
    """The reactor of one WSGI application, run by as many threads as it was made for."""

    def __new__(cls, app: Any, config: Config, hooks: Any, threads: int) -> Self: ...
    def attach(self, scoreboard: Scoreboard, number: int) -> None:
        """Count and beat in slot `number`, from 0, which is cleared, and share the load.

        To be called before `listen()` and `run()`, else RuntimeError. ValueError if there is no
        such slot.
        """

    def measure(self) -> None:
        """Measure how long work waits for this worker: `queue_age` of `Slot.read()`.

        To be called after `attach()` and, for WSGI, before `run()`. It takes a thread that never
        touches Python. Raises OSError.
        """

    def listen(
        self,
        fd: int,
        server: tuple[str, str],
        tcp: bool,
        own: bool = False,
        *,
        private: bool = False,
    ) -> None:
        """Accept on the non-blocking listening socket `fd`; `server` is its (host, port).

        `own` and `private` are as for `AsgiCore`.
        """

    def redirect(self, fd: int, own: bool, port: int) -> None:
        """Accept on the listening TCP socket `fd`, and send who comes to `port`, over HTTPS.

        The application does not hear of it. To be called after all `listen()`. Raises OSError.
        """

    def access_log(self, fd: int, format: str, exclude: Sequence[str]) -> None:
        """Write access lines to a copy of `fd`, but none for the paths in `exclude`.

        `format` is `json`, or text with Gunicorn's atoms. Raises OSError.
        """

    def finish_access_log(self) -> str | None:
        """Write the last access lines, for half a second at the most.

        What to tell the operator if some are lost.
        """

    def run(self) -> None:
        """Serve until `stop()`. One thread at a time runs the reactor, the others stand by."""

    def announce_stop(self) -> None:
        """Answer 503 to `--health-path`/ready from now on, with all of the scoreboard's workers."""

    def drain(self, *, patient: bool = False) -> None:
        """Stop listening, close idle connections, end the others after their response."""

    def stop(self) -> None:
        """Close every connection at once and send the threads away."""

    def abandon(self) -> None:
        """In a forked child: let go of everything without touching what the parent uses."""

    def pending(self) -> tuple[int, int]:
        """(open connections, calls of the application that run)."""

    def in_flight(self) -> list[tuple[int, int, dict[str, Any], float]]:
        """(number, thread, environ, seconds) of each call of the application that runs.

        `number` names the request, `thread` is its `threading.get_ident()`, `seconds` is how long
        the application has had it, less the times that it waited for its client to send or to
        read. Empty unless `slow_request` or `request_timeout` is set.
        """

    def interrupt(self, number: int, error: type[BaseException]) -> bool:
        """Raise `error` in the thread of that request; False if it has none, or awaits its client.

        It is raised at the next bytecode; a call in C has to return first. It never hits anything
        but that request. If the request then fails, it is answered 504 instead of 500.
        """

    def give_up(self, number: int) -> None:
        """Answer 504 in place of a call that does not end.

        If bytes of its response are out already, the connection is cut.
        """

    def stats(self) -> dict[str, int]:
        """Counters since the start: accepted, requests, errors (responses of 500 and above),
        rejected (for what they are) and shed (for `--max-in-flight`); and those of now:
        connections (open) and in_flight (requests).
        """

@final
class Scoreboard:
    """Counters of all workers in memory that forked processes share: make it before the fork.

    Raises ValueError unless `slots` is between 1 and 4096, OSError if there is no memory.
    """

    def __new__(cls, slots: int) -> Self: ...
    def slot(self, number: int) -> Slot:
        """The slot of that number, from 0. Raises ValueError if there is none."""

    def announce_stop(self) -> None:
        """Have all workers answer 503 to `--health-path`/ready from now on; they serve on."""

@final
class Slot:
    """What one worker says of itself. Its core writes it, any process reads it."""

    FREE: ClassVar[int]
    """The beat of a worker that waits for something to do, which can't hang."""

    def read(self) -> dict[str, int]:
        """Everything in the slot.

        `beat` is when the worker was last seen to go on, in milliseconds of CLOCK_MONOTONIC
        (`time.monotonic()`, some milliseconds late); 0 if never, or `FREE`. Of a WSGI worker it
        stands still while the thread that runs the reactor is in a call and no other takes over.
        `accepting` is 1 while the worker takes connections. `stuck` counts the requests
        that it gave up while the application still had them. `queue_age` is for how many
        milliseconds, as of now, the longest-waiting piece of work has waited: for room with
        `--max-in-flight`, and for the worker to come to it, if the core was told to
        `measure()`; 0 if none waits. The rest is that of `stats()`.
        """

    def requests(self) -> list[dict[str, Any]]:
        """Up to 64 requests in flight, the oldest first.

        `request` is method and path (str, cut to 96 bytes, without the query), `client` its
        address as `127.0.0.1:49152` (None on a unix socket), `started` when its head had come, in
        milliseconds as of the beat. They stay when the worker dies, until `clear()`.
        """

    def beat(self) -> None:
        """Say that the worker goes on, as of now."""

    def note_stuck(self) -> None:
        """Count a request that was given up while the application still has it."""

    def clear(self) -> None:
        """Set everything to 0: nobody has the slot any more."""

@final
class Certificate:
    """What a certificate says; distinguished names are as in RFC 4514."""

    @property
    def subject(self) -> str: ...
    @property
    def issuer(self) -> str: ...
    @property
    def names(self) -> list[str]:
        """DNS names and IP addresses that it is for."""

    @property
    def key(self) -> str:
        """Kind and size, as `ECDSA P-256`."""

    @property
    def not_before(self) -> int:
        """In seconds since 1970, as `not_after`."""

    @property
    def not_after(self) -> int: ...

@final
class TlsContext:
    """Certificates, keys and the settings about TLS, checked; a forked worker needs no files."""

    def __new__(cls, section: Tls, protocols: list[bytes], contents: Contents) -> Self:
        """What `contents` holds, used as `section` says; ALPN may choose from `protocols`.

        The key of session tickets changes every `section.ticket_rotation` seconds; 0 for no
        tickets. All contexts of a process and of those forked from it have the same keys.

        ValueError with three arguments: the setting, as "tls_key", which of its files, from 0, and
        what is wrong with it. OSError.
        """

    def chains(self) -> list[list[Certificate]]:
        """What each certificate says, and those behind it; what can't be read is left out."""

    def replace(self, contents: Contents) -> None:
        """Use these from now on, also in the processes that were forked from this one.

        New connections there get them within a second. Raises as the constructor does, and changes
        nothing then.
        """

    def only_read(self) -> None:
        """From now on this process can't `replace()` them; that raises PermissionError."""

@final
class Waiter:
    """What an ASGI application awaits when receive() or send() has to wait: like a Future."""

    _asyncio_future_blocking: bool
    def get_loop(self) -> AbstractEventLoop: ...
    def add_done_callback(
        self, callback: Callable[[Self], object], *, context: Context | None = None
    ) -> None: ...
    def remove_done_callback(self, callback: Callable[[Self], object]) -> int: ...
    def cancel(self, msg: object = None) -> bool: ...
    def cancelled(self) -> bool: ...
    def done(self) -> bool: ...
    def result(self) -> Any: ...
    def exception(self) -> BaseException | None: ...

@final
class FileWrapper:
    """`wsgi.file_wrapper`: returned by the application, a regular file goes by sendfile(2)."""

    def __new__(cls, filelike: Any, blksize: int = 65536) -> Self: ...
    @property
    def filelike(self) -> Any: ...
    @property
    def blksize(self) -> int:
        """Bytes read at once, where the file cannot go by sendfile(2)."""

    def __iter__(self) -> Self: ...
    def __next__(self) -> bytes: ...
    def close(self) -> None: ...

@final
class Input:
    """`wsgi.input`: a file of the request body, whose end is the end of the body.

    Each method waits for the client with the interpreter released, and raises OSError when the
    client has gone, sends too slowly or sends a body that is refused.
    """

    def read(self, size: int | None = None, /) -> bytes: ...
    def readline(self, size: int | None = None, /) -> bytes: ...
    def readlines(self, hint: int | None = None, /) -> list[bytes]: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> bytes: ...

@final
class StartResponse:
    """`start_response` (PEP 3333, "The start_response() Callable")."""

    def __call__(
        self,
        status: str,
        headers: list[tuple[str, str]],
        exc_info: _ExcInfo | None = None,
        /,
    ) -> Write: ...

@final
class Write:
    """What `start_response` returns; it blocks while the client does not read."""

    def __call__(self, data: bytes, /) -> None: ...
