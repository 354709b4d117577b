"""Nothing that is shown tells a password."""

from __future__ import annotations

import pytest

from barrido.sdk.addresses import without_secrets


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://ann:s3cret@mlflow.example.com:5000/x", "http://***@mlflow.example.com:5000/x"),
        ("https://s3cret@mlflow.example.com", "https://***@mlflow.example.com"),
        ("https://ann:s3@cret@mlflow.example.com", "https://***@mlflow.example.com"),
        ("postgresql+psycopg2://ann:s3/cr?e#t@db/mlflow", "postgresql+psycopg2://***@db/mlflow"),
        ("mysql://db/mlflow?user=ann&password=s3cret", "mysql://db/mlflow?user=ann&password=***"),
        (
            "https://mlflow.example.com/?Access_Token=s3cret#x",
            "https://mlflow.example.com/?Access_Token=***#x",
        ),
    ],
)
def test_secrets_in_an_address_are_hidden(address: str, shown: str) -> None:
    assert without_secrets(address) == shown


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:5000",
        "http://[::1]:5000/a@b",
        "sqlite:////home/ann@work/mlflow.db",
        "file:///home/ann@work/mlruns",
        "./mlruns",
        "databricks",
    ],
)
def test_an_address_without_secrets_is_shown_as_it_is(address: str) -> None:
    assert without_secrets(address) == address
