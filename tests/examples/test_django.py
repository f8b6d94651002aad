"""The Django example over WSGI and over ASGI: admin, static files, upload."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.examples.conftest import Visit
from tests.kit.process import ROOT

SITE = ROOT / "examples" / "django_site"
PASSWORD = "correct horse"
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


@pytest.fixture(scope="module", params=["wsgi", "asgi"])
def library(
    visit: Visit, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    """The site with a new database and one superuser, served over one interface."""
    database = {"DJANGO_DATABASE": str(tmp_path_factory.mktemp("django") / "library.sqlite3")}
    manage(database, "migrate", "--verbosity", "0")
    user = ("--noinput", "--username", "ada", "--email", "ada@example.test")
    manage({**database, "DJANGO_SUPERUSER_PASSWORD": PASSWORD}, "createsuperuser", *user)
    app = f"library.{request.param}:application"
    with visit(app, str(SITE.relative_to(ROOT)), env=database) as client:
        yield client


def manage(env: dict[str, str], *arguments: str) -> None:
    """Run one of Django's commands on the site."""
    command = [sys.executable, str(Path("manage.py")), *arguments]
    subprocess.run(command, cwd=SITE, env={**os.environ, **env}, check=True, capture_output=True)


def submit(client: httpx.Client, path: str, **values: str) -> httpx.Response:
    """Fill in the form at ``path``: take its token, post ``values``, follow the redirect."""
    token = TOKEN.search(client.get(path).text)
    assert token is not None, f"no form at {path}"
    form = {"csrfmiddlewaretoken": token[1], **values}
    return client.post(path, data=form, follow_redirects=True)


def test_admin(library: httpx.Client) -> None:
    """Log in through the form, add a book, see it in the list and on the public page."""
    inside = submit(library, "/admin/login/?next=/admin/", username="ada", password=PASSWORD)
    assert inside.url.path == "/admin/"
    assert "Log out" in inside.text

    added = submit(library, "/admin/books/book/add/", title="Notes", author="Ada Lovelace")
    assert "was added successfully" in added.text
    assert library.get("/books/").json() == {"books": ["Notes by Ada Lovelace"]}


def test_wrong_password(library: httpx.Client) -> None:
    """The form comes back with Django's message."""
    library.cookies.clear()

    refused = submit(library, "/admin/login/?next=/admin/", username="ada", password="wrong")

    assert "Please enter the correct username" in refused.text


def test_form_without_a_token(library: httpx.Client) -> None:
    """Django's own protection answers 403."""
    library.cookies.clear()

    assert library.post("/admin/login/", data={"username": "ada"}).status_code == 403


@pytest.mark.parametrize("path", ["/static/admin/css/base.css", "/static/books/site.css"])
def test_static_file(library: httpx.Client, path: str) -> None:
    """The admin's own style and ours, a 304 for a file that has not changed."""
    response = library.get(path)

    assert response.headers["content-type"].startswith("text/css")
    assert response.content
    seen = {"If-Modified-Since": response.headers["last-modified"]}
    assert library.get(path, headers=seen).status_code == 304


def test_static_file_that_is_not_there(library: httpx.Client) -> None:
    """A 404 from the static files handler."""
    assert library.get("/static/none.css").status_code == 404


def test_asynchronous_view(library: httpx.Client) -> None:
    """A coroutine view answers on both interfaces."""
    assert set(library.get("/slow/").json()) == {"books"}


def test_upload_of_20_megabytes(library: httpx.Client) -> None:
    """A large file goes through Django's upload handlers unharmed."""
    content = os.urandom(1_000_000) * 20

    response = library.post("/upload/", files={"file": ("big.bin", content)})

    assert response.json() == {
        "name": "big.bin",
        "size": 20_000_000,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
