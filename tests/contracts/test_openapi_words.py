"""Every HTTP operation says in a sentence what it does."""

import pytest

from lantoa_cli import openapi


@pytest.fixture(scope="module")
def services():
    return openapi.documents()


def test_every_operation_is_described(services):
    silent = [
        f"{method} {path}"
        for document in services.values()
        for path, method, operation in openapi.operations(document)
        if not operation.get("description")
    ]
    assert silent == []
