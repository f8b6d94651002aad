"""The pages that are not the admin: a list, a coroutine, an upload."""

from __future__ import annotations

import asyncio
import hashlib

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from books.models import Book


def index(request: HttpRequest) -> JsonResponse:
    """Every book."""
    return JsonResponse({"books": [str(book) for book in Book.objects.order_by("title")]})


async def slow(request: HttpRequest) -> JsonResponse:
    """An asynchronous view; it runs on both interfaces."""
    await asyncio.sleep(0.01)
    return JsonResponse({"books": await Book.objects.acount()})


@csrf_exempt  # the example is called by programs, which carry no token
@require_POST
def upload(request: HttpRequest) -> JsonResponse:
    """Take a file in pieces and tell its size in bytes and its digest."""
    file = request.FILES["file"]
    assert isinstance(file, UploadedFile)
    digest, size = hashlib.sha256(), 0
    for piece in file.chunks():
        digest.update(piece)
        size += len(piece)
    return JsonResponse({"name": file.name, "size": size, "sha256": digest.hexdigest()})
