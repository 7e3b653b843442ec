"""The room for bodies, shared by clients; tests/app/test_serving.py has it in a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from backend.api.bodies import Body, Reception, Room
from backend.api.clients import client_of

GREEDY, MODEST, OTHER = "10.0.0.1", "10.0.0.2", "10.0.0.3"


@pytest.fixture
def room() -> Room:
    return Room(1000)


@pytest.fixture
def receive(room: Room, tmp_path: Path) -> Iterator[Callable[[str, int], Body]]:
    """Receive the beginning of a client's body."""
    with ExitStack() as stack:

        def receive(client: str, size: int) -> Body:
            body = Body(Reception(tmp_path, 1000, room, 1), client)
            stack.callback(body.close)
            body.append(bytes(size))
            return body

        yield receive


def test_what_was_kept_of_a_crowded_body_is_kept_no_longer(receive, room):
    bodies = [receive(GREEDY, 600), receive(GREEDY, 300)]
    bodies[1].append(bytes(300))
    assert (room.left, [body.finish() for body in bodies]) == (400, [True, False])
    assert len(bodies[1]) == 600
    for body in bodies * 2:
        body.close()
    assert room.left == 1000


def test_a_client_alone_may_take_all_of_it_and_then_takes_nothing_from_itself(receive):
    bodies = [receive(GREEDY, 250) for _ in range(5)]
    assert [body.crowded for body in bodies] == [False] * 4 + [True]


def test_the_newest_of_the_client_that_keeps_the_most_gives_way(receive, room):
    greedy = [receive(GREEDY, 150) for _ in range(4)]
    modest = receive(MODEST, 300)
    other = receive(OTHER, 250)
    assert [body.crowded for body in (modest, other)] == [False, False]
    assert [body.crowded for body in greedy] == [False, False, False, True]
    assert room.left == 0


@pytest.mark.parametrize(("more", "crowded"), [(199, False), (200, True)])
def test_it_gives_way_only_to_those_who_would_still_keep_less(receive, more, crowded):
    greedy = [receive(GREEDY, 300) for _ in range(2)]
    other = receive(OTHER, 400)
    other.append(bytes(more))
    assert other.crowded is crowded and [body.crowded for body in greedy] == [False, not crowded]


def test_a_body_that_has_been_received_gives_way_to_none(receive):
    whole = receive(GREEDY, 400)
    assert whole.finish()
    coming = receive(GREEDY, 400)
    other = receive(OTHER, 300)
    assert [body.crowded for body in (whole, coming, other)] == [False, True, False]
    assert receive(MODEST, 399).crowded and not whole.crowded


def test_what_gave_way_comes_back_to_the_room_once(receive, room):
    greedy = receive(GREEDY, 1000)
    other = receive(OTHER, 300)
    greedy.append(bytes(100))
    greedy.close()
    assert greedy.crowded and room.left == 700
    other.close()
    assert room.left == 1000


def test_addresses_of_one_ipv6_network_are_one_client():
    assert client_of("2001:db8:0:1::1") == client_of("2001:db8:0:1:ffff::2") != client_of("2001:db8:0:2::1")
    assert client_of("fe80::1%eth0") == client_of("fe80::2%eth0")
    assert client_of("10.0.0.1") != client_of("10.0.0.2")
