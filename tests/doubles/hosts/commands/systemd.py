"""systemctl, journalctl and their family, over the model's units."""

from __future__ import annotations

from tests.doubles.hosts.arguments import Arguments, parse
from tests.doubles.hosts.calls import Call, Execute, Exit, Violation
from tests.doubles.hosts.host import Host
from tests.doubles.hosts.server import command
from tests.doubles.hosts.units import full

_FLAGS = (
    "--now",
    "-q/--quiet",
    "--no-pager",
    "-f/--force",
    "--no-block",
    "--all/-a",
    "--value",
    "--runtime",
    "--failed",
    "--no-legend",
    "--plain",
    "--wait",
)
_OPTIONS = ("-p/--property", "-n/--lines", "-t/--type", "--state", "-o/--output")
_STATES = ("is-active", "is-enabled", "is-failed")


@command("systemctl")
def systemctl(host: Host, call: Call) -> int:
    given = parse(call.arguments, _FLAGS, _OPTIONS)
    verb, *names = given.words or [""]
    if verb in ("reboot", "poweroff"):
        power(host, call)
        return 0
    if verb in ("daemon-reload", "reset-failed", "daemon-reexec"):
        return 0
    if verb == "is-system-running":
        call.out("running\n")
        return 0
    if verb in ("list-units", "list-unit-files"):
        call.out("".join(f"{name} loaded {_active(host, name)} running\n" for name in host.units.names()))
        return 0
    if not names:
        raise Violation(f"systemctl {verb} without a unit")
    if verb in _STATES:
        return _states(host, call, given, verb, names)
    if verb in ("show", "status", "cat"):
        return _show(host, call, given, verb, names)
    for name in names:
        _change(host, call, given, verb, name)
    return 0


def _states(host: Host, call: Call, given: Arguments, verb: str, names: list[str]) -> int:
    good = False
    for name in names:
        state = _enabled(host, name) if verb == "is-enabled" else _active(host, name)
        if not given.has("-q"):
            call.out(f"{state}\n")
        good |= state in (
            ("enabled", "static") if verb == "is-enabled" else ("active",) if verb == "is-active" else ("failed",)
        )
    if good:
        return 0
    return 4 if verb == "is-enabled" and _enabled(host, names[0]) == "not-found" else 1 if verb != "is-active" else 3


def _active(host: Host, name: str) -> str:
    if name not in host.units or not host.units[name].active:
        return "inactive"
    return "activating" if host.units[name].failing else "active"


def _enabled(host: Host, name: str) -> str:
    if name not in host.units:
        return "not-found"
    unit = host.units[name]
    return "masked" if unit.masked else "enabled" if unit.enabled else "disabled"


def _show(host: Host, call: Call, given: Arguments, verb: str, names: list[str]) -> int:
    for name in names:
        if name not in host.units and verb != "show":
            raise Exit(4, f"Unit {full(name)} could not be found.")
        values = {
            "ActiveState": _active(host, name),
            "SubState": {"active": "running", "activating": "auto-restart"}.get(_active(host, name), "dead"),
            "UnitFileState": _enabled(host, name).replace("not-found", ""),
            "LoadState": "loaded" if name in host.units else "not-found",
            "Id": full(name),
        }
        if verb == "status":
            call.out(f"● {full(name)}\n     Active: {values['ActiveState']} ({values['SubState']})\n")
            if name in host.units and host.units[name].failing:
                call.out(f"{host.units[name].failing}\n")
            continue
        wanted = [key for group in given.all("-p") for key in group.split(",")] or list(values)
        for key in wanted:
            if key not in values:
                raise Violation(f"the model knows no property {key} of a unit")
            call.out(f"{values[key]}\n" if given.has("--value") else f"{key}={values[key]}\n")
    return 3 if verb == "status" and any(_active(host, name) != "active" for name in names) else 0


def _change(host: Host, call: Call, given: Arguments, verb: str, name: str) -> None:
    units = host.units
    if name not in units:
        raise Exit(5, f"Failed to {verb} {full(name)}: Unit {full(name)} not found.")
    unit = units[name]
    before = (unit.enabled, unit.masked, unit.active, unit.failing)
    match verb:
        case "enable":
            unit.enabled = True
        case "disable":
            unit.enabled = False
        case "mask":
            unit.masked = True
        case "unmask":
            unit.masked = False
        case "start" | "restart" | "try-restart" | "reload" | "reload-or-restart" | "stop":
            pass
        case _:
            raise Violation(f"the model knows no systemctl {verb}")
    why = ""
    if verb in ("restart", "reload-or-restart") or (verb == "try-restart" and unit.active):
        call.changed(f"{verb} {name}")
        why = units.start(name)
    elif (verb == "start" or (verb == "enable" and given.has("--now"))) and not units.is_active(name):
        why = units.start(name)
    elif verb == "stop" or (verb in ("disable", "mask") and given.has("--now")):
        units.stop(name)
    if (unit.enabled, unit.masked, unit.active, unit.failing) != before:
        call.changed(f"{verb} {name}")
    # The kubelet waits for kubeadm in a circle of restarts, which is no failure of the start.
    if why and full(name) != "kubelet.service":
        raise Exit(1, f"Job for {full(name)} failed because the control process exited with error code.\n{why}")


@command("journalctl")
def journalctl(host: Host, call: Call) -> int:
    given = parse(
        call.arguments,
        ("--no-pager", "-x", "-e", "-q/--quiet", "-b"),
        ("-u/--unit", "-n/--lines", "-o/--output", "--since", "-p/--priority"),
    )
    for name in given.all("-u"):
        if name in host.units and host.units[name].failing:
            call.out(f"{host.name} {name}: {host.units[name].failing}\n")
    return 0


@command("systemd-run")
def systemd_run(host: Host, call: Call) -> int:
    """Only to run something now and wait for it, which is what its words after the options do here."""
    given = parse(
        call.arguments,
        ("--wait", "--pipe/-P", "--collect/-G", "--quiet/-q", "--scope", "--no-block"),
        ("--unit/-u", "--property/-p"),
        stop=True,
    )
    if not given.words or not (given.has("--wait") or given.has("--scope") or given.has("--pipe")):
        raise Violation("the model runs only what systemd-run waits for")
    raise Execute(given.words)


@command("reboot", "shutdown", "poweroff")
def power(host: Host, call: Call) -> int:
    """The machine goes down while the caller still waits."""
    call.changed("power")
    if call.name == "poweroff" or "-h" in call.arguments or "poweroff" in call.arguments:
        host.world.power_off(host.name)
    else:
        host.world.reboot(host.name)
    return 0
