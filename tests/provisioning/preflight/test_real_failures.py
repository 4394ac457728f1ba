"""What has really gone wrong in clusters like this one, each with the check or the test that keeps it from coming back.

The numbers are those of the list that it was drawn up from. ``Check`` is one of the preflight's, ``Test`` the name of a
test somewhere under ``tests``, ``Code`` an error that names it when it happens all the same.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import provisioning
from provisioning.preflight import CHECKS
from provisioning.run import ErrorClass, RunError
from provisioning.run.phase import Phase

TESTS = Path(__file__).parents[2]


@dataclass(frozen=True)
class Check:
    number: int


@dataclass(frozen=True)
class Test:
    name: str

    __test__ = False


@dataclass(frozen=True)
class Code:
    code: str


Caught = Check | Test | Code

VALID = Test("test_it_is_valid_and_warns_of_nothing")
FAILURES: dict[int, tuple[str, tuple[Caught, ...]]] = {
    1: ("a policy declared in two files", (VALID,)),
    2: ("no provider for us-east-1", (VALID, Test("test_the_cdn_proves_itself_in_us_east_1_and_serves_https_alone"))),
    3: ("a role that is declared nowhere", (VALID,)),
    4: ("a zone with count, used without index", (VALID, Test("test_without_a_domain_nothing_of_it_is_made"))),
    5: ("a lifecycle rule without filter", (VALID,)),
    6: (
        "Terraform run in a folder without configuration",
        (Test("test_the_plan_names_each_machine_and_changes_nothing"),),
    ),
    7: (
        "EntityAlreadyExists after a lost state",
        (Check(8), Code("E-NAME-TAKEN"), Test("test_a_lost_state_is_in_nobodys_way")),
    ),
    8: ("VcpuLimitExceeded half way", (Check(5), Code("E-VCPU-QUOTA"))),
    9: ("a second quota request", (Check(6), Code("E-QUOTA-OPEN"))),
    10: ("InvalidKeyPair.Duplicate", (Check(8), Code("E-NAME-TAKEN"))),
    11: (
        "BucketAlreadyOwnedByYou",
        (Check(7), Test("test_a_bucket_of_a_lost_state_is_taken_over_after_a_line_in_the_plan")),
    ),
    12: ("a registry token that may too little", (Check(24),)),
    13: (
        "waiting for CloudFront",
        (Test("test_after_an_apply_nothing_is_left_to_do_and_after_a_destroy_nothing_is_left"),),
    ),
    14: ("a VPC that groups and load balancers hold", (Test("test_no_group_names_one_that_names_it_back"),)),
    15: (
        "a certificate that a forgotten CDN holds",
        (Test("test_all_of_ours_is_gone_and_all_of_theirs_is_as_it_was"),),
    ),
    16: ("empty target groups", (Test("test_every_node_says_its_provider_id_before_it_is_first_seen"),)),
    17: ("one node without providerID", (Test("test_a_node_that_differs_is_named_with_the_difference"),)),
    18: ("PostgreSQL Pending", (Check(19), Check(20))),
    19: (
        "Prometheus Pending for want of CPU",
        (Check(19), Test("test_requests_that_no_node_can_give_are_found_with_what_is_left")),
    ),
    20: (
        "Prometheus Pending for want of memory",
        (Check(19), Check(20), Test("test_a_taint_that_is_not_tolerated_is_found")),
    ),
    21: (
        "names that point at the master",
        (Test("test_the_names_point_at_the_load_balancer_and_a_second_run_changes_nothing"),),
    ),
    22: ("HTTPS to a pod that speaks HTTP", (Test("test_the_load_balancer_asks_a_health_path_of_that_domain"),)),
    23: ("a redirect without end", (Test("test_with_a_certificate_plain_http_is_only_redirected"),)),
    24: ("a key that is gone after 60 seconds", (Check(13),)),
    25: ("yesterday's addresses", (Test("test_outputs_that_were_not_written_are_written_by_the_next_run"),)),
    26: ("another path of the key", (Check(13), Test("test_a_host_is_reached_as_the_file_says"))),
    27: ("steps that contradict each other", (Test("test_a_list_of_phases_that_contradicts_itself_is_refused"),)),
    28: ("YAML that is none", (Test("test_a_mistake_is_told_at_its_place_when"),)),
    29: ("a number of nodes written down twice", (Test("test_no_number_of_nodes_stands_anywhere_under_provisioning"),)),
    30: ("labels of two names", (Check(20), Test("test_a_selector_that_no_node_has_is_found"))),
    31: (
        "a network that is installed by what needs it",
        (Test("test_the_network_comes_up_on_the_first_control_plane_alone"),),
    ),
    32: ("CoreDNS without a node", (Check(19),)),
    33: ("a VPC's id written down", (Test("test_the_load_balancers_values_wait_for_the_network"),)),
    34: (
        "two owners of the network",
        (Code("E-CNI-OWNER"), Test("test_a_network_of_somebody_else_stops_before_a_second_one_is_made")),
    ),
    35: ("a port that is not open between nodes", (Test("test_node_ports_are_for_the_load_balancer"),)),
    36: ("groups that name each other", (Test("test_no_group_names_one_that_names_it_back"),)),
    37: ("images that have moved", (Test("test_images_are_pulled_with_the_registry_secret_and_by_an_exact_tag"),)),
    38: ("a registry that refuses", (Check(22), Check(24))),
    39: (
        "a program that is not where it is looked for",
        (Test("test_a_process_is_started_with_the_words_of_the_local_stack"),),
    ),
    40: ("volumes that nobody makes", (Test("test_a_volume_can_be_made_where_the_ebs_drivers_controller_runs"),)),
    41: ("a volume that its user may not write", (Test("test_a_volume_is_its_users_and_files_keep_their_modes"),)),
    42: ("a sign-in that ends nowhere", (Test("test_the_sign_in_ends_at_the_page_that_was_asked_for"),)),
    43: ("no way out to who is asked", (Test("test_only_who_asks_somebody_outside_reaches_the_internet"),)),
    46: ("a connection that died while idle", (Test("test_an_idle_connection_that_was_closed_is_replaced_unnoticed"),)),
    51: ("too many connections", (Test("test_postgresql_takes_every_connection_that_all_processes_may_open"),)),
    53: (
        "workers that take all connections",
        (Test("test_postgresql_takes_every_connection_that_all_processes_may_open"),),
    ),
    54: ("busy pods that are restarted", (Test("test_liveness_asks_for_no_more_than_an_open_port"),)),
}
# The application's own, which no preparation of a cluster can see: its answers, its queues and its rows are tested
# in tests/services, tests/workers and tests/wal.
OF_THE_APPLICATION = {44, 45, 47, 48, 49, 50, 52}


@cache
def names_of_tests() -> frozenset[str]:
    files = [path for path in TESTS.rglob("test_*.py") if path != Path(__file__)]
    return frozenset(name for path in files for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE))


@cache
def codes_there() -> frozenset[str]:
    for module in pkgutil.walk_packages(provisioning.__path__, "provisioning."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found: set[str] = set()
    waiting: list[type] = [RunError, Phase]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        found.add(str(getattr(kind, "code", "")))
        found |= {each.code for each in getattr(kind, "errors", ()) if isinstance(each, ErrorClass)}
    return frozenset(found)


def test_each_failure_is_on_the_list() -> None:
    assert set(FAILURES) | OF_THE_APPLICATION == set(range(1, 55))
    assert not set(FAILURES) & OF_THE_APPLICATION


@pytest.mark.parametrize("number", sorted(FAILURES))
def test_it_is_caught_where_the_list_says(number: int) -> None:
    _, caught = FAILURES[number]
    for each in caught:
        match each:
            case Check(wanted):
                assert wanted in {check.number for check in CHECKS}
            case Test(name):
                assert name in names_of_tests()
            case Code(code):
                assert code in codes_there()
