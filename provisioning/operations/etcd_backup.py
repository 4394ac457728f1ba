"""``etcd.backup``: a snapshot, checked by etcd's own tool, sent to the bucket and compared with what arrived there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from provisioning.cluster import Version
from provisioning.operations import answers
from provisioning.operations.backups import Backups, size
from provisioning.operations.errors import BackupNotKept, EtcdDown, NodeAnswersWrong, SnapshotTooLarge
from provisioning.operations.scripts import etcd as scripts
from provisioning.operations.scripts import upgrade as upgrade_scripts
from provisioning.run import Action, Phase, Step
from provisioning.scripts.facts import Facts
from provisioning.site import Site
from provisioning.ssh import Hosts

# What S3 takes in one upload.
LARGEST = 5 * (1 << 30)
_UPLOAD_S = 900


@dataclass(frozen=True)
class LastBackup:
    """Whether the newest backup will do, and whether one is wanted at all."""

    fresh: bool
    wanted: bool


class EtcdBackup(Phase[LastBackup, Action]):
    """Backs etcd up, with the cluster's certificates beside it, unless there is a backup that was taken since then.

    ``before`` limits it to what an upgrade needs: nothing is to be backed up once the control plane runs that version.
    """

    name = "backup"
    title = "Backup of etcd"
    timeout_s = 2700.0

    def __init__(
        self,
        site: Site,
        hosts: Hosts,
        backups: Backups,
        *,
        since: datetime,
        name: str = "backup",
        before: Version | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__()
        self.name = name
        self.title = f"Backup of etcd before Kubernetes {before}" if before else "Backup of etcd"
        self._site = site
        self._hosts = hosts
        self._backups = backups
        self._since = since
        self._before = before
        self._now = now

    def inputs(self, node: str | None) -> Any:
        return {"before": str(self._before)}

    def facts(self, step: Step) -> LastBackup:
        newest = self._backups.newest()
        fresh = newest is not None and newest.taken >= self._since
        if self._before is None:
            return LastBackup(fresh, wanted=True)
        node = self._site.control_plane
        said = Facts.read(node, self._hosts.run(step, node, upgrade_scripts.versions(control_plane=True)))
        running = answers.version(said, "kube-apiserver")
        # One of the version before that would be of no use: it is not restored into this one.
        if fresh and newest is not None:
            fresh = self._backups.about(newest.key).kubernetes == str(running)
        return LastBackup(fresh, wanted=running < self._before)

    def plan(self, facts: LastBackup) -> Sequence[Action]:
        if facts.fresh or not facts.wanted:
            return ()
        where = f"s3://{self._backups.bucket}"
        title = f"snapshot of etcd on {self._site.control_plane} and the cluster's certificates to {where}"
        return [Action(id="backup", title=title)]

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        node = self._site.control_plane
        try:
            self._back_up(step, node)
        finally:
            # It holds every secret of the cluster. The next backup removes it where this does not come so far.
            self._hosts.run(step, node, scripts.forget_snapshot(), timeout_s=30, to_the_end=True)

    def _back_up(self, step: Step, node: str) -> None:
        taken = self._now()
        said = answers.document(self._hosts.run(step, node, scripts.snapshot()), node)
        if not said.get("running"):
            raise EtcdDown(f"etcd does not run on {node}")
        try:
            status, snapshot, pki = said["status"], said["snapshot"], said["pki"]
            revision, etcd_hash = int(status["revision"]), str(status["hash"])
            metadata = {"sha256": snapshot["sha256"], "kubernetes": str(said["kubernetes"]), "hash": etcd_hash}
            count = int(snapshot["bytes"])
        except (KeyError, TypeError, ValueError) as error:
            raise NodeAnswersWrong(f"{node}: the snapshot does not say its {error}") from error
        if count > LARGEST:
            raise SnapshotTooLarge(f"{size(count)}, {size(LARGEST)} are permitted")
        key = self._backups.key(taken, revision)
        step.say(f"revision {revision}, hash {etcd_hash}, {size(count)}, checked by etcdutl")
        # The certificates go first: a backup that is listed is whole.
        self._send(step, node, scripts.PKI, Backups.pki_key(key), pki, {**metadata, "sha256": pki["sha256"]})
        self._send(step, node, scripts.SNAPSHOT, key, snapshot, metadata)
        step.say(f"s3://{self._backups.bucket}/{key}")

    def _send(self, step: Step, node: str, path: str, key: str, file: dict[str, Any], metadata: dict[str, str]) -> None:
        """Raises `BackupNotKept` where the bucket does not hold afterwards what was sent."""
        step.safe_point()
        url, headers = self._backups.upload_url(key, file["sha256"], metadata)
        self._hosts.run(step, node, scripts.upload(path, url, headers, timeout_s=_UPLOAD_S))
        kept = self._backups.about(key)
        if (kept.bytes, kept.sha256) != (int(file["bytes"]), file["sha256"]):
            raise BackupNotKept(f"{key} has {kept.bytes} bytes, {file['bytes']} were sent")
