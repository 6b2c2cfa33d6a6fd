"""Users from the command line."""

from datetime import UTC, datetime

import pytest

from agent_desk import users
from agent_desk.passwords import fits, new_password
from ivr.errors import SetupError
from ivr.store.models import SignIn, User

NOW = datetime(2026, 10, 31, tzinfo=UTC)


def test_a_user_is_added_and_signs_in(world):
    password = users.add(world.store, "odesa", "nina", "Ніна", "operator", {"general": 3}, NOW)
    world.passwords["nina"] = password
    assert world.desk("nina").state()["operator"]["skills"] == {"general": 3}


def test_a_new_password_ends_the_shifts(world):
    browser = world.desk()
    password = users.renew_password(world.store, "olena", NOW)
    assert browser.get("inbox").status_code == 401
    assert browser.sign_in(world.passwords["olena"]).status_code == 401
    assert browser.sign_in(password).status_code == 303
    assert world.rows(SignIn)[0].ended_at == NOW


def test_disable_shuts_out(world):
    browser = world.desk()
    users.disable(world.store, "olena", NOW)
    assert browser.get("inbox").status_code == 401
    assert browser.sign_in(world.passwords["olena"]).status_code == 401


@pytest.mark.parametrize(
    ("login", "role", "says"),
    [
        ("Olena", "operator", "small letters"),
        ("op-1", "operator", "small letters"),
        ("x" * 33, "operator", "1 to 32"),
        ("nina", "boss", "the roles are"),
        ("olena", "operator", "there is such a user"),
    ],
)
def test_what_cannot_be_added(world, login, role, says):
    with pytest.raises(SetupError, match=says):
        users.add(world.store, "odesa", login, "", role, {}, NOW)


def test_nobody_of_this_name(world):
    for act in (users.disable, users.renew_password):
        with pytest.raises(SetupError, match="operator list"):
            act(world.store, "nobody", NOW)


def test_skills(world):
    assert users.skills_of("general:3, outage", ("general", "outage")) == {
        "general": 3, "outage": 3,
    }  # fmt: skip
    assert users.skills_of("", ("general",)) == {}
    for text in ("genral:3", "general:0", "general:6", "general:x", "general:-1"):
        with pytest.raises(SetupError):
            users.skills_of(text, ("general", "outage"))


def test_the_demo_has_its_operators_once(world):
    assert users.add_demo(world.store, "odesa", ("general",), NOW) == {}
    assert {row.login for row in world.rows(User)} == set(users.DEMO)
    assert next(row.role for row in world.rows(User) if row.login == "vira") == "supervisor"


def test_passwords_are_random_and_can_be_read_out():
    made = {new_password() for _ in range(100)}
    assert len(made) == 100
    assert all(len(each) == 19 and not set("01oil") & set(each) for each in made)
    assert fits(None, "x") is False
    assert fits("no hash", "x") is False
