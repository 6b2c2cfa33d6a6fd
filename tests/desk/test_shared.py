"""The desk over Redis, which other web processes share, and which may die."""

from agent_desk.live import Live
from agent_desk.presence import RedisPresence


def test_a_call_from_the_offer_to_the_wrap_up(shared):
    browser = shared.desk().ready()
    ticket = shared.ring(context={"flow": "main", "step": "menu"})
    assert browser.state(lambda s: s["offer"])["offer"]["caller"]["match"] == "one"
    assert browser.send("answer", {"token": ticket.token}).status_code == 200
    shared.queue.answered(ticket.token, shared.watch.now)
    assert browser.state(lambda s: s["talk"])["talk"]["state"] == "talking"
    shared.queue.ended(ticket.id, shared.watch.now)
    assert browser.state(lambda s: s["talk"]["state"] == "wrap_up")
    browser.send("wrap-up", {"token": ticket.token, "code": "other"})
    assert browser.state(lambda s: not s["talk"])["operator"]["state"] == "idle"


def test_two_tabs(shared):
    old = shared.desk()
    old.state()
    new = shared.browser(other=old).enter()
    assert old.event()[0] == "taken"
    assert old.listen().event()[0] == "taken"
    assert old.send("status", {"status": "offline"}).status_code == 409
    assert new.ready()


def test_another_process_sees_which_desks_are_open(shared):
    browser = shared.desk().ready()
    browser.state()
    other = Live(20, RedisPresence(shared.office.live.presence._client, shared.watch))
    other._office = shared.office
    shared.watch.now += 60
    browser.listen().state()
    other._watch()
    assert shared.queue.operator("odesa", "olena").status == "ready"
    shared.watch.now += 9
    other._watch()
    assert shared.queue.operator("odesa", "olena").reason == "connection"


def test_attempts_are_counted_for_all_processes(shared, redis_server):
    browser = shared.browser()
    other = type(browser)(shared.app, "taras", "tab-99999999")
    assert other.sign_in("wrong").status_code == 401
    with redis_server.client() as client:
        assert any(b"taras" in key for key in client.keys("*throttle*"))


def test_redis_dies_and_comes_back(shared, redis_server):
    browser = shared.desk()
    browser.state()
    redis_server.kill()
    shared.office.live.touch("odesa", "olena")
    assert browser.state(lambda s: s["down"])
    assert browser.send("status", {"status": "offline"}).json["error"] == "queue_down"
    body = {"type": "other", "account": "100200301", "fields": {"text": "noise"}}
    assert browser.send("ticket", body).status_code == 200
    assert browser.get("accounts?q=100200301").status_code == 200
    assert shared.browser("taras").get("").status_code == 200, "signing in needs the store only"
    redis_server.start()
    assert browser.state(lambda s: not s["down"])["operator"]["name"] == "olena"
    assert browser.ready()
