"""apt-get, apt-mark, apt-cache: with real sources, keyrings and pins, as strict as Debian's."""

from __future__ import annotations

import re

from tests.doubles.hosts import catalogue
from tests.doubles.hosts.arguments import Arguments, parse
from tests.doubles.hosts.calls import Call, Exit, Violation
from tests.doubles.hosts.host import Host
from tests.doubles.hosts.image import link_commands
from tests.doubles.hosts.installing import configured, removed
from tests.doubles.hosts.packages import compare
from tests.doubles.hosts.server import command
from tests.doubles.hosts.sources import Source, digest, sources

_FLAGS = (
    "-y/--yes/--assume-yes", "-q/--quiet",
    "--no-install-recommends", "--allow-change-held-packages", "--allow-downgrades",
    "--only-upgrade", "--purge", "--reinstall",
    "-f/--fix-broken", "--no-upgrade", "--download-only/-d", "-s/--simulate/--dry-run",
)  # fmt: skip
_NOISE = "Reading package lists...\nBuilding dependency tree...\nReading state information...\n"


@command("apt-get")
def apt_get(host: Host, call: Call) -> int:
    given = parse(call.arguments, _FLAGS, ("-o/--option", "-c", "-t"))
    verb, *names = given.words or [""]
    match verb:
        case "update":
            return _update(host, call)
        case "install":
            return _install(host, call, given, names)
        case "remove" | "purge":
            return _remove(host, call, given, names)
        case "clean" | "autoclean":
            return 0
        case "autoremove":
            _agreed(given)
            call.out(_NOISE + "0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n")
            return 0
        case "download" | "check":
            return 0
    raise Violation(f"apt-get {verb} would change more than what is pinned")


@command("apt-mark")
def apt_mark(host: Host, call: Call) -> int:
    given = parse(call.arguments, ("-q/--quiet",))
    verb, *names = given.words or [""]
    packages = host.packages
    if verb == "showhold":
        call.out("".join(f"{name}\n" for name in sorted(packages.holds)))
        return 0
    if verb not in ("hold", "unhold"):
        raise Violation(f"the model knows no apt-mark {verb}")
    for name in names:
        if name not in packages.installed and not packages.versions(name):
            raise Exit(100, f"E: Unable to locate package {name}\nE: No packages found")
        if (verb == "hold") == (name in packages.holds):
            call.out(f"{name} was already {'set on hold' if verb == 'hold' else 'not on hold'}.\n")
        elif verb == "hold":
            packages.holds.add(name)
            call.out(f"{name} set on hold.\n")
            call.changed(f"hold {name}")
        else:
            packages.holds.remove(name)
            call.out(f"Canceled hold on {name}.\n")
            call.changed(f"unhold {name}")
    return 0


@command("apt-cache")
def apt_cache(host: Host, call: Call) -> int:
    given = parse(call.arguments, ("-q/--quiet",))
    verb, *names = given.words or [""]
    for name in names:
        versions = host.packages.versions(name)[::-1]
        installed = host.packages.installed.get(name)
        if verb == "madison":
            call.out("".join(f"{name:>10} | {version} | (the double) Packages\n" for version in versions))
        elif verb == "policy":
            candidate = versions[0] if versions else "(none)"
            table = "".join(f" {'***' if version == installed else '   '} {version} 500\n" for version in versions)
            call.out(
                f"{name}:\n  Installed: {installed or '(none)'}\n  Candidate: {candidate}\n  Version table:\n{table}"
            )
        else:
            raise Violation(f"the model knows no apt-cache {verb}")
    return 0


@command("apt-config")
def apt_config(host: Host, call: Call) -> int:
    if call.arguments != ("dump",):
        raise Violation("the model knows apt-config dump only")
    call.out('APT::Architecture "amd64";\n')
    return 0


def _update(host: Host, call: Call) -> int:
    errors, lists, hits = [], {}, []
    for number, source in enumerate(sources(host), 1):
        found = catalogue.repository(source.uri, source.suite, source.component)
        if found is None:
            errors.append(f"E: The repository '{source.uri} {source.suite} Release' does not have a Release file.")
            continue
        if why := _untrusted(host, source, found):
            errors.append(f"W: GPG error: {source.uri} {source.suite} InRelease: {why}")
            errors.append(f"E: The repository '{source.uri} {source.suite} InRelease' is not signed.")
            continue
        lists[source.line] = found
        hits.append(
            f"{'Hit' if source.line in host.packages.lists else 'Get'}:{number} {source.uri} {source.suite} InRelease\n"
        )
    call.out("".join(hits) + "Reading package lists...\n")
    if errors:
        raise Exit(100, "\n".join(errors))
    # Fetching lists that are the same again changes nothing that anybody installs.
    if lists != host.packages.lists:
        call.changed("package lists")
    host.packages.lists = lists
    host.packages.sources_seen = digest(host)
    return 0


def _untrusted(host: Host, source: Source, found: catalogue.Repository) -> str:
    if found.key is None:
        return ""
    missing = f"the public key is not available: NO_PUBKEY {found.key.fingerprint[-16:]}"
    if not source.signed_by:
        return f"The following signatures couldn't be verified because {missing} (no Signed-By)"
    where = host.path(source.signed_by)
    if not where.is_file():
        return f"The following signatures couldn't be verified because {missing}"
    if not where.stat().st_mode & 0o004 or not where.parent.stat().st_mode & 0o001:
        return f"The key(s) in the keyring {source.signed_by} are ignored as the file is not readable by user '_apt'"
    data = where.read_bytes()
    armored = data.lstrip().startswith(catalogue.ARMOR.encode())
    if source.signed_by.endswith(".asc") != armored:
        return f"The key(s) in the keyring {source.signed_by} are ignored as the file has an unsupported filetype."
    try:
        key = catalogue.key_in(catalogue.dearmored(data) if armored else data)
    except ValueError:
        key = None
    return "" if key == found.key else f"The following signatures couldn't be verified because {missing}"


def _install(host: Host, call: Call, given: Arguments, names: list[str]) -> int:
    _agreed(given)
    packages = host.packages
    if not packages.lists:
        raise Violation("apt-get install before any apt-get update")
    if packages.sources_seen != digest(host):
        raise Violation("the sources have changed since the last apt-get update")
    wanted: dict[str, str] = {}
    for word in names:
        name, equals, version = word.partition("=")
        versions = packages.versions(name)
        if not versions:
            raise Exit(100, f"{_NOISE}E: Unable to locate package {name}")
        if equals:
            matching = [known for known in versions if re.fullmatch(re.escape(version).replace(r"\*", ".*"), known)]
            if not matching:
                raise Exit(100, f"{_NOISE}E: Version '{version}' for '{name}' was not found")
            wanted[name] = matching[-1]
        else:
            wanted[name] = packages.installed.get(name, versions[-1]) if name in packages.holds else versions[-1]
    for name in list(wanted):
        for needed in catalogue.DEPENDS.get(name, ()):
            if needed not in packages.installed and needed not in wanted:
                wanted[needed] = packages.versions(needed)[-1]
    changing = {name: version for name, version in wanted.items() if packages.installed.get(name) != version}
    _permitted(host, given, changing)
    call.out(_NOISE)
    new = sum(name not in packages.installed for name in changing)
    call.out(f"{len(changing) - new} upgraded, {new} newly installed, 0 to remove and 0 not upgraded.\n")
    for name, version in changing.items():
        before = packages.installed.get(name, "")
        packages.installed[name] = version
        call.out(f"Unpacking {name} ({version}) ...\nSetting up {name} ({version}) ...\n")
        call.changed(f"install {name}={version}")
        link_commands(host.path("/"), catalogue.COMMANDS.get(name, ()))
        configured(host, name, before)
    return 0


def _permitted(host: Host, given: Arguments, changing: dict[str, str]) -> None:
    packages = host.packages
    held = sorted(name for name in changing if name in packages.holds)
    if held and not given.has("--allow-change-held-packages"):
        raise Exit(100, "E: Held packages were changed and -y was used without --allow-change-held-packages.")
    older = [
        name for name, version in changing.items()
        if name in packages.installed and compare(version, packages.installed[name]) < 0
    ]  # fmt: skip
    if older and not given.has("--allow-downgrades"):
        raise Exit(100, "E: Packages were downgraded and -y was used without --allow-downgrades.")


def _remove(host: Host, call: Call, given: Arguments, names: list[str]) -> int:
    _agreed(given)
    if any(name in host.packages.holds for name in names) and not given.has("--allow-change-held-packages"):
        raise Exit(100, "E: Held packages were changed and -y was used without --allow-change-held-packages.")
    for name in names:
        if host.packages.installed.pop(name, None) is None:
            call.out(f"Package '{name}' is not installed, so not removed\n")
            continue
        call.out(f"Removing {name} ...\n")
        call.changed(f"remove {name}")
        for program in catalogue.COMMANDS.get(name, ()):
            host.remove(f"/usr/bin/{program}")
        removed(host, name)
    return 0


def _agreed(given: Arguments) -> None:
    if not given.has("-y"):
        raise Violation("without -y apt-get asks, and reads the answer from what is left of the script")
