"""dpkg and dpkg-query: what is installed."""

from __future__ import annotations

import re

from tests.doubles.hosts.arguments import parse
from tests.doubles.hosts.calls import Call, Exit, Violation
from tests.doubles.hosts.host import Host
from tests.doubles.hosts.packages import compare
from tests.doubles.hosts.server import command

_FORMAT = "${binary:Package}\t${Version}\n"


@command("dpkg-query")
def dpkg_query(host: Host, call: Call) -> int:
    given = parse(call.arguments, ("-W/--show", "-l/--list", "-s/--status"), ("-f/--showformat",))
    if given.has("-s"):
        return _status(host, call, given.words)
    form = given.get("-f", _FORMAT) if given.has("-W") else "ii  ${Package} ${Version} amd64\n"
    return _show(host, call, form, given.words)


@command("dpkg")
def dpkg(host: Host, call: Call) -> int:
    words = call.arguments
    match words:
        case ("--print-architecture",):
            call.out("amd64\n")
            return 0
        case ("--configure", "-a"):
            return 0
        case ("--audit",) | ("-C",):
            return 0
        case ("-l", *names) | ("--list", *names):
            return _show(host, call, "ii  ${Package} ${Version} amd64\n", names)
        case ("-s", *names) | ("--status", *names):
            return _status(host, call, names)
        case ("--compare-versions", left, relation, right):
            order = compare(left, right)
            holds = {
                "lt": order < 0,
                "le": order <= 0,
                "eq": order == 0,
                "ne": order != 0,
                "ge": order >= 0,
                "gt": order > 0,
            }
            return 0 if holds[relation] else 1
        case ("--get-selections", *_):
            held = host.packages.holds
            call.out(
                "".join(
                    f"{name}\t{'hold' if name in held else 'install'}\n" for name in sorted(host.packages.installed)
                )
            )
            return 0
    raise Violation(f"the model knows no dpkg {' '.join(words)}")


def _show(host: Host, call: Call, form: str, names: list[str]) -> int:
    installed = host.packages.installed
    missing = [name for name in names if name not in installed]
    for name in names or sorted(installed):
        if name in installed:
            call.out(_formatted(host, form, name))
    if missing:
        raise Exit(1, "\n".join(f"dpkg-query: no packages found matching {name}" for name in missing))
    return 0


def _formatted(host: Host, form: str, name: str) -> str:
    want = "hold" if name in host.packages.holds else "install"
    values = {
        "Package": name,
        "binary:Package": name,
        "Version": host.packages.installed[name],
        "Architecture": "amd64",
        "Status": f"{want} ok installed",
        "db:Status-Status": "installed",
        "db:Status-Want": want,
        "db:Status-Abbrev": "hi " if want == "hold" else "ii ",
    }

    def value(found: re.Match[str]) -> str:
        if found[1] not in values:
            raise Violation(f"the model knows no field {found[1]} of a package")
        return values[found[1]]

    text = form.replace("\\n", "\n").replace("\\t", "\t")
    return re.sub(r"\$\{([^}]+)\}", value, text)


def _status(host: Host, call: Call, names: list[str]) -> int:
    for name in names:
        if name not in host.packages.installed:
            raise Exit(1, f"dpkg-query: package '{name}' is not installed and no information is available")
        call.out(_formatted(host, "Package: ${Package}\nStatus: ${Status}\nVersion: ${Version}\n", name))
    return 0
