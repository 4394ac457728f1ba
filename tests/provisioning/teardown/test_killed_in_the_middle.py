"""The fear: who is killed half way can neither go on nor begin anew, or forgets what went before."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from provisioning.cluster import Cluster
from provisioning.run import ExitCode
from provisioning.site import Site
from provisioning.teardown.inventory import newest_receipt
from tests.doubles.aws import AwsAccount, Call
from tests.doubles.aws.seeds import seed_cluster
from tests.doubles.aws.snapshots import snapshot

pytestmark = pytest.mark.long

REPOSITORY = Path(__file__).parents[3]
COMMAND_S = 180


def begun(*words: str) -> subprocess.Popen[str]:
    """The environment of the test says which account it is."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.provisioning.teardown.driver", *words],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize(
    "moment",
    [
        "route53:ChangeResourceRecordSets",
        "ec2:TerminateInstances",
        "s3:DeleteObjects",
        "ec2:DeleteVpc",
    ],
)
def test_a_resumed_teardown_takes_the_rest_and_its_receipt_knows_the_whole(
    account: AwsAccount, cluster: Cluster, site: Site, moment: str
) -> None:
    regions = [cluster.region, "us-east-1"]
    before = snapshot(account, regions)
    seeded = seed_cluster(account, cluster)
    reached = threading.Event()

    def kill(call: Call) -> None:
        if call.name == moment and not reached.is_set():
            reached.set()
            first.kill()

    first = begun()
    account.hear(kill)
    told, _ = first.communicate(timeout=COMMAND_S)
    assert reached.is_set(), told
    assert first.returncode == -signal.SIGKILL

    second = begun("--resume")
    told, _ = second.communicate(timeout=COMMAND_S)

    assert second.returncode == ExitCode.DONE, told
    after = snapshot(account, regions)
    # The customer's zone came with the cluster's domain, and stays.
    after["Zones"] = {id: zone for id, zone in after["Zones"].items() if not id.endswith(seeded.ids["zone"])}
    assert after == before
    receipt = newest_receipt(site.folder / "receipts")
    assert receipt is not None
    removed = {each["id"] for each in receipt["removed"]}
    wanted = {id for name, id in seeded.ids.items() if not name.startswith(("zone", "cdn-host", "load-balancer-"))}
    assert wanted <= removed
    assert not (site.folder / "receipts" / "found.json").exists()
