"""curl, and gpg for the keys that it fetches."""

from __future__ import annotations

import re

from tests.doubles.hosts import catalogue
from tests.doubles.hosts.arguments import Arguments, parse
from tests.doubles.hosts.calls import Call, Exit, Violation
from tests.doubles.hosts.host import Host
from tests.doubles.hosts.server import command
from tests.doubles.hosts.web import Request, Response, Unreachable, ask

_CURL_FLAGS = (
    "-f/--fail", "-s/--silent", "-S/--show-error", "-L/--location",
    "-I/--head", "-k/--insecure", "-O/--remote-name", "-v/--verbose", "-4/--ipv4",
    "--retry-connrefused", "--retry-all-errors", "--tlsv1.2", "--compressed",
    "--fail-with-body", "-g/--globoff", "--no-progress-meter", "--create-dirs",
)  # fmt: skip
_CURL_OPTIONS = (
    "-o/--output", "--retry", "--retry-delay", "--retry-max-time",
    "--connect-timeout", "-m/--max-time", "-w/--write-out", "-X/--request", "--cacert",
    "--cert/-E", "--key", "-H/--header", "-d/--data", "--data-binary",
    "-T/--upload-file", "-K/--config", "--proto", "--proto-redir", "--url",
    "--noproxy", "-A/--user-agent", "--resolve", "-D/--dump-header",
)  # fmt: skip


@command("curl")
def curl(host: Host, call: Call) -> int:
    given = parse(_with_config(call), _CURL_FLAGS, _CURL_OPTIONS)
    urls = [*given.words, *given.all("--url")]
    if not urls:
        raise Exit(2, "curl: (2) no URL specified")
    if not (given.has("-m") or given.has("--connect-timeout")):
        raise Violation("curl without --max-time or --connect-timeout may wait for ever")
    for number, url in enumerate(urls):
        try:
            response = ask(host, _request(call, given, url))
        except Unreachable as why:
            raise Exit(
                why.code, "" if given.has("-s") and not given.has("-S") else f"curl: ({why.code}) {why}"
            ) from why
        _tell(host, call, given, response, number, url)
        if response.status >= 400 and (given.has("-f") or given.has("--fail-with-body")):
            raise Exit(22, f"curl: (22) The requested URL returned error: {response.status}")
    return 0


def _with_config(call: Call) -> list[str]:
    """``-K -`` is how a secret stays out of the arguments."""
    words = list(call.arguments)
    if "-K" not in words and "--config" not in words:
        return words
    at = words.index("-K" if "-K" in words else "--config")
    if words[at + 1] != "-":
        raise Violation("curl's configuration comes on stdin")
    del words[at : at + 2]
    for line in call.stdin().decode().splitlines():
        found = re.fullmatch(r'\s*([a-z-]+)\s*(?:[=: ]\s*"?(.*?)"?)?\s*', line)
        if found and found[1]:
            words += [f"--{found[1]}", *([found[2].replace('\\"', '"')] if found[2] else [])]
    return words


def _request(call: Call, given: Arguments, url: str) -> Request:
    body = None
    if given.has("-T"):
        body = _content(call, given.get("-T"))
    elif given.has("--data-binary") or given.has("-d"):
        text = given.get("--data-binary") or given.get("-d")
        body = _content(call, text[1:]) if text.startswith("@") else text.encode()
    method = given.get("-X") or (
        "HEAD" if given.has("-I") else "PUT" if given.has("-T") else "POST" if body is not None else "GET"
    )
    headers = {}
    for header in given.all("-H"):
        name, _, value = header.partition(":")
        headers[name.strip()] = value.strip()
    return Request(
        method,
        url,
        headers,
        body,
        insecure=given.has("-k"),
        ca=given.get("--cacert"),
        certificate=given.get("--cert"),
        key=given.get("--key"),
    )


def _content(call: Call, name: str) -> bytes | str:
    """A file's name stays a name, since it is read on the host."""
    return call.stdin() if name == "-" else name


def _tell(host: Host, call: Call, given: Arguments, response: Response, number: int, url: str) -> None:
    failed = response.status >= 400 and given.has("-f")
    if given.has("-I"):
        call.out(f"HTTP/2 {response.status} \r\n\r\n")
    elif not failed and given.has("-O"):
        host.write(f"{call.command.cwd}/{url.rpartition('/')[2]}", response.body)
    elif not failed and (targets := given.all("-o")):
        target = targets[min(number, len(targets) - 1)]
        if target == "-":
            call.out(response.body)
        elif target != "/dev/null":
            path = target if target.startswith("/") else f"{call.command.cwd}/{target}"
            host.write(path, response.body, mode_of(host, call, path))
            call.changed(f"download {target}")
    elif not failed:
        call.out(response.body)
    form = given.get("-w").replace("\\n", "\n")
    call.out(form.replace("%{http_code}", str(response.status)).replace("%{response_code}", str(response.status)))


@command("gpg")
def gpg(host: Host, call: Call) -> int:
    given = parse(
        call.arguments,
        (
            "--dearmor/--dearmour",
            "--yes",
            "--batch",
            "--no-tty",
            "--quiet/-q",
            "--show-keys",
            "--with-colons",
            "--with-fingerprint",
            "--no-default-keyring",
            "--no-options",
        ),
        ("--output/-o", "--homedir"),
    )
    data = host.path(given.words[0]).read_bytes() if given.words else call.stdin()
    if given.has("--show-keys"):
        key = catalogue.key_in(catalogue.dearmored(data) if data.startswith(b"-----") else data)
        if key is None:
            raise Exit(2, "gpg: no valid OpenPGP data found.")
        call.out(
            f"pub:-:4096:1:{key.fingerprint[-16:]}:1487788586:::-:::scSC::::::23::0:\nfpr:::::::::{key.fingerprint}:\nuid:-::::1487792064::::{key.uid}::::::::::0:\n"
        )
        return 0
    if not given.has("--dearmor"):
        raise Violation("the model's gpg reads keys only")
    try:
        binary = catalogue.dearmored(data)
    except ValueError as error:
        raise Exit(2, f"gpg: {error}\ngpg: dearmoring failed: invalid packet") from error
    target = given.get("--output")
    if not target or target == "-":
        call.out(binary)
        return 0
    if host.exists(target) and not given.has("--yes"):
        raise Exit(2, f"gpg: File '{target}' exists. Overwrite? (y/N) gpg: signal Interrupt caught ... exiting")
    if not host.exists(target) or host.path(target).read_bytes() != binary:
        call.changed(f"write {target}")
    host.write(target, binary, mode_of(host, call, target))
    return 0


def mode_of(host: Host, call: Call, path: str) -> int:
    """A file that is there keeps its mode."""
    return host.path(path).stat().st_mode & 0o777 if host.exists(path) else call.file_mode()
