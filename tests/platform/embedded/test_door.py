"""The port people knock at: the one they asked for, or the next that is free, or one line that says why not."""

import os

import pytest

from tandem.embedded import ServerRefused
from tandem.embedded.door import knock, open_door
from tandem.embedded.processes import free_port


def test_two_checkouts_that_start_at_once_get_two_ports() -> None:
    with open_door(None) as first, open_door(None) as second:
        ports = {first.getsockname()[1], second.getsockname()[1]}

    assert len(ports) == 2
    assert all(port >= 8000 for port in ports)


def test_a_wanted_port_that_is_taken_is_refused_and_not_replaced() -> None:
    with open_door(str(free_port())) as holder:
        port = holder.getsockname()[1]

        with pytest.raises(ServerRefused, match=f"port {port} is taken: stop what listens there"):
            open_door(str(port))


@pytest.mark.parametrize("nonsense", ["http", "0", "65536", "-1", "80.5"])
def test_what_is_no_port_is_refused_by_name(nonsense: str) -> None:
    with pytest.raises(ServerRefused, match=f"TANDEM_PORT={nonsense} is not a port"):
        open_door(nonsense)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may have every port")
def test_a_port_for_root_alone_is_called_so() -> None:
    with pytest.raises(ServerRefused, match="port 81 is for root alone"):
        open_door("81")


def test_a_server_of_somebody_elses_that_does_not_answer_is_named() -> None:
    port = free_port()

    with pytest.raises(ServerRefused, match=f"nobody answers at 127.0.0.1:{port}"):
        knock(f"redis://:secret@127.0.0.1:{port}/0", 6379)


def test_who_knocks_at_a_port_learns_nothing_of_passwords() -> None:
    with open_door(str(free_port())) as holder:
        knock(f"redis://:secret@127.0.0.1:{holder.getsockname()[1]}/0", 6379)

    with pytest.raises(ServerRefused) as refused:
        knock(f"redis://:secret@127.0.0.1:{free_port()}/0", 6379)
    assert "secret" not in str(refused.value)
