"""The page publish: releases from draft to calls and back, recordings, two people at once."""

from __future__ import annotations

import io
import threading

import pytest
from pydub.generators import Sine
from waiting import until

from ivr import recorded
from ivr.releases import records
from ivr.releases.walks import LOST, Progress, Walks
from ivr.speech.upload import LARGEST
from ivr.store.supervision import FlowRelease

SPOKEN = "{say: main_reading, to: reading, words: reading}"
SILENT = "{to: reading, words: reading}"


@pytest.fixture
def vira(world):
    return world.at("publish")


def send(browser, path, body, status=200):
    answer = browser.send(f"supervisor/publish/{path}", body)
    assert answer.status_code == status, answer.text
    return answer.get_json()


def ask(browser, path, status=200):
    answer = browser.get(f"supervisor/publish/{path}")
    assert answer.status_code == status, answer.text
    return answer.get_json()


def main_text(browser):
    return ask(browser, "releases/0/texts/main")["text"]


def draft(browser, text=None, **more):
    """A draft with another first menu."""
    made = send(browser, "releases", {"like": "live", "title": "No readings aloud"} | more)
    changed = text or main_text(browser).replace(SPOKEN, SILENT)
    body = {"do": "edit", "version": made["version"], "texts": {"main": changed}}
    return send(browser, f"releases/{made['number']}", body)


def serve(browser, do, status=200, **body):
    seen = ask(browser, "state")["serving"]
    return send(browser, "calls", {"do": do, "seen": seen} | body, status)


def named(release):
    return {"number": release["number"], "version": release["version"]}


# ---------------------------------------------------------------------- who may


def test_an_operator_may_not(world):
    olena = world.desk("olena")
    for answer in (
        olena.get("supervisor/publish/"),
        olena.get("supervisor/publish/state"),
        olena.send("supervisor/publish/releases", {"like": "live"}),
        olena.send("supervisor/publish/upload?of=uk&prompt=goodbye", {}),
    ):
        assert (answer.status_code, answer.get_json()["error"]) == (403, "not_allowed")
    assert world.rows(FlowRelease) == []


def test_a_forged_request_changes_nothing(world, vira):
    vira.csrf = "forged"
    send(vira, "releases", {"like": "live"}, 400)
    assert world.rows(FlowRelease) == []


# ---------------------------------------------------------------------- releases


def test_from_the_draft_to_all_calls_and_back(world, vira):
    release = draft(vira)
    assert (release["state"], release["flows"], release["checked"]) == ("draft", ["main"], None)
    checked = send(vira, f"releases/{release['number']}", {"do": "check"})
    assert (checked["wrong"], [each["rule"] for each in checked["findings"]]) == (
        0, ["unused-prompt"],
    )  # fmt: skip
    shown = serve(vira, "canary", **named(checked), percent=5)
    assert shown["serving"] == {"live": None, "canary": 1, "share": 0.05}
    (row,) = shown["releases"]
    assert (row["state"], row["published"]["by"]) == ("canary", "vira")
    shown = serve(vira, "publish", **named(row))
    assert shown["serving"] == {"live": 1, "canary": None, "share": 0.0}
    shown = serve(vira, "rollback", to="before")
    assert shown["serving"] == {"live": None, "canary": None, "share": 0.0}
    assert [each["what"] for each in shown["actions"]] == [
        "rollback", "publish", "canary", "edit", "new",
    ]  # fmt: skip
    shown = send(vira, "undo", {"action": shown["actions"][0]["id"]})
    assert shown["serving"]["live"] == 1
    told = [what for who, what, allowed in world.audit() if who == "vira" and allowed]
    wanted = ["release.canary", "release.publish", "release.rollback", "release.rollback"]
    assert [what for what in told if what in wanted] == wanted


def test_undo_is_offered_for_what_can_be_taken_back_now(world, vira):
    def offered():
        return [(each["what"], each["undo"]) for each in ask(vira, "state")["actions"]]

    release = send(vira, f"releases/{draft(vira)['number']}", {"do": "check"})
    serve(vira, "canary", **named(release), percent=5)
    assert offered()[0] == ("canary", True)
    (row,) = ask(vira, "state")["releases"]
    shown = serve(vira, "publish", **named(row))
    published, canary = shown["actions"][:2]
    assert offered()[:3] == [("publish", True), ("canary", False), ("edit", False)]
    assert send(vira, "undo", {"action": canary["id"]}, 409)["error"] == "publish_changed_by"
    send(vira, "undo", {"action": published["id"]})
    assert offered()[:3] == [("publish", False), ("publish", False), ("canary", True)]
    assert send(vira, "undo", {"action": canary["id"]})["serving"]["canary"] is None


def test_what_does_not_pass_the_check_is_not_published(world, vira):
    release = draft(vira, main_text(vira).replace("to: to_outage", "to: nowhere", 1))
    checked = send(vira, f"releases/{release['number']}", {"do": "check"})
    (found,) = checked["findings"]
    line = checked["texts"]["main"].splitlines()[found["line"] - 1]
    assert (found["rule"], line.strip()) == ("unknown-step", "priority_line:")
    for do in ("publish", "canary"):
        refused = serve(vira, do, 400, **named(checked), percent=5)
        assert (refused["error"], "1" in refused["text"]) == ("release_unfit", True)
    send(vira, f"releases/{release['number']}", {"do": "walk"}, 400)
    assert ask(vira, "state")["serving"]["live"] is None
    mended = {"do": "edit", "version": checked["version"], "texts": {"main": ""}}
    empty = send(vira, f"releases/{release['number']}", mended)
    assert empty["flows"] == []
    assert serve(vira, "publish", 400, **named(empty))["error"] == "release_empty"
    assert ("vira", "release.publish", False) in world.audit()


def test_of_two_the_second_is_told_and_nothing_of_his_is_done(world, vira):
    other = world.at("publish")
    release = draft(vira)
    body = {"do": "edit", "version": release["version"], "texts": {}, "title": "Inna's"}
    mended = send(other, f"releases/{release['number']}", body)
    refused = send(vira, f"releases/{release['number']}", body | {"title": "Vira's"}, 409)
    assert refused["error"] == "publish_changed_by"
    assert ask(vira, f"releases/{release['number']}")["title"] == "Inna's"
    seen = ask(vira, "state")["serving"]
    serve(other, "publish", **named(mended))
    second = draft(vira, main_text(vira).replace("priority_line]", "]").replace(", ]", "]"))
    sent = {"do": "publish", "seen": seen, **named(second)}
    refused = send(vira, "calls", sent, 409)
    assert (refused["error"], "Віра" in refused["text"]) == ("publish_changed_by", True)
    assert ask(vira, "state")["serving"]["live"] == release["number"]


def test_a_draft_that_another_threw_away_is_gone(world, vira):
    release, other = draft(vira), world.at("publish")
    path = f"releases/{release['number']}"
    shown = send(other, path, {"do": "discard", "version": release["version"]})
    assert shown["releases"] == []
    body = {"do": "edit", "version": release["version"], "texts": {"main": "x"}}
    assert send(vira, path, body, 404)["error"] == "release_gone"
    assert send(vira, path, {"do": "check"}, 404)["error"] == "release_gone"
    ask(vira, path, 404)
    shown = send(vira, "undo", {"action": shown["actions"][0]["id"]})
    assert [each["number"] for each in shown["releases"]] == [release["number"]]


@pytest.mark.parametrize("percent", [-1, 101, "5", None, 1e9])
def test_a_percent_out_of_range_is_refused(vira, percent):
    refused = serve(vira, "canary", 400, **named(draft(vira)), percent=percent)
    assert (refused["error"], "percent" in refused["text"]) == ("field", True)
    assert ask(vira, "state")["serving"]["canary"] is None


@pytest.mark.parametrize(
    ("texts", "error"),
    [
        ({"../main": "x"}, "flow_name"), ({"main.yaml": "x"}, "flow_name"),
        ({"": "x"}, "flow_name"), ({"main": "x" * 40_001}, "flow_long"), ({"main": 7}, "field"),
        ({"main": "a\x00b"}, "field"),
    ],
)  # fmt: skip
def test_names_and_texts_that_are_none(vira, texts, error):
    release = draft(vira)
    body = {"do": "edit", "version": release["version"], "texts": texts}
    refused = send(vira, f"releases/{release['number']}", body, 400)
    assert refused["error"] == error
    assert ask(vira, f"releases/{release['number']}")["version"] == release["version"]


@pytest.mark.parametrize("text", ["[" * 4000, "a: &a [*a]", "flow: main\nstart: [", "- x", "\t"])
def test_what_is_no_flow_is_kept_and_told_with_its_line(vira, text):
    release = draft(vira, text) if text.strip() else None
    if release is None:
        return
    checked = send(vira, f"releases/{release['number']}", {"do": "check"})
    assert checked["findings"][0]["rule"] == "unreadable"
    assert checked["findings"][0]["line"] > 0
    answer = vira.get(f"supervisor/publish/releases/{release['number']}/picture/main")
    assert (answer.status_code, answer.get_json()["error"]) == (400, "publish_picture")


def test_the_picture_of_a_draft(vira):
    release = draft(vira)
    answer = vira.get(f"supervisor/publish/releases/{release['number']}/picture/main?language=uk")
    assert answer.mimetype == "image/svg+xml"
    assert b"<svg" in answer.data
    for wrong in ("picture/nowhere", "texts/nowhere"):
        path = f"supervisor/publish/releases/{release['number']}/{wrong}"
        assert vira.get(path).status_code in (400, 404)


def test_companies_do_not_see_each_other_s(world, vira):
    with world.store.session() as db:
        records.new(db, "kazan", "rinat", world.office.now())
    assert ask(vira, "state")["releases"] == []
    ask(vira, "releases/1", 404)


def restored(browser, old="    say: [restored_thanks]\n", new=""):
    """A draft that ends some calls without a word; nobody is called for as little as this."""
    text = ask(browser, "releases/0/texts/restored")["text"]
    assert old in text
    made = send(browser, "releases", {"like": "files"})
    changed = {"restored": text.replace(old, new)}
    body = {"do": "edit", "version": made["version"], "texts": changed}
    return send(browser, f"releases/{made['number']}", body)


def walking(world, walker=None):
    """What `app.py jobs` does with walks; the real one unless another is given."""
    judge, stopping = world.office.judge, threading.Event()
    return Walks(world.store, walker or judge.walk, judge.base, world.office.now, stopping)


def test_a_walk_is_done_beside_the_page_and_keeps_the_release_back(world, vira):
    release = restored(vira)
    path = f"releases/{release['number']}"
    walked = send(vira, path, {"do": "walk"})["walked"]
    assert (walked["state"], walked["ahead"], walked["idle"]) == ("waiting", 0, False)
    walking(world).round()
    walked = ask(vira, path)["walked"]
    (found,) = walked["found"]
    assert (walked["state"], walked["old"], found["place"]) == ("done", False, "restored.thanks")
    assert ["press", "2"] in found["way"]
    assert serve(vira, "publish", 400, **named(release))["error"] == "release_unfit"
    body = {"do": "edit", "version": release["version"], "texts": {"restored": ""}}
    assert send(vira, path, body)["walked"].get("state") is None


def test_how_far_a_walk_is_and_that_it_is_stopped(world, vira):
    first, second = restored(vira), restored(vira)
    paths = [f"releases/{each['number']}" for each in (first, second)]
    for path in paths:
        send(vira, path, {"do": "walk"})
    seen = []

    def walker(company, changes, told):
        assert told(Progress(0, 1, 100))
        world.watch.now += 10
        assert until(lambda: told(Progress(25, 50, 100)) and ask(vira, paths[0])["walked"]["done"])
        seen.append(ask(vira, paths[0])["walked"])
        seen.append(ask(vira, paths[1])["walked"])
        seen.append(send(vira, paths[0], {"do": "cancel"})["walked"])
        return world.office.judge.walk(company, changes, told)

    walking(world, walker).round()
    running, waiting, cancelled = seen
    assert (running["state"], running["done"], running["expected"]) == ("running", 25, 100)
    assert (running["took"], running["left"]) == (10, 30)
    assert (waiting["state"], waiting["ahead"]) == ("waiting", 1)
    assert cancelled["state"] == "cancelled"
    assert ask(vira, paths[0])["walked"]["state"] == "cancelled"
    told = [what for who, what, allowed in world.audit() if who == "vira" and allowed]
    assert told.count("release.walk") == 2
    assert told.count("release.cancel") == 1


def test_the_page_tells_that_nobody_does_walks(world, vira):
    path = f"releases/{restored(vira)['number']}"
    send(vira, path, {"do": "walk"})
    world.watch.now += LOST + 1
    assert ask(vira, path)["walked"]["idle"]


# ---------------------------------------------------------------------- recordings


def sound(seconds=2.0, hertz=440, kind="wav"):
    file = io.BytesIO()
    Sine(hertz, sample_rate=16_000).to_audio_segment(seconds * 1000, -20.0).export(file, kind)
    return file.getvalue()


def upload(browser, data, prompt="goodbye", language="uk", status=200):
    answer = browser.client.post(
        f"/desk/supervisor/publish/upload?of={language}&prompt={prompt}",
        data=data, content_type="application/octet-stream",
        headers={"X-CSRFToken": browser.csrf},
    )  # fmt: skip
    assert answer.status_code == status, answer.text
    return answer.get_json()


def act(browser, do, status=200, prompt="goodbye", **body):
    return send(browser, f"prompts/uk/{prompt}", {"do": do} | body, status)


def test_a_recording_is_found_uploaded_heard_published_and_rolled_back(world, vira):
    found = ask(vira, "prompts?of=uk&find=GOODBYE")["found"]
    assert [each["id"] for each in found][:1] == ["goodbye"]
    by_text = ask(vira, f"prompts?of=uk&find={found[0]['text'].split()[0]}")["found"]
    assert "goodbye" in [each["id"] for each in by_text]
    first = upload(vira, sound())
    assert (first["kept"], first["live"]) == (1, None)
    (version,) = first["versions"]
    assert (version["state"], version["made"]["by"]) == ("draft", "vira")
    heard = vira.get("supervisor/publish/prompts/uk/goodbye/1.wav")
    assert (heard.mimetype, heard.data[:4]) == ("audio/wav", b"RIFF")
    live = act(vira, "publish", number=1, version=1, seen=None)
    assert (live["live"], live["before"]) == (1, None)
    assert ask(vira, "prompts?of=uk&find=")["found"][0]["live"] == 1
    upload(vira, sound(hertz=880, kind="ogg"))
    assert act(vira, "publish", number=2, version=1, seen=1)["before"] == 1
    assert act(vira, "rollback", to="before", seen=2)["live"] == 1
    done = ask(vira, "prompts?of=uk")["actions"]
    send(vira, "prompts/undo", {"action": done[0]["id"]})
    assert ask(vira, "prompts/uk/goodbye")["live"] == 2
    assert act(vira, "rollback", to="own", seen=2)["live"] is None
    with world.store.session(read_only=True) as db:
        assert recorded.live(db) == []


def test_undo_is_offered_for_each_recording_that_was_thrown_away_and_the_last_that_was_published(
    vira,
):
    for hertz in (440, 660, 880, 990):
        upload(vira, sound(hertz=hertz))
    for number in (1, 2):
        act(vira, "discard", number=number, version=1)
    act(vira, "publish", number=3, version=1, seen=None)
    act(vira, "publish", number=4, version=1, seen=3)
    done = ask(vira, "prompts?of=uk")["actions"][:4]
    assert [(each["what"], each["undo"]) for each in done] == [
        ("publish", True), ("publish", False), ("discard", True), ("discard", True),
    ]  # fmt: skip
    for each in done[2:]:
        send(vira, "prompts/undo", {"action": each["id"]})


def test_two_who_publish_a_recording(world, vira):
    other = world.at("publish")
    upload(vira, sound())
    upload(vira, sound(hertz=880))
    act(other, "publish", number=1, version=1, seen=None)
    refused = act(vira, "publish", 409, number=2, version=1, seen=None)
    assert (refused["error"], "Віра" in refused["text"]) == ("publish_changed_by", True)
    assert act(vira, "discard", number=2, version=1)["live"] == 1
    assert act(vira, "discard", 400, number=1, version=2)["error"] == "recording_fixed"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "sound_unreadable"), (b"junk" * 99, "sound_unreadable"),
        (sound(0.0), "sound_unreadable"), (bytes(200_000), "sound_unreadable"),
        (sound(61), "sound_long"),
    ],
)  # fmt: skip
def test_what_is_no_recording(world, vira, data, error):
    assert upload(vira, data, status=400)["error"] == error
    assert ask(vira, "prompts/uk/goodbye")["versions"] == []


def test_only_prompts_and_languages_there_are(vira):
    upload(vira, sound(), prompt="../../etc", status=404)
    upload(vira, sound(), language="tt", status=400)
    upload(vira, sound(), language="../uk", status=400)
    for wrong in ("prompts/uk/nothing", "prompts/uk/..%2f..%2fdesk", "prompts/xx/goodbye"):
        assert vira.get(f"supervisor/publish/{wrong}").status_code in (400, 404)
    assert vira.get("supervisor/publish/prompts/uk/goodbye/9.wav").status_code == 404


def test_the_program_s_own_sound_is_heard(world, vira):
    answer = vira.get("supervisor/publish/prompts/uk/goodbye/0.wav")
    assert answer.status_code == 200
    assert answer.data[:4] in (b"RIFF", b"OggS")
    answer.close()


def test_a_body_is_long_at_this_address_only(vira):
    upload(vira, bytes(300_000), status=400)
    assert upload(vira, bytes(LARGEST + 1), status=413)["error"] == "too_large"
    answer = vira.client.post(
        "/desk/supervisor/publish/releases", data=bytes(70_000),
        content_type="application/json", headers={"X-CSRFToken": vira.csrf},
    )  # fmt: skip
    assert answer.status_code == 413
