"""Live events through the real server: many desks, a closed browser, a stop."""

import http.client
import threading
import time

import pytest
import waitress
from waitress import wasyncore

from agent_desk import server


@pytest.fixture
def served(world):
    """Serve the world's application on a port of its own; yields the port."""
    with server.listener("127.0.0.1", 0) as listening:
        made = waitress.create_server(world.app, sockets=[listening], **server.settings(20))
        thread = threading.Thread(target=made.run, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        world.office.live.stop()
        made.task_dispatcher.shutdown()
        made.pull_trigger()
        wasyncore.close_all(made._map)
        thread.join(5)


def open_events(world, port, login, tab):
    cookie = world.browser(login).client.get_cookie("press2_desk", path="/desk").value
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(
        "GET", f"/desk/events?tab={tab}", headers={"Cookie": f"press2_desk={cookie}"}
    )
    answer = connection.getresponse()
    assert answer.status == 200
    assert answer.getheader("Content-Type").startswith("text/event-stream")
    return connection, answer


def line(answer):
    """Return the next line that is no heartbeat and not empty."""
    while True:
        text = answer.readline().decode()
        if text.strip() and not text.startswith(":"):
            return text.strip()


def test_events_arrive_at_once_and_requests_are_answered_meanwhile(world, served):
    connection, answer = open_events(world, served, "olena", "tab-00000001")
    assert line(answer) == "retry: 1000"
    assert line(answer) == "event: state"
    assert line(answer).startswith('data: {"time":')
    other = http.client.HTTPConnection("127.0.0.1", served, timeout=10)
    other.request("GET", "/health")
    assert other.getresponse().read()
    world.queue.set_status("odesa", "olena", "paused", world.watch.now, reason="break")
    while '"reason":"break"' not in line(answer):
        pass
    answer.close()
    connection.close()
    other.close()


def test_a_closed_browser_is_noticed(world, served):
    connection, answer = open_events(world, served, "olena", "tab-00000001")
    line(answer)
    assert world.office.live.has("odesa", "olena", "tab-00000001")
    answer.close()
    connection.close()
    deadline = time.monotonic() + 10
    while world.office.live.has("odesa", "olena", "tab-00000001"):
        assert time.monotonic() < deadline, "the stream of a closed browser stays open"
        time.sleep(0.01)
