"""Datasette, unmodified, over a small SQLite database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from tests.examples.conftest import Visit

PLANTS = [(number, f"plant {number}", number * 1.5) for number in range(1, 251)]


@pytest.fixture(scope="module")
def datasette(visit: Visit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Datasette over a table of 250 plants."""
    path = tmp_path_factory.mktemp("datasette") / "garden.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("create table plants (id integer primary key, name text, height real)")
        database.executemany("insert into plants values (?, ?, ?)", PLANTS)
        database.commit()
    app = "tests.examples.datasette_sample:make_app"
    with visit(app, ".", "--factory", env={"SAMPLE_DATABASE": str(path)}) as client:
        yield client


def test_pages(datasette: httpx.Client) -> None:
    """The front page, the database, the table and one row."""
    assert "garden" in datasette.get("/").text
    assert "plants" in datasette.get("/garden").text
    assert "plant 7" in datasette.get("/garden/plants").text
    assert "plant 200" in datasette.get("/garden/plants/200").text


def test_json(datasette: httpx.Client) -> None:
    """A filtered table as JSON."""
    answer = datasette.get("/garden/plants.json", params={"name": "plant 9", "_shape": "array"})

    assert answer.json() == [{"id": 9, "name": "plant 9", "height": 13.5}]


def test_query(datasette: httpx.Client) -> None:
    """A query of the client's own."""
    sql = "select count(*) as n, max(height) as tallest from plants"

    answer = datasette.get("/garden.json", params={"sql": sql, "_shape": "array"})

    assert answer.json() == [{"n": 250, "tallest": 375.0}]


def test_streamed_csv(datasette: httpx.Client) -> None:
    """Every row as CSV, streamed page by page."""
    answer = datasette.get("/garden/plants.csv", params={"_stream": "on", "_size": "100"})

    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text.splitlines()[0] == "id,name,height"
    assert len(answer.text.splitlines()) == 251


def test_static_file(datasette: httpx.Client) -> None:
    """Datasette's own style sheet."""
    front = datasette.get("/").text
    start = front.index("/-/static/app.css")
    path = front[start : front.index('"', start)]

    assert datasette.get(path).headers["content-type"].startswith("text/css")


def test_download_of_the_database(datasette: httpx.Client) -> None:
    """A not found page, then the whole file."""
    assert datasette.get("/none").status_code == 404
    assert datasette.get("/garden.db").content.startswith(b"SQLite format 3\0")
