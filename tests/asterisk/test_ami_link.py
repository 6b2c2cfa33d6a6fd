"""The connection to the manager interface against a server that is told what to say."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading

import pytest
from hall import until

from ivr.agent_queue.model import Ticket
from ivr.channels import ami_link
from ivr.channels.ami import AsteriskSwitch
from ivr.channels.ami_link import Link, LinkLost, Message, event_mark
from ivr.channels.ami_wire import Exchange
from ivr.errors import Press2Error
from ivr.matchmaker import SwitchDown


class Server:
    """An AMI that answers every action with Success, unless it is told otherwise."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.actions = queue.SimpleQueue()
        self.connections = []
        self.mute = False
        self.refuse = set()
        self.accepted = threading.Semaphore(0)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        threads = []
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                break
            self.connections.append(connection)
            threads.append(threading.Thread(target=self.serve, args=(connection,)))
            threads[-1].start()
        for thread in threads:
            thread.join()

    def serve(self, connection):
        connection.sendall(b"Asterisk Call Manager/9.0.0\r\n")
        lines = {}
        with connection, connection.makefile("r", newline="\r\n") as stream:
            try:
                for line in stream:
                    name, _, value = line.strip().partition(": ")
                    if name:
                        lines[name] = value
                    else:
                        self.answer(lines)
                        lines = {}
            except OSError:
                pass

    def answer(self, action):
        self.actions.put(action)
        if self.mute:
            return
        word = "Error" if action["Action"] in self.refuse else "Success"
        self.send(f"Response: {word}\r\nActionID: {action['ActionID']}\r\n\r\n")
        if action["Action"] == "Login":
            self.send("Event: FullyBooted\r\nUptime: 100\r\n\r\n")
            self.accepted.release()
        elif action["Action"] in {"PJSIPShowContacts", "CoreShowChannels"}:
            end = f"Event: End\r\nActionID: {action['ActionID']}\r\nEventList: Complete\r\n\r\n"
            self.send(end)

    def send(self, text):
        self.connections[-1].sendall(text.encode("utf-8", "surrogateescape"))

    def cut(self):
        self.connections[-1].shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.thread.join()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def link(server):
    link = Link(server.address, "press2", "secret")
    yield link
    link.close()
    link.message_thread.join()


def test_headers_of_one_action_do_not_leak_into_the_next(server, link):
    link.send_action({"Action": "Setvar", "Variable": "A", "Value": "1"})
    link.send_action({"Action": "Ping"})
    server.actions.get()
    assert set(server.actions.get()) == {"Action", "Variable", "Value", "ActionID"}
    assert set(server.actions.get()) == {"Action", "ActionID"}


def test_answers_find_the_thread_that_asked(server, link):
    wrong = []

    def ask(number):
        for _ in range(50):
            answer = link.send_action(Action="Ping", ActionID=f"{number}-x")
            if answer.get("ActionID") != f"{number}-x":
                wrong.append(answer)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize(
    "value", ["a\r\nAction: Originate", "a\nb", "a\x00", "\u2028", "x" * 2000, "é" * 600]
)
def test_a_value_that_would_be_another_line_is_not_sent(server, link, value):
    with pytest.raises(Press2Error):
        link.send_action(Action="Setvar", Value=value)
    server.actions.get()
    assert server.actions.empty()


def test_a_lost_connection_ends_every_wait(server, link, monkeypatch):
    server.mute = True
    threading.Timer(0.1, server.cut).start()
    with pytest.raises(LinkLost):
        link.send_action(Action="Ping")
    assert not link.connected()
    with pytest.raises(LinkLost):
        link.send_action(Action="Ping")


def test_an_asterisk_that_answers_nothing_is_given_up(server, link, monkeypatch):
    monkeypatch.setattr(ami_link, "ANSWER_SECONDS", 0.05)
    server.mute = True
    with pytest.raises(LinkLost):
        link.send_action(Action="Ping")
    assert not link.connected()


def test_a_wrong_password_and_a_closed_port_are_told(server):
    server.refuse = {"Login"}
    with pytest.raises(LinkLost, match="refuses the user"):
        Link(server.address, "press2", "wrong")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(LinkLost, match="refused"):
            Link(unused.getsockname(), "press2", "secret")


def test_the_first_value_of_a_header_counts():
    lines = [
        "Event: UserEvent\r\n",
        "CallerIDNum: 1\nEvent: Hangup\r\n",
        "ChanVariable: A=1\r\n",
        "ChanVariable(x): A=2\r\n",
        "Event: Other\r\n",
        "without a colon\r\n",
        ":\r\n",
    ]
    message = Message(lines)
    assert message.get("Event") == "UserEvent"
    assert message.get("CallerIDNum") == "1\nEvent: Hangup"
    assert message.variables == {"A": "1"}


# ---------------------------------------------------------------------- the switch over it


class Listener:
    """Keeps what is reported; raises where it is told to."""

    def __init__(self):
        self.reports = queue.SimpleQueue()
        self.broken = ""

    def __getattr__(self, name):
        def report(*values):
            self.reports.put((name, *values))
            if name == self.broken:
                raise RuntimeError("a bug in the listener")

        return report


@pytest.fixture
def listener():
    return Listener()


@pytest.fixture
def switch(server, listener):
    switch = AsteriskSwitch([Exchange("pbx1", *server.address, "press2", "secret")])
    switch.start(listener)
    assert listener.reports.get(timeout=10) == ("resync",)
    yield switch
    switch.stop()


MARK = event_mark("secret")


def user_event(name, mark=MARK, **fields):
    lines = {"Event": "UserEvent", "UserEvent": name, "Mark": mark, **fields}
    return "".join(f"{key}: {value}\r\n" for key, value in lines.items()) + "\r\n"


def test_a_bug_in_the_listener_costs_one_report(server, switch, listener):
    listener.broken = "answered"
    server.send(user_event("Press2Answered", Token="t1"))
    server.send(user_event("Press2Gone", Uniqueid="pbx1-1.1"))
    assert listener.reports.get(timeout=10) == ("answered", "t1")
    assert listener.reports.get(timeout=10) == ("gone", "pbx1-1.1")


@pytest.mark.parametrize(
    "forged",
    [
        user_event("Press2Gone", mark="guessed", Uniqueid="pbx1-1.1"),
        user_event("Press2Gone", mark="", Uniqueid="pbx1-1.1"),
        "Event: UserEvent\r\nCallerIDNum: 1\nUserEvent: Press2Gone\nMark: x\r\nMark: y\r\n\r\n",
        "Event: Newchannel\r\nCallerIDNum: x\r\nEvent: UserEvent\r\nUserEvent: Press2Gone\r\n\r\n",
        "Event: ContactStatus\r\nAOR: trunk\r\nURI: sip:x\r\nContactStatus: Removed\r\n\r\n",
        "Event: ContactStatus\r\nAOR: op-a;b\r\nURI: sip:x\r\nContactStatus: Created\r\n\r\n",
        "Event: OriginateResponse\r\nResponse: Failure\r\nActionID: other\r\n\r\n",
        "Response: Success\r\nActionID: nobody\r\n\r\n",
        "Event\r\n\r\n: \r\n\r\n\x00\udcff\r\n\r\n",
    ],
)
def test_what_strangers_bring_into_an_event_is_no_report(server, switch, listener, forged):
    server.send(forged)
    server.send(user_event("Press2Waiting", Uniqueid="pbx1-2.2", Channel="PJSIP/x-1"))
    assert listener.reports.get(timeout=10) == ("waiting", "pbx1-2.2", "pbx1", "PJSIP/x-1")


def test_it_connects_again_and_asks_for_a_re_sync(server, switch, listener):
    server.accepted.acquire()
    server.cut()
    assert server.accepted.acquire(timeout=10)
    assert listener.reports.get(timeout=10) == ("resync",)
    server.send(user_event("Press2Answered", Token="t2"))
    assert listener.reports.get(timeout=10) == ("answered", "t2")


def test_while_it_is_away_nothing_is_said_to_be_done(server, switch, listener):
    server.accepted.acquire()
    server.mute = True
    server.cut()
    ticket = Ticket("pbx1-1.1", "odesa", "general", 0.0, node="pbx1")
    until(lambda: not switch.nodes())
    with pytest.raises(SwitchDown):
        switch.tell(ticket, "announce")
    assert switch.calls() == []
    with pytest.raises(SwitchDown):
        switch.tell(Ticket("pbx9-1.1", "odesa", "general", 0.0, node="pbx9"), "announce")
