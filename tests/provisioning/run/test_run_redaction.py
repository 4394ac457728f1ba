"""No secret reaches the journal, the event log, the screen or the plan."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.run import Action, Options, Phase, Redactor, Retry, Settings, Step
from provisioning.run.redaction import HIDDEN
from tests.provisioning.run.world import command

# Made up here; none of them opens anything.
PASSWORD = 'Tr0ub4dor&"3\n{second line of it}'
BOOTSTRAP = "abcdef.0123456789abcdef"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7\nq83vASNFZ4mrze8=\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"kubeadm join 10.0.1.10:6443 --token {BOOTSTRAP}", BOOTSTRAP),
        (f"found {BOOTSTRAP},", BOOTSTRAP),
        ("key AKIAIOSFODNN7EXAMPLE ok", "AKIAIOSFODNN7EXAMPLE"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "ghp_abcdefghijklmnopqrstuvwxyz0123456789"),
        ("OPENAI sk-proj-abcdefghijklmnop1234", "sk-proj-abcdefghijklmnop1234"),
        ("Authorization: Bearer abc.def-ghi_jkl", "abc.def-ghi_jkl"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "eyJzdWIiOiIxIn0"),
        ("amqp://eco2:hunter22@rabbitmq:5672/", "hunter22"),
        ("redis://:hunter22@redis:6379", "hunter22"),
        ('{"password": "hunter22", "user": "eco2"}', "hunter22"),
        ("POSTGRES_PASSWORD=hunter22 psql", "hunter22"),
        ("--certificate-key " + "0f" * 32, "0f" * 32),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG", "wJalrXUtnFEMI"),
        (PEM, "MIIEowIBAAKCAQEA7"),
        (PEM[:60], "MIIEowIBAAKCAQEA7"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, secret: str) -> None:
    clean = Redactor().text(text)

    assert secret not in clean
    assert HIDDEN in clean


@pytest.mark.parametrize(
    "text",
    [
        "ip-10-0-1-10.ap-northeast-2.compute.internal",
        "registry.k8s.io/pause:3.10.1",
        "sha256:" + "ab" * 32,
        "2026-01-02T03:04:05.678901Z",
        "https://pkgs.k8s.io/core:/stable:/v1.34/deb/",
        "-----BEGIN CERTIFICATE-----",
        "make the bootstrap token",
        "노드 13개",
    ],
)
def test_what_only_resembles_one_is_left_as_it_is(text: str) -> None:
    assert Redactor().text(text) == text


def test_a_registered_secret_is_hidden_in_every_form(tmp_path: Path) -> None:
    redactor = Redactor([PASSWORD])
    forms = [
        PASSWORD,
        base64.b64encode(PASSWORD.encode()).decode(),
        quote(PASSWORD, safe=""),
        json.dumps(PASSWORD)[1:-1],
        *PASSWORD.splitlines(),
    ]

    for form in forms:
        assert redactor.text(f"before {form} after") == f"before {HIDDEN} after"


def test_of_two_secrets_the_longer_is_hidden_whole() -> None:
    assert Redactor(["secret-word", "secret-word-and-more"]).text("secret-word-and-more") == HIDDEN


def test_a_word_too_short_to_be_a_secret_is_refused_without_being_repeated() -> None:
    with pytest.raises(ValueError, match="at least 6") as refused:
        Redactor(["abc12"])
    assert "abc12" not in str(refused.value)


@given(st.text(min_size=6).filter(lambda text: len(text.strip()) >= 6 and text not in HIDDEN), st.text(), st.text())
def test_no_registered_secret_is_left_in_any_json_value(secret: str, before: str, after: str) -> None:
    clean = Redactor([secret]).clean(
        {"list": [before + secret + after], secret: {"deep": secret}, "n": 1, "none": None}
    )

    assert secret not in clean["list"][0].replace(HIDDEN, "\0")
    assert secret not in clean
    assert (clean["n"], clean["none"]) == (1, None)


def test_a_private_key_that_comes_line_by_line_is_hidden_to_its_end() -> None:
    clean = Redactor().lines()
    told = [clean(line) for line in ["before", *PEM.splitlines(), "after"]]

    assert told[0] == "before"
    assert told[-1] == "after"
    assert "MIIEowIBAAKCAQEA7" not in "".join(told)
    assert "q83vASNFZ4mrze8=" not in "".join(told)


class Talkative(Phase[None, Action]):
    """Says its secrets wherever it can, then fails with one."""

    name = "talk"
    title = "Talk"
    retry = Retry(attempts=2, first_s=0.001)

    def facts(self, step: Step) -> None:
        step.redactor.register(PASSWORD)
        step.say(f"facts {PASSWORD}")

    def plan(self, facts: None) -> Sequence[Action]:
        return [Action(id=f"say.{PASSWORD}", title=f"join with {BOOTSTRAP} and {PASSWORD}")]

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        step.say(PEM)
        step.say(f"PGPASSWORD=hunter22 psql {PASSWORD}")
        raise ConnectionError("x" * 1990 + PASSWORD + f" token {BOOTSTRAP}")


SECRETS = (*PASSWORD.splitlines(), BOOTSTRAP, "MIIEowIBAAKCAQEA7", "q83vASNFZ4mrze8=", "hunter22", "Tr0ub4d")


@pytest.mark.parametrize("options", [Options(), Options(json=True), Options(plan=True), Options(plan=True, json=True)])
def test_a_phase_that_says_its_secrets_everywhere_leaks_none_of_them(tmp_path: Path, options: Options) -> None:
    heard = command(tmp_path, [Talkative()], Settings())
    heard.command.perform(options)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]

    assert len(files) == (0 if options.plan else 3)
    for place in [heard.text, *(path.read_text() for path in files)]:
        assert [secret for secret in SECRETS if secret in place] == []
    assert HIDDEN in heard.text
