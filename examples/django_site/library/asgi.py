"""The ASGI entry point; static files are served by Django itself."""

from __future__ import annotations

import os

from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "library.settings")
application = ASGIStaticFilesHandler(get_asgi_application())
