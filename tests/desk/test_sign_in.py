"""Signing in and out: passwords, cookies, forged requests, too many attempts, roles."""

import re
import stat
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from agent_desk import passwords
from agent_desk.door import KEY, secret_key
from ivr.store.models import SignIn, User


def test_sign_in_leads_to_the_desk(world):
    browser = world.browser()
    cookie = browser.client.get_cookie("press2_desk", path="/desk")
    assert cookie.http_only
    assert cookie.same_site == "Strict"
    page = browser.get("")
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert browser.get("sign-in").status_code == 303, "he is signed in already"
    assert ("olena", "sign_in", True) in world.audit()


def test_the_store_holds_no_password_and_no_token(world):
    browser = world.browser()
    token = browser.client.get_cookie("press2_desk", path="/desk").value
    kept = [vars(row) for row in (*world.rows(User), *world.rows(SignIn))]
    assert token not in str(kept)
    assert world.passwords["olena"] not in str(kept)


@pytest.mark.parametrize(
    ("login", "password"),
    [("olena", "wrong"), ("nobody", "wrong"), ("", ""), ("olena", "x" * 5000), ("olena\0", "x")],
)
def test_a_wrong_password_is_refused(world, login, password):
    browser = world.browser()
    other = type(browser)(world.app, login, "tab-99999999")
    answer = other.sign_in(password)
    assert answer.status_code == 401
    assert other.client.get_cookie("press2_desk", path="/desk") is None
    assert ("", "sign_in", False) in world.audit()


def test_a_disabled_user_is_shut_out_at_once(world):
    browser = world.desk()
    with world.store.session() as db:
        db.scalars(select(User).where(User.login == "olena")).one().enabled = False
    assert browser.get("inbox").status_code == 401
    assert browser.sign_in(world.passwords["olena"]).status_code == 401


def test_a_weak_hash_is_renewed(world):
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("old-password")
    with world.store.session() as db:
        db.scalars(select(User).where(User.login == "olena")).one().password = weak
    world.passwords["olena"] = "old-password"
    world.browser()
    kept = next(row.password for row in world.rows(User) if row.login == "olena")
    assert kept != weak
    assert not passwords.outdated(kept)
    world.browser()


@pytest.mark.parametrize("page", ["", "dispatch/", "supervisor/wallboard/", "supervisor/reports/"])
def test_a_page_sends_who_is_not_signed_in_to_the_form(world, page):
    answer = world.app.test_client().get(f"/desk/{page}")
    assert (answer.status_code, answer.location) == (303, "/desk/sign-in")


def test_a_forged_cookie_is_refused_and_noted(world):
    client = world.app.test_client()
    client.set_cookie("press2_desk", "forged", path="/desk")
    assert client.get("/desk/inbox").status_code == 401
    assert client.get("/desk/inbox").json["error"] == "signed_out"
    assert client.get("/desk/events?tab=12345678").status_code == 401
    page = client.get("/desk/", headers={"Accept": "text/html"})
    assert (page.status_code, page.location) == (303, "/desk/sign-in")
    assert world.audit("forged_cookie")[0] == ("", "forged_cookie", False)


def test_no_cookie_is_no_forgery(world):
    client = world.app.test_client()
    assert client.get("/desk/inbox").status_code == 401
    assert client.get("/desk/").status_code == 303
    assert world.audit() == []


def test_a_shift_ends(world):
    browser = world.desk()
    world.watch.now += timedelta(hours=12).total_seconds()
    assert browser.get("inbox").status_code == 401
    assert browser.event()[0] == "bye"


def test_sign_out_ends_the_shift(world):
    browser = world.desk().ready()
    browser.state()
    assert browser.send("sign-out").status_code == 303
    assert browser.event()[0] == "bye"
    assert browser.get("inbox").status_code == 401
    assert world.queue.operator("odesa", "olena").status == "offline"
    assert world.queue.commands()[-1]["do"] == "dismiss_phone"
    assert world.rows(SignIn)[0].ended_at is not None


def test_a_cookie_kept_after_sign_out_is_worth_nothing(world):
    browser = world.desk()
    token = browser.client.get_cookie("press2_desk", path="/desk").value
    browser.send("sign-out")
    browser.client.set_cookie("press2_desk", token, path="/desk")
    assert browser.get("inbox").status_code == 401


def test_nobody_signs_out_in_a_talk(world):
    browser = world.desk().ready()
    world.talk()
    assert browser.send("sign-out").status_code == 409
    assert world.queue.operator("odesa", "olena").state == "talking"


def test_a_request_without_the_token_of_the_page_is_refused(world):
    browser = world.desk()
    csrf, browser.csrf = browser.csrf, ""
    answer = browser.send("status", {"status": "offline"})
    assert (answer.status_code, answer.json["error"]) == (400, "csrf")
    browser.csrf = csrf[:-3] + "AAA"
    assert browser.send("status", {"status": "offline"}).status_code == 400
    assert browser.send("sign-out").status_code == 400
    assert ("", "csrf", False) in world.audit("csrf")


def test_another_users_token_is_of_no_use(world):
    olena, taras = world.desk("olena"), world.desk("taras")
    taras.csrf = olena.csrf
    assert taras.send("status", {"status": "offline"}).status_code == 400


def test_sign_in_wants_its_form(world):
    client = world.app.test_client()
    form = {"login": "olena", "password": world.passwords["olena"]}
    answer = client.post("/desk/sign-in", data=form)
    assert answer.status_code == 303
    assert answer.location == "/desk/sign-in"
    assert client.get_cookie("press2_desk", path="/desk") is None


def test_too_many_attempts_for_one_login(world):
    browser = world.browser()
    other = type(browser)(world.app, "taras", "tab-99999999")
    answers = [other.sign_in("wrong").status_code for _ in range(9)]
    assert answers == [401] * 8 + [429]
    assert other.sign_in(world.passwords["taras"]).status_code == 429
    assert ("", "sign_in_throttled", False) in world.audit()
    world.browser("iryna")


def test_many_who_sign_in_rightly_are_not_held_up(world):
    for _ in range(10):
        world.browser("marta")


def test_the_key_of_sessions_is_kept_for_its_user_only(tmp_path):
    key = secret_key(tmp_path)
    assert secret_key(tmp_path) == key
    assert stat.S_IMODE((tmp_path / KEY).stat().st_mode) == 0o600
    assert len(list(tmp_path.iterdir())) == 1
    assert secret_key(tmp_path / "other") != key


def test_pages_tell_browsers_to_be_careful(world):
    browser = world.browser()
    for page in (
        browser.get(""),
        browser.get("inbox"),
        world.app.test_client().get("/desk/sign-in"),
    ):
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "connect-src 'self' ws://localhost:8088" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["Cache-Control"] == "no-store"


def test_refusals_are_in_the_users_language(world):
    client = world.app.test_client()
    told = {
        language: client.get("/desk/inbox", headers={"Accept-Language": language}).json["text"]
        for language in ("uk", "ru", "en")
    }
    assert len(set(told.values())) == 3
    assert told["en"] == "Sign in again"


def test_every_refusal_of_the_code_has_a_text(world):
    from pathlib import Path

    from agent_desk.desk import desk_texts

    folder = Path(passwords.__file__).parent
    code = "".join(path.read_text("utf-8") for path in folder.glob("*.py"))
    used = set(re.findall(r'(?:Refused|say)\(\s*"(\w+)"', code))
    texts = desk_texts()["en"]
    assert {f"error_{word}" for word in used} <= set(texts)
