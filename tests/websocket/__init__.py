"""WebSocket over real connections: frames, closes, pressure, and the suite of the field."""
