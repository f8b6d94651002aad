"""The test suite that the page about embedding prints, as it is printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.kit.process import ROOT

APP = """\
async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"hello"})
"""


def test_a_live_server_in_a_test_suite(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "guide" / "embedding.md").read_text()
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert code and "async def test_" in code[1]
    (tmp_path / "main.py").write_text(APP)
    (tmp_path / "test_live.py").write_text(code[1])
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-W", "error", "-p", "no:cacheprovider", "test_live.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "python")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
