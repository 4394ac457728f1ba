"""A setting that is missing or wrong is named, with the variable that would set it."""

from pathlib import Path

import pytest

from services.kernel.config import Config, ConfigError, load
from services.kernel.database import pool
from services.kernel.migrations import owners_url

GIVEN = {
    "ECO2_AMQP_URL": "amqp://u:p@127.0.0.1:1//",
    "ECO2_DATABASE_URL": "postgresql://u:p@127.0.0.1:1/eco2",
    "ECO2_REDIS_URL": "redis://:p@127.0.0.1:1/0",
    "ECO2_S3_URL": "http://k:s@127.0.0.1:1/eco2-images",
    "ECO2_CDN_URL": "http://127.0.0.1:1/eco2-images",
    "ECO2_STATE_DIR": "state",
    "ECO2_CACHE_DIR": "cache",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("ECO2_CONFIG", raising=False)
    return monkeypatch


def refused(*expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load()
    for text in expected:
        assert text in str(caught.value)


def test_the_defaults_are_complete() -> None:
    assert isinstance(load(), Config)


def test_the_environment_goes_before_the_file_and_the_file_before_the_defaults(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "eco2.yaml"
    file.write_text("rpc_timeout_s: 7\nmax_workers: 5\n")
    environment.setenv("ECO2_CONFIG", str(file))
    environment.setenv("ECO2_MAX_WORKERS", "9")
    environment.setenv("ECO2_IMAGES__MAX_BYTES", "4096")

    settings = load()

    assert (settings.max_workers, settings.rpc_timeout_s, settings.drain_s) == (9, 7, 15)
    assert settings.images.max_bytes == 4096
    assert settings.images.max_side_px == 2048


def test_every_missing_setting_is_named(environment: pytest.MonkeyPatch) -> None:
    """Guards W16: a process whose settings nobody has made says which, and does not start."""
    environment.delenv("ECO2_AMQP_URL")
    environment.delenv("ECO2_S3_URL")

    refused("amqp_url (environment: ECO2_AMQP_URL): Field required", "s3_url (environment: ECO2_S3_URL)")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ECO2_DATABASE_URL", "mysql://x"),
        ("ECO2_MAX_WORKERS", "many"),
        ("ECO2_MAX_WORKERS", "0"),
        ("ECO2_HTTP_PORT", "70000"),
        ("ECO2_AI__THRESHOLD", "1.5"),
        ("ECO2_LOG_LEVEL", "LOUD"),
    ],
)
def test_a_wrong_setting_is_named(environment: pytest.MonkeyPatch, variable: str, value: str) -> None:
    environment.setenv(variable, value)

    refused(f"environment: {variable}")


def test_an_unknown_setting_in_a_file_is_named(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "eco2.yaml"
    environment.setenv("ECO2_CONFIG", str(file))

    file.write_text("rpc_timeouts: 7\n")
    refused("eco2.yaml", "rpc_timeouts")
    file.write_text("images: {max_byte: 7}\n")
    refused("images.max_byte")
    file.write_text("- a list\n")
    refused("a mapping of settings")
    environment.setenv("ECO2_CONFIG", "/nowhere.yaml")
    refused("/nowhere.yaml")


def test_secrets_are_not_in_what_an_error_says(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ECO2_DATABASE_URL", "postgres//u:topsecret@host/x")

    with pytest.raises(ConfigError) as caught:
        load()
    assert "topsecret" not in str(caught.value)


def test_the_key_of_the_models_is_taken_by_its_usual_name_and_never_shown(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("OPENAI_API_KEY", "sk-secret")

    settings = load()

    assert settings.openai_api_key is not None
    assert settings.openai_api_key.get_secret_value() == "sk-secret"
    assert "sk-secret" not in repr(settings)


def test_a_process_may_be_told_that_it_has_no_database_and_one_that_needs_it_says_so(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("ECO2_DATABASE_URL", "none")

    settings = load()

    assert settings.database_url is None
    with pytest.raises(ConfigError, match="ECO2_DATABASE_URL is none"):
        pool(settings, "waste")
    with pytest.raises(ConfigError, match="ECO2_DATABASE_URL"):
        owners_url(settings)
