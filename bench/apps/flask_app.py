"""A Flask route with a parameter that answers JSON."""

# The frameworks are installed with the rivals, not where the types are checked.
# mypy: disable-error-code="import-not-found,import-untyped,untyped-decorator,misc"

from __future__ import annotations

from flask import Flask, Response, jsonify

app = Flask(__name__, static_folder=None)


@app.get("/items/<int:item_id>")
def item(item_id: int) -> Response:
    """The parameter as JSON."""
    return jsonify(id=item_id)
