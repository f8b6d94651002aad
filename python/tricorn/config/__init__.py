"""Configuration: each setting declared once, read from four sources into one frozen object."""

from __future__ import annotations

from tricorn.config.model import Config

__all__ = ["Config"]
