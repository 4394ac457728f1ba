import os

import pytest

from provisioning.local.errors import MissingPackages
from provisioning.local.packages import find, install, require
from provisioning.local.settings import MONITORING, PARTS


def test_missing_packages_are_named_with_the_command_that_installs_them(tmp_path):
    with pytest.raises(MissingPackages) as error:
        require(PARTS, say=print, root=tmp_path)
    assert (
        "sudo apt-get install --no-install-recommends rabbitmq-server postgresql postgresql-contrib redis-server"
        in str(error.value)
    )
    assert "ECO2_AMQP_URL" in str(error.value)
    assert error.value.exit_code != 0


def test_a_replaced_part_needs_no_package(tmp_path):
    _, missing = find(["redis"], tmp_path)
    assert missing == ["redis-server"]


def test_nothing_replaces_the_programs_of_the_monitoring(tmp_path):
    with pytest.raises(MissingPackages, match="sudo apt-get install --no-install-recommends prometheus ") as error:
        require(MONITORING, say=print, root=tmp_path)
    assert "ECO2_" not in str(error.value)


def test_the_monitoring_is_no_part_of_what_a_stack_needs(tmp_path):
    _, missing = find(PARTS, tmp_path)
    assert not [name for name in missing if name.startswith("prometheus")]


@pytest.mark.parametrize(
    ("part", "files"),
    [("prometheus", ("prometheus", "promtool")), ("alertmanager", ("prometheus-alertmanager", "amtool"))],
)
def test_a_program_without_the_one_that_checks_its_files_does_not_count(tmp_path, part, files):
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin" / files[0]).touch()
    assert find([part], tmp_path)[1] == [files[0]]
    (tmp_path / "usr/bin" / files[1]).touch()
    assert find([part], tmp_path)[1] == []


def test_a_server_without_contrib_does_not_count_and_the_newest_wins(tmp_path):
    for version, contrib in (("9", True), ("15", True), ("17", False)):
        server = tmp_path / f"usr/lib/postgresql/{version}/bin/postgres"
        server.parent.mkdir(parents=True)
        server.touch()
        if contrib:
            extension = tmp_path / f"usr/share/postgresql/{version}/extension"
            extension.mkdir(parents=True)
            for name in ("cube", "earthdistance", "pg_trgm"):
                (extension / f"{name}.control").touch()
    found, missing = find(["postgresql"], tmp_path)
    assert found.postgres_bin == tmp_path / "usr/lib/postgresql/15/bin"
    assert missing == []


def test_installing_starts_and_creates_nothing_of_the_systems_and_cleans_up(tmp_path):
    seen = []

    def run(command):
        policy = tmp_path / "usr/sbin/policy-rc.d"
        cluster = tmp_path / "etc/postgresql-common/createcluster.d/eco2.conf"
        seen.append((command[1], "exit 101" in policy.read_text() and os.access(policy, os.X_OK), cluster.exists()))

    install(["postgresql"], root=tmp_path, run=run)
    assert seen == [("update", True, False), ("install", True, True)]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_existing_policy_is_left_as_it_is(tmp_path):
    policy = tmp_path / "usr/sbin/policy-rc.d"
    policy.parent.mkdir(parents=True)
    policy.write_text("mine")
    install(["postgresql"], root=tmp_path, run=lambda command: None)
    assert policy.read_text() == "mine"
