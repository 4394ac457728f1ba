import socket

import pytest

from provisioning.local.errors import PortTaken
from provisioning.local.ports import GRPC_OFFSET, POOL, RESERVED, Claims, choose, is_free, is_listening


@pytest.fixture
def taken():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_port_with_a_listener_is_not_free(taken):
    assert not is_free(taken)
    assert is_listening(taken)


def test_a_taken_port_is_chosen_anew_and_the_others_are_kept(taken):
    chosen = choose(["amqp", "redis"], {"amqp": taken, "redis": 13_001}, free=lambda port: port != taken)
    assert chosen["redis"] == 13_001
    assert chosen["amqp"] != taken
    assert chosen["amqp"] in POOL


def test_a_new_port_is_never_one_that_another_part_has_kept():
    kept = choose(["redis", "s3"], {}, seed="a home", free=lambda port: True)
    again = choose(["redis", "s3"], kept, seed="a home", free=lambda port: port != kept["redis"])
    assert again["s3"] == kept["s3"]
    assert again["redis"] not in kept.values()


def test_seaweedfs_needs_its_grpc_port_free_too():
    chosen = choose(["s3"], {"s3": 13_001}, free=lambda port: port != 13_001 + GRPC_OFFSET)
    assert chosen["s3"] != 13_001


def test_no_port_is_reserved_and_none_is_given_twice():
    names = ["s3", "filer", "master", "volume", *(f"process{n}" for n in range(200))]
    chosen = choose(names, dict.fromkeys(names, 15_672), seed="a home")
    bound = list(chosen.values()) + [chosen[name] + GRPC_OFFSET for name in names[:4]]
    assert len(set(bound)) == len(bound)
    assert not set(bound) & RESERVED


def test_two_homes_do_not_begin_with_the_same_ports():
    assert choose(["amqp"], {}, seed="one") != choose(["amqp"], {}, seed="another")


def test_a_port_asked_for_by_name_is_not_replaced_silently(taken):
    with pytest.raises(PortTaken, match=str(taken)):
        choose(["gateway"], {}, wanted={"gateway": taken})


def test_a_port_that_another_up_has_chosen_and_not_yet_bound_is_not_chosen():
    with Claims() as first, Claims() as second:
        ours = choose(["redis", "s3"], {}, seed="a home", free=first.take)
        theirs = choose(["redis", "s3"], {}, seed="a home", free=second.take)
        assert not set(ours.values()) & set(theirs.values())
        assert choose(["redis", "s3"], ours, free=first.take) == ours
    with Claims() as third:
        assert choose(["redis", "s3"], {}, seed="a home", free=third.take) == ours


def test_a_taken_port_cannot_be_claimed(taken):
    with Claims() as claims:
        assert not claims.take(taken)
