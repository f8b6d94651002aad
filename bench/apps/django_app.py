"""A Django WSGI application with one view and no middleware that needs a database."""

# The frameworks are installed with the rivals, not where the types are checked.
# mypy: disable-error-code="import-not-found,import-untyped,untyped-decorator,misc"

from __future__ import annotations

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["*"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="only for the benchmark",
)


def item(request: HttpRequest, item_id: int) -> JsonResponse:
    """The parameter as JSON."""
    return JsonResponse({"id": item_id})


urlpatterns = [path("items/<int:item_id>", item)]
app = get_wsgi_application()
