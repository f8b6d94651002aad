"""Autobahn's suite, the cases that are quick; ``make autobahn`` runs all."""

from __future__ import annotations

import os

import pytest

from tests.kit import serve
from tests.kit.process import ROOT
from tests.websocket.autobahn import QUICK, faults, find_python, install, run, url_of
from tests.websocket.conftest import APP


@pytest.mark.skipif(find_python() is None, reason="the suite needs a Python 2.7")
@pytest.mark.skipif(os.environ.get("PROCESS_TESTS") == "second", reason="once is enough")
def test_quick_cases() -> None:
    python = find_python()
    assert python is not None
    install(python)
    with serve(APP, app_dir=ROOT) as server:
        results = run(python, url_of(server, "ws"), QUICK, deadline=120)
    assert len(results) > 240
    assert faults(results) == {}
