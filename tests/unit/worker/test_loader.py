"""Loading an application from real modules, and each way that can fail."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tricorn.config import Config
from tricorn.errors import AppError
from tricorn.worker.loader import Loaded, load

Write = Callable[[str, str], None]

ASGI = "async def app(scope, receive, send): ...\n"
CLASS = """
class App:
    def __call__(self, environ, start_response): ...
class Site:
    app = App()
"""
WSGI = "def application(environ, start_response): ...\n"


@pytest.fixture(autouse=True)
def fresh_modules() -> Iterator[None]:
    """Forget the modules a test has imported, and what it has put on the path."""
    modules, path = set(sys.modules), sys.path[:]
    yield
    for name in set(sys.modules) - modules:
        del sys.modules[name]
    sys.path[:] = path


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, text: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return write


@pytest.fixture
def loaded(tmp_path: Path, write: Write) -> Callable[..., Loaded]:
    """Load ``target``, with ``main`` as main.py where it is given."""

    def loaded(target: str | None, main: str | None = None, **settings: object) -> Loaded:
        if main is not None:
            write("main.py", main)
        settings = {"app_dir": str(tmp_path), **settings}
        return load(Config.make(app=target, **settings).app)

    return loaded


@pytest.fixture
def refusal(loaded: Callable[..., Loaded]) -> Callable[..., str]:
    def refusal(target: str | None, main: str | None = None, **settings: object) -> str:
        with pytest.raises(AppError) as error:
            loaded(target, main, **settings)
        assert error.value.__cause__ is None
        assert error.value.__suppress_context__ or error.value.__context__ is None
        return str(error.value)

    return refusal


class TestFound:
    @pytest.mark.parametrize(
        ("target", "main", "interface", "name"),
        [
            ("main:app", ASGI, "asgi", "main:app"),
            ("main", ASGI, "asgi", "main:app"),
            ("main", WSGI, "wsgi", "main:application"),
            ("main", WSGI + ASGI, "asgi", "main:app"),
            ("main", f"def create_app():\n    {ASGI}    return app", "asgi", "main:create_app()"),
            ("main", f"def make_app():\n    {ASGI}    return app", "asgi", "main:make_app()"),
            ("main:f()", f"{ASGI}def f(): return app", "asgi", "main:f()"),
            ("main:f()", f"{ASGI}def f(debug=False): return app", "asgi", "main:f()"),
            ("main:f()", f"{ASGI}f = lambda: app", "asgi", "main:f()"),
            ("main:App()", CLASS, "wsgi", "main:App()"),
            ("main:Site.app", CLASS, "wsgi", "main:Site.app"),
        ],
    )
    def test_in_a_module(
        self, loaded: Callable[..., Loaded], target: str, main: str, interface: str, name: str
    ) -> None:
        found = loaded(target, main)
        assert (found.interface, found.name) == (interface, name)
        assert callable(found.app)

    def test_factory_setting(self, loaded: Callable[..., Loaded]) -> None:
        main = f"{ASGI}def create_app(): return app"
        assert loaded("main:create_app", main, factory=True).name == "main:create_app()"
        assert loaded("main", factory=True).name == "main:create_app()"
        assert loaded("main:create_app()", factory=True).name == "main:create_app()"

    def test_in_a_package(self, loaded: Callable[..., Loaded], write: Write) -> None:
        write("site_pkg/__init__.py", "")
        write("site_pkg/asgi.py", ASGI)
        assert loaded("site_pkg.asgi").name == "site_pkg.asgi:app"

    def test_interface_setting(self, loaded: Callable[..., Loaded]) -> None:
        assert loaded("main:app", "def app(*args): ...", interface="wsgi").interface == "wsgi"

    def test_app_dir_is_first_on_the_path(
        self, loaded: Callable[..., Loaded], tmp_path: Path
    ) -> None:
        sys.path.append(str(tmp_path))
        loaded("main", ASGI)
        assert sys.path[0] == str(tmp_path)
        assert sys.path.count(str(tmp_path)) == 1


class TestModule:
    def test_no_target(self, refusal: Callable[..., str]) -> None:
        assert "no application given" in refusal(None)

    def test_no_such_module(
        self, refusal: Callable[..., str], write: Write, tmp_path: Path
    ) -> None:
        write("package_of_ours/__init__.py", "")
        message = refusal("maim:app", ASGI)
        assert message == (
            'cannot load maim:app: there is no module "maim"; did you mean main?\n'
            f"Looked in {tmp_path} (--app-dir) and the rest of Python's path."
        )
        assert "did you mean package_of_ours?" in refusal("packageofours:app")
        assert 'no module "package_of_ours.web"' in refusal("package_of_ours.web:app")

    def test_no_such_app_dir(self, refusal: Callable[..., str], tmp_path: Path) -> None:
        message = refusal("main:app", app_dir=str(tmp_path / "none"))
        assert message == f'--app-dir: there is no directory "{tmp_path}/none"'

    def test_the_module_is_one_directory_down(
        self, refusal: Callable[..., str], write: Write, tmp_path: Path
    ) -> None:
        write("src/shop/main.py", ASGI)
        message = refusal("shop.main:app")
        assert message.startswith('cannot load shop.main:app: there is no module "shop"')
        assert message.endswith(
            f'"shop" is in {tmp_path}/src: write shop.main:app --app-dir {tmp_path}/src'
        )

    def test_what_the_module_imports_is_one_directory_down(
        self,
        refusal: Callable[..., str],
        write: Write,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> None:
        """A Django project that is named by its path from above."""
        monkeypatch.chdir(tmp_path)
        write("proj/manage.py", "")
        write("proj/mysite/settings.py", "")
        write("proj/mysite/wsgi.py", f"import mysite.settings\n{WSGI}")
        message = refusal("proj.mysite.wsgi", app_dir=".")
        told = '"mysite" is in proj: write mysite.wsgi --app-dir proj'
        assert message.partition("\n\n")[0].endswith(told)
        assert "not installed" not in message

    def test_dot_for_colon(self, refusal: Callable[..., str]) -> None:
        assert '"main" is a module. Did you mean main:app?' in refusal("main.app", ASGI)

    def test_file_for_module(self, refusal: Callable[..., str]) -> None:
        assert "Did you mean main:app?" in refusal("main.py:app", ASGI)

    def test_missing_import_of_the_module(
        self, refusal: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.chdir(tmp_path)
        message = refusal("main:app", "import os\n\nimport reqests_that_is_not\n")
        assert message.startswith(
            'cannot load main:app: it needs the module "reqests_that_is_not", '
            "which is not installed (imported in main.py, line 3)\n\nTraceback"
        )

    def test_missing_import_of_an_import(
        self,
        refusal: Callable[..., str],
        write: Write,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        write("lib/__init__.py", "")
        write("lib/db.py", "\nimport no_driver.core\n")
        message = refusal("main:app", "from lib import db\n")
        assert 'it needs the module "no_driver"' in message
        assert f"(imported in {Path('lib') / 'db.py'}, line 2)" in message

    def test_module_that_imports_itself_wrongly(self, refusal: Callable[..., str]) -> None:
        """The missing name is APP's own package, but the fault is inside it."""
        message = refusal("main", "import main.core\n")
        assert 'it needs the module "main.core"' in message
        assert "line 1" in message

    def test_package_without_the_module_its_init_imports(
        self, refusal: Callable[..., str], write: Write
    ) -> None:
        write("site_pkg/__init__.py", "from site_pkg.web import app\n")
        message = refusal("site_pkg.web:app")
        assert 'it needs the module "site_pkg.web"' in message
        assert "__init__.py, line 1" in message

    def test_module_raises(self, refusal: Callable[..., str], tmp_path: Path) -> None:
        message = refusal("main:app", "def start():\n    return 1 / 0\n\nstart()\n")
        head, _, trace = message.partition("\n\n")
        assert head == "cannot load main:app: importing main failed"
        lines = trace.splitlines()
        assert lines[0] == "Traceback (most recent call last):"
        assert lines[1] == f'  File "{tmp_path}/main.py", line 4, in <module>'
        assert lines[-1] == "ZeroDivisionError: division by zero"
        assert trace.count("File ") == 2
        assert "tricorn" not in trace.replace(str(tmp_path), "")

    def test_cause_of_an_error_is_shown(self, refusal: Callable[..., str]) -> None:
        main = "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise KeyError('k') from e\n"
        message = refusal("main:app", main)
        assert "ZeroDivisionError: division by zero" in message
        assert "direct cause" in message
        assert message.endswith("KeyError: 'k'")

    def test_module_exits(self, refusal: Callable[..., str]) -> None:
        message = refusal("main:app", "import sys\nsys.exit('no database')\n")
        assert "importing main failed" in message
        assert message.endswith("SystemExit: no database")

    def test_syntax_error(self, refusal: Callable[..., str], tmp_path: Path) -> None:
        message = refusal("main:app", "x = 1\ndef app(:\n")
        assert message.startswith("cannot load main:app: syntax error\n\n")
        assert f'File "{tmp_path}/main.py", line 2' in message
        assert "def app(:" in message
        assert message.splitlines()[-1].startswith("SyntaxError: ")
        assert "Traceback" not in message

    def test_syntax_error_in_an_import(self, refusal: Callable[..., str], write: Write) -> None:
        write("broken.py", "def f(:\n")
        message = refusal("main:app", "import broken\n")
        assert 'main.py", line 1' in message
        assert 'broken.py", line 1' in message

    def test_null_bytes(self, refusal: Callable[..., str]) -> None:
        assert "cannot load main:app: " in refusal("main:app", "\0")

    def test_interrupt_is_not_an_error_of_the_application(
        self, loaded: Callable[..., Loaded]
    ) -> None:
        with pytest.raises(KeyboardInterrupt):
            loaded("main:app", "raise KeyboardInterrupt\n")


class TestAttribute:
    def test_no_such_attribute(self, refusal: Callable[..., str]) -> None:
        assert refusal("main:ap", ASGI) == (
            'cannot load main:ap: main has no attribute "ap"; did you mean app?'
        )

    def test_another_usual_name(self, refusal: Callable[..., str]) -> None:
        assert refusal("main:app", WSGI) == (
            'cannot load main:app: main has no attribute "app"; did you mean main:application?'
        )

    def test_what_is_beside_the_application(self, refusal: Callable[..., str]) -> None:
        """The class of a framework, or a view."""
        for name in ("Site", "index"):
            main = f"class Site: pass\ndef index(): ...\n{ASGI}"
            message = refusal(f"main:{name}", main)
            assert message.startswith(f"main:{name} is not an application but a ")
            assert message.endswith(". Did you mean main:app?")

    def test_no_such_attribute_deeper(self, refusal: Callable[..., str]) -> None:
        message = refusal("main:site.ap", "class site:\n    app = None\n")
        assert 'main.site has no attribute "ap"; did you mean app?' in message

    def test_attribute_that_raises(self, refusal: Callable[..., str]) -> None:
        main = "class Site:\n    @property\n    def app(self): return self.nothing\nsite = Site()\n"
        message = refusal("main:site.app", main)
        assert "has no attribute 'nothing'" in message
        assert 'main.py", line 3' in message

    def test_module_getattr_that_fails(self, refusal: Callable[..., str]) -> None:
        message = refusal("main:app", "def __getattr__(name): return 1 / 0\n")
        assert message.startswith("cannot load main:app\n\nTraceback")
        assert message.endswith("ZeroDivisionError: division by zero")
        assert "ZeroDivisionError" in refusal("main")

    def test_bare_module_without_a_usual_name(self, refusal: Callable[..., str]) -> None:
        assert refusal("main", "x = 1\n") == (
            "cannot load main: it has none of app, application, create_app(), make_app(). "
            "Name it, as main:NAME"
        )
        assert "it has none of create_app(), make_app()" in refusal("main", factory=True)

    def test_bare_module_suggests_what_looks_like_an_application(
        self, refusal: Callable[..., str]
    ) -> None:
        main = (
            "import functools\n"
            "class Base:\n    def __call__(self, environ, start_response): ...\n"
            "api = Base()\nnot_one = 1\ndef helper(x): ...\n"
        )
        assert refusal("main", main).endswith("make_app(); did you mean main:api?")


class TestFactory:
    def test_raises(self, refusal: Callable[..., str], tmp_path: Path) -> None:
        message = refusal("main:f()", "def f():\n    raise RuntimeError('no database')\n")
        head, _, trace = message.partition("\n\n")
        assert head == "cannot load main:f(): the factory failed"
        assert trace.splitlines()[1] == f'  File "{tmp_path}/main.py", line 2, in f'
        assert trace.endswith("RuntimeError: no database")
        assert trace.count("File ") == 1

    def test_type_error_of_its_own(self, refusal: Callable[..., str]) -> None:
        message = refusal("main:f()", "def f():\n    return len(1)\n")
        assert "the factory failed" in message
        assert 'main.py", line 2, in f' in message

    def test_takes_arguments(self, refusal: Callable[..., str]) -> None:
        message = refusal("main:f()", "def f(config): ...\n")
        assert "the factory cannot be called without arguments: " in message
        assert "'config'" in message

    @pytest.mark.parametrize(
        ("target", "factory", "left_out"),
        [("main:app", True, "--factory"), ("main:app()", False, "()")],
    )
    def test_is_the_application(
        self, refusal: Callable[..., str], target: str, factory: bool, left_out: str
    ) -> None:
        assert refusal(target, ASGI, factory=factory) == (
            f"cannot load main:app(): main:app is an application itself; leave {left_out} out"
        )

    def test_exits(self, refusal: Callable[..., str]) -> None:
        assert "SystemExit: 4" in refusal("main:f()", "def f(): raise SystemExit(4)\n")

    def test_is_no_factory(self, refusal: Callable[..., str]) -> None:
        assert "a int is no factory to call" in refusal("main:f()", "f = 1\n")

    def test_returns_nothing(self, refusal: Callable[..., str]) -> None:
        assert refusal("main:f()", "def f(): ...\n") == (
            "the result of main:f() is not an application: an object of the type NoneType "
            "cannot be called"
        )

    def test_returns_another_factory(self, refusal: Callable[..., str]) -> None:
        message = refusal("main:f()", "def f(): return lambda: None\n")
        assert "the result of main:f() is not an application but a callable" in message

    def test_is_async(self, refusal: Callable[..., str]) -> None:
        message = refusal("main:f()", "async def f(): ...\n")
        assert "a factory must be a plain function, not async" in message

    def test_forgotten_parentheses(self, refusal: Callable[..., str]) -> None:
        message = refusal("main:f", "def f(): ...\n")
        assert message == (
            "main:f is not an application but a callable that takes no arguments. "
            "If it makes the application, write () after its name or give --factory"
        )
