"""`djangorestframework-api-key` on SQLite: its permission class on a request. It has no limit."""

from types import SimpleNamespace

import django
from django.conf import settings
from django.core.management import call_command
from django.db import transaction

from bench.peers.subject import Subject


def open_on(backend: str, _limit: int) -> Subject:
    """The permission `HasAPIKey`."""
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": backend}},
        INSTALLED_APPS=["rest_framework", "rest_framework_api_key"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
    )
    django.setup()
    from rest_framework_api_key.models import APIKey  # noqa: PLC0415 (models are there once Django is set up)
    from rest_framework_api_key.permissions import HasAPIKey  # noqa: PLC0415

    permission = HasAPIKey()

    def create(count: int) -> list[str]:
        call_command("migrate", verbosity=0)
        with transaction.atomic():
            return [APIKey.objects.create_key(name="bench")[1] for _ in range(count)]

    def call(key: str) -> bool:
        request = SimpleNamespace(META={"HTTP_AUTHORIZATION": f"Api-Key {key}"})
        return bool(permission.has_permission(request, None))

    return Subject(call=call, create=create)
