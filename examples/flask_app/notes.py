"""A notebook in Flask: a form with a session, a stream, a file upload and a download."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator

from flask import Flask, Response, flash, redirect, render_template, request, send_file, url_for
from werkzeug.wrappers import Response as AnyResponse


def create_app() -> Flask:
    """An empty notebook, kept in memory."""
    app = Flask(__name__)
    app.secret_key = "an example has no secrets"
    notes: list[str] = []

    @app.get("/")
    def show() -> str:
        return render_template("notes.html", notes=notes)

    @app.post("/")
    def add() -> AnyResponse:
        notes.append(request.form["text"])
        flash("Added.")
        return redirect(url_for("show"))

    @app.get("/stream")
    def stream() -> Response:
        def lines() -> Iterator[str]:
            for number in range(1000):
                yield f"{number}\n"

        return Response(lines(), mimetype="text/plain")

    @app.get("/notes.txt")
    def download() -> Response:
        text = "\n".join(notes).encode()
        return send_file(io.BytesIO(text), "text/plain", download_name="notes.txt")

    @app.get("/source")
    def source() -> Response:
        return send_file(__file__, "text/x-python", conditional=True)

    @app.post("/digest")
    def digest() -> dict[str, object]:
        content = request.files["file"].stream.read()
        return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}

    return app
