"""Checkov's findings that stay: each with the objects that it is accepted of, and why."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Accepted:
    """`where` is a pattern for the whole of ``Kind.namespace.name``."""

    check: str
    where: str
    why: str

    def covers(self, check: str, resource: str) -> bool:
        return check == self.check and re.fullmatch(self.where, resource) is not None


# Pods of `helm test`: an operator starts one, it asks one question and is gone.
HELM_TEST = r"Pod\.\w+\.[\w-]+-test"
APIS = r"Deployment\.eco2\.\w+"
STORES = r"StatefulSet\.(data\.(postgresql|redis)|messaging\.rabbitmq)"
JOBS = r"(CronJob\.data\.(postgresql|redis)-backup|Job\.data\.postgresql-migrations)"

ACCEPTED = (
    Accepted(
        "CKV_K8S_8",
        HELM_TEST,
        "A liveness probe restarts what hangs. A test runs once, within the time that helm gives it.",
    ),
    Accepted(
        "CKV_K8S_9",
        HELM_TEST,
        "Readiness is for pods behind a Service. No Service finds a test.",
    ),
    Accepted(
        "CKV_K8S_8",
        r"StatefulSet\.data\.(postgresql|redis)",
        "The exporter beside the database has none: while its container starts anew the whole pod is not ready, and "
        "the database out of its Service. A silent exporter is told by Prometheus' own `up`.",
    ),
    Accepted(
        "CKV_K8S_9",
        r"StatefulSet\.data\.(postgresql|redis)",
        "The exporter beside the database: a database whose metrics are missing must go on answering.",
    ),
    Accepted(
        "CKV_K8S_9",
        APIS,
        "A startup probe waits for /ready. A readiness probe that goes on asking would take the pods of all domains "
        "away at once when a database is out, and the gateway's clear answers with them.",
    ),
    Accepted(
        "CKV_K8S_11",
        rf"{APIS}|StatefulSet\.\w+\.[\w-]+|{HELM_TEST}|{JOBS}",
        "Requests divide the processor where it is short, and no pod is throttled while it is not. Memory has limits.",
    ),
    Accepted(
        "CKV_K8S_15",
        rf"{APIS}|StatefulSet\.\w+\.[\w-]+|{HELM_TEST}|{JOBS}",
        "Tags are exact and not used twice; a registry that is out must not keep a pod from starting anew.",
    ),
    Accepted(
        "CKV_K8S_43",
        rf"{APIS}|StatefulSet\.\w+\.[\w-]+|{HELM_TEST}|{JOBS}",
        "Our images' digests are known after the push; each chart takes one as image.digest. The tag is exact.",
    ),
    Accepted(
        "CKV_K8S_35",
        rf"{APIS}|StatefulSet\.eco2\.(storage|ai)|{STORES}|{JOBS}|Pod\.data\.(postgresql|redis)-test",
        "Our processes are configured by variables, on one machine too, and the images of the databases, their "
        "clients and exporters take passwords that way. The file /proc/PID/environ is its own user's alone.",
    ),
    Accepted(
        "CKV_K8S_40",
        rf"{STORES}|Pod\.(data|messaging)\.(postgresql|redis|rabbitmq)-test",
        "999 is the user that the official images are made for, and their volumes' owner.",
    ),
    Accepted(
        "CKV_K8S_40",
        r"StatefulSet\.monitoring\.thanos-store",
        "1001 is the user that Thanos' image is made for, and its volume's owner.",
    ),
    Accepted(
        "CKV2_K8S_6",
        r"Pod\.(eco2|messaging)\.[\w-]+-test",
        "A test's pod listens to nothing, and asks the Service that it tests, whose own policy lets it in.",
    ),
)
