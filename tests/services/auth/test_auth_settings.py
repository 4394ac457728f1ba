"""The settings of letters and providers: from the environment, checked, and never shown."""

import json
from typing import Any

import pytest

from services.kernel.config import ConfigError, load
from tests.stack import _environment


def settings(stack: Any, **more: str) -> Any:
    with _environment({**stack.settings, "ECO2_HTTP_PORT": "1", **more}):
        return load()


def test_letters_become_files_and_no_provider_is_offered_unless_configured(stack: Any) -> None:
    defaults = settings(stack)

    assert defaults.mail.transport == "file"
    assert all(getattr(defaults.oauth, name).client_id is None for name in ("google", "kakao", "naver"))


def test_secrets_come_from_the_environment_and_are_never_shown(stack: Any) -> None:
    given = settings(
        stack,
        ECO2_MAIL__TRANSPORT="smtp",
        ECO2_MAIL__HOST="mail.example",
        ECO2_MAIL__USER="mailer",
        ECO2_MAIL__PASSWORD="mail secret",
        ECO2_OAUTH__KAKAO__CLIENT_ID="kakao id",
        ECO2_OAUTH__KAKAO__CLIENT_SECRET="kakao secret",
        ECO2_OAUTH__RETURN_TO=json.dumps(["https://a.example/", "https://b.example/x"]),
    )

    assert (given.mail.host, given.mail.port, given.mail.security) == ("mail.example", 587, "starttls")
    assert given.mail.password.get_secret_value() == "mail secret"
    assert given.oauth.kakao.client_secret.get_secret_value() == "kakao secret"
    assert str(given.oauth.kakao.token_url) == "https://kauth.kakao.com/oauth/token"
    assert len(given.oauth.return_to) == 2
    assert "secret" not in repr(given).replace("client_secret", "").replace("kakao_secret", "")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ECO2_MAIL__TRANSPORT", "pigeon"),
        ("ECO2_MAIL__SECURITY", "maybe"),
        ("ECO2_MAIL__SENDER", "no address"),
        ("ECO2_MAIL__SENDER", "a <a@b.kr>\nBcc: <c@d.kr>"),
        ("ECO2_OAUTH__RETURN_TO", "[]"),
        ("ECO2_OAUTH__RETURN_TO", '["not a page"]'),
        ("ECO2_OAUTH__GOOGLE__ISSUER", "accounts.google.com"),
        ("ECO2_AUTH__REVOCATION_LEASE_S", "60"),
        ("ECO2_AUTH__SIGN_IN__FREE_FAILURES", "0"),
    ],
)
def test_a_wrong_setting_is_named(stack: Any, variable: str, value: str) -> None:
    with pytest.raises(ConfigError, match=variable.rpartition("__")[2]):
        settings(stack, **{variable: value})
