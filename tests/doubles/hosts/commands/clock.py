"""The machine's clock and its time zone."""

from __future__ import annotations

import re

from tests.doubles.hosts import image
from tests.doubles.hosts.arguments import parse
from tests.doubles.hosts.calls import Call, Execute, Violation
from tests.doubles.hosts.host import Host
from tests.doubles.hosts.server import command


@command("timedatectl")
def timedatectl(host: Host, call: Call) -> int:
    given = parse(call.arguments, ("--value", "--no-pager"), ("-p/--property",))
    values = {"NTP": "yes", "NTPSynchronized": "yes", "Timezone": host.timezone, "LocalRTC": "no", "CanNTP": "yes"}
    match given.words:
        case ["show"] | []:
            for key in given.all("-p") or list(values):
                if key not in values:
                    raise Violation(f"the model knows no property {key} of the clock")
                call.out(f"{values[key]}\n" if given.has("--value") else f"{key}={values[key]}\n")
        case ["set-timezone", zone]:
            if zone != host.timezone:
                host.timezone = zone
                call.changed(f"timezone {zone}")
        case ["set-ntp", "true"]:
            pass
        case ["status"]:
            call.out(f"Time zone: {host.timezone}\nSystem clock synchronized: yes\nNTP service: active\n")
        case _:
            raise Violation("the model knows no such timedatectl")
    return 0


@command("chronyc")
def chronyc(host: Host, call: Call) -> int:
    words = parse(call.arguments, ("-c", "-n", "-a")).words
    match words:
        case ["tracking"]:
            call.out(
                "Reference ID    : A9FEA97B (169.254.169.123)\nStratum         : 4\nSystem time     "
                ": 0.000012 seconds fast of NTP time\nLeap status     : Normal\n"
            )
        case ["waitsync", *_]:
            call.out("try: 1, refid: A9FEA97B, correction: 0.000012, skew: 0.032\n")
        case ["makestep"] | ["sources"]:
            call.out("200 OK\n")
        case _:
            raise Violation("the model knows no such chronyc")
    return 0


@command("date")
def date(host: Host, call: Call) -> int:
    """Only where a test has set the host's clock wrong: the real program, so many seconds off."""
    if any(re.match(r"-d|--date|-s|--set", word) for word in call.arguments):
        raise Violation("the model's wrong clock knows no other dates")
    raise Execute([f"/{image.SIM}/bin/date", f"--date={host.clock_skew_s:+f} seconds", *call.arguments])
