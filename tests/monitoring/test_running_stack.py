"""What rules and dashboards ask, asked of the Prometheus of a running stack: nothing is asked that nobody says.

A stack of its own, with a stand-in for the models' server, lives through a short story: people scan, sign in, ask and
mistype, a model fails, one process is away for a moment. Then Prometheus is asked everything.
"""

import io
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass

import httpx
import numpy as np
import pytest
from PIL import Image

from provisioning.cluster import load
from provisioning.monitoring.dashboards import dashboards
from tests.doubles.openai_faults import Fault, has_image
from tests.doubles.openai_server import OpenAIServer
from tests.e2e.parts import stopped
from tests.e2e.people import PASSWORD, Person
from tests.e2e.scans import SCANS, send
from tests.monitoring.dashboards.expressions import questions
from tests.monitoring.elsewhere import ELSEWHERE, JOBS_ELSEWHERE
from tests.monitoring.prometheus import Prometheus, name_of, selectors
from tests.monitoring.rule_files import rules
from tests.stack import TestStack, eventually, started

pytestmark = pytest.mark.timeout(400)  # the first test waits for the whole story

THING = {"item": "pizza_box", "name_ko": "피자 상자", "kind": "paper", "situations": ["dirty"], "confidence": 0.9}
ANSWER = "피자 상자는 일반 종량제봉투에 담아 버려요. 깨끗한 부분은 잘라서 종이류로 내놓아요."
AWAY = "location"  # the process that is stopped for a moment

# The longest that a rule waits for its turn (`interval` of the groups that record), and a scrape after it.
RECORDED_WITHIN_S = 60

# Series that are there only once something has gone wrong, and did not here: the metric, and a piece of its selector.
DID_NOT_HAPPEN = {
    ("ALERTS", 'alertstate="firing"'): "nothing fires on a healthy stack",
    ("eco2_chat_answers_total", 'state="failed"'): "the rules answer where the model does not",
    ("eco2_journal_deduplicated_total", ""): "RabbitMQ delivered each task once",
    ("eco2_journal_recovered_total", ""): "no worker was killed",
    ("eco2_mails_total", "outcome!"): "mails are files here, and files can be written",
}

# Panels that show something only when something is wrong, or that the settings of one machine leave empty.
RIGHTLY_EMPTY = {
    "infrastructure: Targets that do not answer": "all answer",
    "infrastructure: Memory used of the limit": "Redis has no limit here",
}

# What may be pending on the machine that runs the tests, since it is busy, small or full.
OF_THIS_MACHINE = {
    "HighNodeCPUUsage", "HighNodeMemoryUsage", "HighNodeDiskUsage", "NodeDiskWillFill", "NodeClockSkew",
    "JournalDiskNearlyFull", "JournalDiskWillFill", "JournalSlowCommits", "HighAPILatency", "CallQueueWait",
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """One expression, where it stands, and whether it is to have data on a healthy stack."""

    where: str
    expression: str
    shows: bool


def asked() -> list[Asked]:
    """All that rules and dashboards ask; an alert shows something only when it fires."""
    found = [
        Asked(f"{path.stem}: {rule.get('alert') or rule['record']}", rule["expr"], "record" in rule)
        for path, rule in rules()
    ]
    for name, text in dashboards(load()).items():
        # On one machine a node has no name in the cluster.
        text = text.replace('=~\\"$node\\"', '=~\\".*\\"')
        found += [Asked(f"{name}: {each.panel}", each.expression, True) for each in questions(text)]
    return found


def of_this_machine(expression: str) -> bool:
    """Whether all that it reads is of sources that run here."""
    names = set().union(*ELSEWHERE.values())
    return not any(
        name_of(selector) in names or any(f'job="{job}"' in selector for job in JOBS_ELSEWHERE)
        for selector in selectors(expression)
    )


def excuse(selector: str) -> tuple[str, str] | None:
    """The entry of DID_NOT_HAPPEN that a selector falls under."""
    return next((key for key in DID_NOT_HAPPEN if name_of(selector) == key[0] and key[1] in selector), None)


@dataclass(frozen=True)
class Story:
    """The Prometheus of the stack, and what it said while a process was away."""

    prometheus: Prometheus
    pending_meanwhile: dict[str, list[dict[str, str]]]
    refused: httpx.Response


@pytest.fixture(scope="module")
def model() -> Iterator[OpenAIServer]:
    with OpenAIServer() as running:
        yield running


@pytest.fixture(scope="module")
def monitored(model: OpenAIServer) -> Iterator[TestStack]:
    environment = {"OPENAI_API_KEY": model.api_key, "ECO2_AI__OPENAI__BASE_URL": model.base_url}
    with started("--monitoring", **environment) as running:
        yield running


@pytest.fixture(scope="module")
def story(monitored: TestStack, model: OpenAIServer, coffee: bytes) -> Iterator[Story]:
    port = monitored.status()["prometheus"]["port"]
    prometheus = Prometheus(f"http://127.0.0.1:{port}")
    with closing(prometheus.client), closing(Person.register(monitored.gateway).client) as client:
        live(client, model, coffee)
        scraped(prometheus)
        with stopped(monitored, AWAY):
            refused = client.get("/api/location/kinds")
            pending = eventually(lambda: prometheus.alerts("pending", "firing").get("APIPodDown"), every_s=0.5)
            told = prometheus.alerts("pending", "firing")
            assert pending
        # A counter's first value is no increase to Prometheus: only the second is.
        live(client, model, coffee)
        go_wrong(client, model)
        scraped(prometheus)
        eventually(lambda: all(prometheus.query(name) for name in recorded()), RECORDED_WITHIN_S, every_s=0.5)
        yield Story(prometheus, told, refused)


def live(client: httpx.Client, model: OpenAIServer, coffee: bytes) -> None:
    """What people do in a day."""
    person = Person.register(str(client.base_url))
    model.reset()
    model.reply({"objects": [THING]}, when=has_image)
    model.reply({"place": "general", "text": ANSWER}, when=lambda request: not has_image(request))
    scan = person.scan(photo())
    assert (scan["result"]["provider"], scan["result"]["answer"]) == ("openai", ANSWER)
    person.scan(coffee)
    person.scan(coffee)  # known by now
    for verdict in ("right", "wrong"):
        person.client.post(f"{SCANS}/{scan['scan_id']}/feedback", json={"verdict": verdict})
    person.conversation()
    person.client.get("/api/recycle/search", params={"q": "페트병"})
    person.client.get("/api/location/points", params={"lat": 37.5665, "lon": 126.978, "radius": 50_000})
    person.client.post("/api/auth/password/forgot", json={"email": person.email})
    person.client.post("/api/auth/login", json={"email": person.email, "password": f"not {PASSWORD}"})
    assert person.client.get(f"{SCANS}/none").status_code == 404
    assert send(person.client, b"no photo").status_code == 415
    person.client.close()


def go_wrong(client: httpx.Client, model: OpenAIServer) -> None:
    """A model says of a clean box what holds for a dirty one, so the rules answer; then it is down: our own looks."""
    person = Person.register(str(client.base_url))
    model.reset()
    model.reply({"objects": [{**THING, "situations": []}]}, when=has_image)
    model.reply({"place": "general", "text": ANSWER}, when=lambda request: not has_image(request))
    assert person.scan(photo())["result"]["answered_by"]["provider"] == "rules"
    model.fail(Fault.server_error(), when=has_image, times=20)
    assert person.scan(photo())["result"]["provider"] == "local"
    model.reset()
    person.client.close()


def photo() -> bytes:
    """A picture like no other."""
    fields = np.random.default_rng().integers(0, 255, (12, 16), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(fields).resize((800, 600), Image.Resampling.BICUBIC).convert("RGB").save(out, "JPEG")
    return out.getvalue()


def scraped(prometheus: Prometheus) -> None:
    """Every target has been asked since now."""
    # Who has just started finds its targets within seconds.
    known = eventually(prometheus.targets, every_s=0.5)
    now = max(target["lastScrape"] for target in known)
    eventually(lambda: min(target["lastScrape"] for target in prometheus.targets()) > now, every_s=0.5)


def recorded() -> list[str]:
    """What the rules of this machine record."""
    return [rule["record"] for path, rule in rules() if "record" in rule and not path.stem.startswith("cluster-")]


def test_every_process_and_part_is_a_target_that_answers(story: Story) -> None:
    found = {
        (target["labels"]["job"], target["labels"].get("domain", "")): target["health"]
        for target in story.prometheus.targets()
    }
    assert set(found.values()) == {"up"}
    assert {domain for job, domain in found if job == "eco2-service"} == {
        "waste", "auth", "userinfo", "location", "recycle", "chat",
    }  # fmt: skip
    assert {domain for job, domain in found if job == "eco2-worker"} == {"storage", "ai"}


def test_every_metric_that_is_asked_for_is_exposed_here_or_known_from_elsewhere(story: Story) -> None:
    here = story.prometheus.exposed() | {"ALERTS"}
    there = set().union(*ELSEWHERE.values())
    names = {name_of(selector): one.where for one in asked() for selector in selectors(one.expression)}

    unknown = [f"{where} asks for {name}" for name, where in names.items() if name not in here | there]
    assert not unknown, "\n".join(unknown)
    assert there - set(names) == set(), "nobody asks for these any more"
    assert there & here == set(), "these are exposed here, so their expressions can be tried"


def test_prometheus_takes_every_expression(story: Story) -> None:
    for one in asked():
        story.prometheus.query(one.expression)


def test_what_is_selected_is_there_unless_it_did_not_happen(story: Story) -> None:
    found = {selector: one.where for one in asked() for selector in selectors(one.expression)}
    empty = [
        f"{where}: {selector}"
        for selector, where in found.items()
        if of_this_machine(selector) and not excuse(selector) and not story.prometheus.query(selector)
    ]
    assert not empty, "\n".join(empty)


def test_what_shows_something_shows_it(story: Story) -> None:
    empty = [
        f"{one.where}: {one.expression}"
        for one in asked()
        if one.shows
        and one.where not in RIGHTLY_EMPTY
        and of_this_machine(one.expression)
        and not any(excuse(selector) for selector in selectors(one.expression))
        and not story.prometheus.query(one.expression)
    ]
    assert not empty, "\n".join(empty)


def test_no_exception_is_out_of_date() -> None:
    used = {excuse(selector) for one in asked() for selector in selectors(one.expression)}
    assert set(DID_NOT_HAPPEN) - used == set()
    assert set(RIGHTLY_EMPTY) - {one.where for one in asked()} == set()


def test_a_process_that_is_away_is_missed(story: Story) -> None:
    [missed] = story.pending_meanwhile["APIPodDown"]
    assert (missed["job"], missed["domain"], missed["severity"]) == ("eco2-service", AWAY, "warning")
    assert story.refused.status_code >= 500


def test_where_all_is_well_no_alert_fires_and_none_is_about_to(story: Story) -> None:
    eventually(lambda: story.prometheus.value("time() - min(process_start_time_seconds{job='prometheus'})") > 60)

    def about_to() -> dict[str, list[dict[str, str]]]:
        found = story.prometheus.alerts("pending")
        return {name: found[name] for name in set(found) - OF_THIS_MACHINE}

    with suppress(AssertionError):  # what was pending while a process was away ends with the next evaluation
        eventually(lambda: not about_to(), within_s=20, every_s=0.5)
    assert about_to() == {}
    assert story.prometheus.alerts("firing") == {}


def test_the_alertmanager_of_this_stack_hears_of_alerts(story: Story) -> None:
    value = story.prometheus.value
    assert value("prometheus_notifications_alertmanagers_discovered") == 1
    assert value("prometheus_notifications_errors_total") == 0
    assert value("prometheus_config_last_reload_successful") == 1
    assert value("alertmanager_config_last_reload_successful") == 1


def test_selectors_are_found_in_what_people_write() -> None:
    expression = (
        'sum by (domain, le) (rate(a_total{x=~"b{2}|\\"", y!="on (z)"}[5m] offset 1w)) > bool 0.5 * b:c:rate5m'
        " and on (domain) d == 1e3"
    )
    assert list(selectors(expression)) == ['a_total{x=~"b{2}|\\"", y!="on (z)"}', "b:c:rate5m", "d"]
