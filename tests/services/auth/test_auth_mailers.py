"""Letters leave: into a folder, or by SMTP as safely as configured."""

import email as parsing
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from services.auth.mailers import Files, MailError, Smtp
from services.kernel.config import Mail
from tests.services.auth.conftest import message
from tests.stack import ROOT

# Into a folder


def test_a_letter_is_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    Files(tmp_path / "mail").send(message("a@example.com"))

    [file] = (tmp_path / "mail").iterdir()
    assert file.suffix == ".eml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    read = parsing.message_from_bytes(file.read_bytes(), policy=default)
    assert (read["To"], read["From"]) == ("a@example.com", "이코에코 <no-reply@growbin.app>")
    assert "계정을 지웠습니다" in read["Subject"]


def test_a_folder_that_takes_no_file_is_an_error_that_may_pass(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("a file is in the way")

    with pytest.raises(MailError) as caught:
        Files(tmp_path / "mail").send(message())
    assert not caught.value.final


# By SMTP


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that vouches for itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "cert.pem", folder / "key.pem"
    files[0].write_bytes(made.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


@contextmanager
def mail_server(folder: Path, security: str, *certificate: Path) -> Iterator[int]:
    """Its port, until the block ends."""
    command = [sys.executable, "-m", "tests.services.auth.smtp_server", folder, security, *certificate]
    process = subprocess.Popen([str(word) for word in command], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def taken(folder: Path) -> list[Any]:
    files = sorted(folder.glob("*.eml"))
    return [parsing.message_from_bytes(file.read_bytes(), policy=default) for file in files]


def test_smtp_hands_a_letter_over(settings: Callable[..., Mail], tmp_path: Path) -> None:
    with mail_server(tmp_path, "none") as port:
        Smtp(settings(port=port)).send(message("a@example.com"))

    [letter] = taken(tmp_path)
    assert letter["X-Envelope-From"] == "no-reply@growbin.app"
    assert "기록을 지웠습니다" in letter.get_content()


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_smtp_is_encrypted_and_authenticated(
    settings: Callable[..., Mail], tmp_path: Path, certificate: tuple[Path, Path], security: str
) -> None:
    with mail_server(tmp_path, security, *certificate) as port:
        secret = SecretStr("mail secret")
        mail = settings(port=port, security=security, ca_file=certificate[0], user="mailer", password=secret)
        Smtp(mail).send(message())
        assert [letter["X-TLS"] for letter in taken(tmp_path)] == ["True"]

        with pytest.raises(MailError) as caught:
            Smtp(mail.model_copy(update={"password": SecretStr("wrong secret")})).send(message())
        assert not caught.value.final
        assert "wrong secret" not in str(caught.value)
    assert "mail secret" not in repr(mail)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_mail_server_that_nobody_vouches_for_gets_nothing(
    settings: Callable[..., Mail], tmp_path: Path, certificate: tuple[Path, Path], security: str
) -> None:
    with mail_server(tmp_path, security, *certificate) as port, pytest.raises(MailError, match="CERTIFICATE"):
        Smtp(settings(port=port, security=security)).send(message())
    assert taken(tmp_path) == []


def test_nothing_is_sent_in_the_clear_where_starttls_is_asked_for_and_not_offered(
    settings: Callable[..., Mail], tmp_path: Path
) -> None:
    with mail_server(tmp_path, "none") as port, pytest.raises(MailError):
        Smtp(settings(port=port, security="starttls")).send(message())
    assert taken(tmp_path) == []


@pytest.mark.parametrize(("recipient", "final"), [("gone-1@example.com", True), ("later-1@example.com", False)])
def test_a_refusal_is_final_when_the_server_says_so(
    settings: Callable[..., Mail], tmp_path: Path, recipient: str, final: bool
) -> None:
    with mail_server(tmp_path, "none") as port, pytest.raises(MailError) as caught:
        Smtp(settings(port=port)).send(message(recipient))
    assert caught.value.final is final


def test_a_server_that_hangs_or_is_not_there_is_given_up_in_time(settings: Callable[..., Mail], tmp_path: Path) -> None:
    with mail_server(tmp_path, "none") as port, pytest.raises(MailError):
        Smtp(settings(port=port, timeout_s=0.5)).send(message("hang-1@example.com"))
    with pytest.raises(MailError):
        Smtp(settings(port=1)).send(message())
