"""A backup can be taken back, one that is damaged stops nothing, and a restore ends wherever it was cut off."""

from __future__ import annotations

import hashlib
import io
import tarfile
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from provisioning.aws import Account
from provisioning.operations import commands
from provisioning.operations.backups import Backups
from provisioning.operations.errors import NoBackup
from provisioning.operations.etcd_backup import EtcdBackup
from provisioning.operations.performing import Asked
from provisioning.run import ExitCode
from tests.doubles.aws import AwsAccount
from tests.doubles.hosts import Fails, Reboots
from tests.provisioning.operations.conftest import Lives, bucket
from tests.provisioning.operations.living import Rig, Wanted, failures
from tests.provisioning.operations.talking import Heard

MASTER, API = "k8s-master", "k8s-api-waste"
DATA = "/var/lib/etcd"


def made(lives: Lives, aws: AwsAccount) -> tuple[Rig, Backups]:
    rig = lives(Wanted((MASTER, API), "1.34.12"))
    bucket(aws, rig)
    return rig, Backups(rig.site, Account(rig.site.cluster.region))


def back_up(rig: Rig, backups: Backups) -> str:
    since = datetime.now(UTC).replace(microsecond=0)
    rig.done(EtcdBackup(rig.site, rig.hosts, backups, since=since))
    newest = backups.newest()
    assert newest is not None
    return newest.key


def restore(rig: Rig, heard: Heard, *, resume: bool = False, given: str | None = "eco2", **how: Any) -> ExitCode:
    screen = heard.named(rig.site.cluster.name, given)
    return commands.etcd_restore(rig.site, Asked(yes=True, resume=resume), screen=screen, **how)


def kept(rig: Rig) -> list[str]:
    folders = rig.world.hosts[MASTER].path("/var/lib").iterdir()
    return sorted(each.name for each in folders if each.name.startswith("etcd."))


def test_what_lies_in_the_bucket_is_what_etcd_gave_and_the_certificates(lives: Lives, aws: AwsAccount) -> None:
    rig, backups = made(lives, aws)
    key = back_up(rig, backups)
    client, name = aws.client("s3"), backups.bucket
    stored = client.get_object(Bucket=name, Key=key)
    assert stored["Body"].read().startswith(b"eco2 etcd snapshot")
    assert stored["Metadata"]["kubernetes"] == "1.34.12"
    pki = client.get_object(Bucket=name, Key=Backups.pki_key(key))["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(pki)) as archive:
        assert {"pki/ca.key", "pki/etcd/ca.key", "pki/sa.key"} <= set(archive.getnames())
    # Nothing of it stays on the node, and the URL stands in no command and no record.
    assert not rig.world.hosts[MASTER].exists(f"{DATA}/eco2-snapshot.db")
    assert not rig.world.hosts[MASTER].exists("/run/eco2/pki.tar.gz")
    assert not any("X-Amz-Signature" in command.line for command in rig.world.commands)
    assert "X-Amz-Signature" not in rig.written()

    # One that did not arrive is none.
    rig.world.faults.add(MASTER, "curl --config", Fails(22, "The requested URL returned error: 503"))
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    result = rig.run(EtcdBackup(rig.site, rig.hosts, backups, since=later))
    assert result.exit_code is ExitCode.REMOTE_COMMAND, failures(result)
    assert [backup.key for backup in backups.all()] == [key]
    assert not rig.world.hosts[MASTER].exists(f"{DATA}/eco2-snapshot.db")

    # An image of etcd without its tool: the project's own has it, in the same version.
    rig.world.faults.add(MASTER, "etcdutl version", Fails(1, "exec: /usr/local/bin/etcdutl: no such file or directory"))
    time.sleep(max(0.0, (later - datetime.now(UTC)).total_seconds()))
    rig.done(EtcdBackup(rig.site, rig.hosts, backups, since=later))
    assert rig.world.count(MASTER, "crictl pull gcr.io/etcd-development/etcd:v3.6.5") == 1


def test_a_cluster_goes_back_to_its_backup_and_forward_again(lives: Lives, aws: AwsAccount) -> None:
    rig, backups = made(lives, aws)
    rig.api.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept", "namespace": "default"}})
    key = back_up(rig, backups)
    rig.api.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late", "namespace": "default"}})
    heard = Heard()
    assert restore(rig, heard, key=key) is ExitCode.DONE, heard.text
    assert rig.api.get("ConfigMap", "kept", "default") is not None
    assert rig.api.get("ConfigMap", "late", "default") is None
    assert [folder.partition(".")[2].partition("-")[0] for folder in kept(rig)] == ["before"]
    for node in rig.site.nodes:
        assert rig.world.hosts[node].exists("/run/eco2"), node
    restored = [each.line for each in rig.world.commands if "etcdutl snapshot restore" in each.line]
    assert len(restored) == 1
    assert "--bump-revision 1000000000 --mark-compacted" in restored[0]
    assert restore(rig, heard, undo=True) is ExitCode.DONE, heard.text
    assert [folder.partition(".")[2].partition("-")[0] for folder in kept(rig)] == ["undone"]
    assert restore(rig, heard, undo=True) is ExitCode.ETCD
    assert "E-NOTHING-TO-UNDO" in heard.text


def test_a_backup_that_is_not_right_stops_nothing(lives: Lives, aws: AwsAccount) -> None:
    rig, backups = made(lives, aws)
    key = back_up(rig, backups)
    client = aws.client("s3")
    stored = client.get_object(Bucket=backups.bucket, Key=key)
    body, metadata = stored["Body"].read(), stored["Metadata"]
    altered = body[:-1] + bytes([body[-1] ^ 1])
    for code, content, said in (
        ("E-SNAPSHOT-CORRUPT", altered, metadata),
        # Its own checksum is right, and etcd's tool finds that it is no snapshot.
        ("E-SNAPSHOT-CORRUPT", b"x" * 4096, {**metadata, "sha256": hashlib.sha256(b"x" * 4096).hexdigest()}),
        ("E-SNAPSHOT-VERSION", body, {**metadata, "kubernetes": "1.33.13"}),
        ("E-NO-BACKUP", body, {}),
    ):
        client.put_object(Bucket=backups.bucket, Key=key, Body=content, Metadata=said)
        heard = Heard()
        assert restore(rig, heard, latest=True) is ExitCode.ETCD
        assert code in heard.text
        assert rig.api.api_answers()
        assert kept(rig) == []


def test_a_restore_that_was_cut_off_between_stop_and_start_is_ended_by_resume(lives: Lives, aws: AwsAccount) -> None:
    rig, backups = made(lives, aws)
    key = back_up(rig, backups)
    rig.world.faults.add(MASTER, "etcdutl snapshot restore", Fails(1, "no space left on device"))
    heard = Heard()
    assert restore(rig, heard, key=key) is ExitCode.REMOTE_COMMAND
    # Half done, and it is clear: everything is stopped, the old data are where they were.
    assert not rig.api.api_answers()
    assert rig.world.hosts[MASTER].exists(f"{DATA}/member")
    assert kept(rig) == []
    assert restore(rig, heard, resume=True) is ExitCode.DONE, heard.text
    assert rig.api.api_answers()
    assert len(kept(rig)) == 1


def test_a_machine_that_restarts_while_its_data_are_exchanged_loses_nothing(lives: Lives, aws: AwsAccount) -> None:
    rig, backups = made(lives, aws)
    key = back_up(rig, backups)
    rig.world.faults.add(MASTER, "etcdutl snapshot restore", Reboots())
    heard = Heard()
    first = restore(rig, heard, key=key)
    if first is not ExitCode.DONE:
        assert restore(rig, heard, resume=True) is ExitCode.DONE, heard.text
    assert rig.api.api_answers()
    assert rig.world.hosts[MASTER].exists(f"{DATA}/member")
    assert len(kept(rig)) == 1


def test_without_a_key_the_backups_are_listed_and_a_wrong_key_is_refused(lives: Lives, aws: AwsAccount) -> None:
    rig, backups = made(lives, aws)
    heard = Heard()
    assert restore(rig, heard) is ExitCode.DONE
    assert "./inv etcd.backup" in heard.text
    key = back_up(rig, backups)
    assert restore(rig, heard) is ExitCode.DONE
    assert key in heard.text
    with pytest.raises(NoBackup):
        backups.named("etcd/other/1.db")
    assert restore(rig, heard, key="etcd/other/1.db") is ExitCode.ETCD
    # Nobody typed the name, or another one; --yes alone is not enough.
    assert restore(rig, Heard(["eco3"]), key=key, given=None) is ExitCode.NOT_AGREED
    assert restore(rig, Heard(), key=key, given=None) is ExitCode.NOT_AGREED
    assert restore(rig, Heard(), key=key, given="eco3") is ExitCode.NOT_AGREED
    assert rig.api.api_answers()
