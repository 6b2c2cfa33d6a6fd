"""Our sounds as Twilio fetches them: addresses, what is served, music."""

from __future__ import annotations

import contextlib
import io
import os
import wave

import pytest

from ivr.channels.named_voice import NamedVoice
from ivr.channels.twilio.settings import TwilioSettings
from ivr.channels.twilio.sounds import MUSIC_SECONDS, SAMPLES, TOGETHER, Sounds, Speaker
from ivr.channels.twilio.twiml import Spoken
from ivr.model import Hangup, Say, Turn

PUBLIC = "https://ivr.example.com"


def write(path, samples):
    """Samples: one number each, -32768 to 32767."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, SAMPLES, 0, "NONE", ""))
        sound.writeframes(b"".join(one.to_bytes(2, "little", signed=True) for one in samples))


def heard(file):
    """The samples of a WAV file, as bytes."""
    with wave.open(io.BytesIO(file)) as sound:
        assert sound.getparams()[:3] == (1, 2, SAMPLES)
        return sound.readframes(sound.getnframes())


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "sounds/uk/one.wav", [1] * 800)
    write(tmp_path / "sounds/uk/two.wav", [2] * 400)
    write(tmp_path / "sounds/en/one.wav", [3] * 10)
    write(tmp_path / "secret/key.wav", [9] * 10)
    return tmp_path


@pytest.fixture
def sounds(folder):
    return Sounds(folder / "sounds", folder / "music", PUBLIC, "key")


def parts(url):
    """The mark and the names of an address."""
    assert url.startswith(f"{PUBLIC}/twilio/sounds/")
    assert url.endswith(".wav")
    mark, names = url.removeprefix(f"{PUBLIC}/twilio/sounds/").removesuffix(".wav").split("/")
    return mark, names


def fetched(sounds, url):
    return sounds.read(*parts(url))


def test_sounds_in_a_row_are_one_file(sounds):
    [url] = sounds.urls(["uk/one", "uk/two", "uk/one", "en/one"])
    samples = heard(fetched(sounds, url))
    assert samples == b"\1\0" * 800 + b"\2\0" * 400 + b"\1\0" * 800 + b"\3\0" * 10


def test_no_sounds_have_no_address(sounds):
    assert sounds.urls([]) == []


def test_many_sounds_are_several_files_of_fair_length(sounds):
    names = ["uk/one", "uk/two"] * 70
    urls = sounds.urls(names)
    assert [parts(url)[1].count("+") + 1 for url in urls] == [TOGETHER, TOGETHER, 20]
    files = b"".join(heard(fetched(sounds, url)) for url in urls)
    assert len(files) == 2 * 70 * (800 + 400)
    longest = sounds.urls(["uk/" + "x" * 60] * TOGETHER)
    assert len(longest[0]) < 4096


@pytest.mark.parametrize("change", ["mark", "name", "order", "more", "less", "empty"])
def test_an_address_cannot_be_made_up(sounds, change):
    mark, names = parts(sounds.urls(["uk/one", "uk/two"])[0])
    mark, names = {
        "mark": ("0" * 24, names),
        "name": (mark, "en.one+uk.two"),
        "order": (mark, "uk.two+uk.one"),
        "more": (mark, f"{names}+uk.one"),
        "less": (mark, "uk.one"),
        "empty": ("", names),
    }[change]
    assert sounds.read(mark, names) is None


def test_another_key_makes_other_addresses(sounds, folder):
    other = Sounds(folder / "sounds", folder / "music", PUBLIC, "another key")
    assert fetched(other, sounds.urls(["uk/one"])[0]) is None


@pytest.mark.parametrize(
    "names",
    [
        "", "+", "uk", ".one", "uk.", "uk.one.", "uk..one", "../secret.key", "..%2fsecret.key",
        "....secret.key", "uk.one.1.2", "uk/one", "/etc.passwd", "uk.one\n", "uk.one\x00",
        "~.one", "C:.one", "uk.one+", "uk.o ne", "uk.one+../x.y",
        "+".join(["uk.one"] * (TOGETHER + 1)), "x" * 10_000,
    ],
)  # fmt: skip
def test_names_that_are_none_of_ours(sounds, names):
    assert sounds.read("0" * 24, names) is None
    with contextlib.suppress(ValueError):  # even where somebody knew the key
        assert sounds.read(sounds._mark(names), names) is None


@pytest.mark.parametrize("mark", ["Ї" * 24, "\ud83d", "a" * 10_000, "\x00"])
def test_a_strange_mark(sounds, mark):
    assert sounds.read(mark, "uk.one") is None


def test_a_sound_that_is_away(sounds, folder):
    [url] = sounds.urls(["uk/one", "uk/two"])
    (folder / "sounds/uk/two.wav").unlink()
    assert fetched(sounds, url) is None
    assert fetched(sounds, sounds.urls(["uk/never"])[0]) is None


@pytest.mark.parametrize("content", [b"", b"RIFF", b"no sound at all, but some bytes of it"])
def test_a_sound_that_is_broken(sounds, folder, content):
    (folder / "sounds/uk/two.wav").write_bytes(content)
    assert fetched(sounds, sounds.urls(["uk/two"])[0]) is None


def test_a_sound_made_anew_has_another_address(sounds, folder):
    [old] = sounds.urls(["uk/one"])
    path = folder / "sounds/uk/one.wav"
    write(path, [5] * 7)
    os.utime(path, ns=(1, 1))
    [new] = sounds.urls(["uk/one"])
    assert new != old
    assert heard(fetched(sounds, new)) == b"\5\0" * 7
    assert fetched(sounds, old) is None, "a cache would keep it for a day"


# ---------------------------------------------------------------------- music


def seconds(length):
    """Sound of so many seconds, each of another value."""
    return [second % 100 for second in range(length) for _ in range(SAMPLES)]


@pytest.mark.parametrize("length", [1, 29, 30, 31, 44, 46, 60, 74, 76, 100])
def test_the_parts_of_the_music_are_the_whole_piece(sounds, folder, length):
    write(folder / "music/piece.wav", seconds(length))
    count = max(1, round(length / MUSIC_SECONDS))
    urls = [sounds.music(part) for part in range(count)]
    assert len(set(urls)) == count
    files = [heard(fetched(sounds, url)) for url in urls]
    assert b"".join(files) == bytes(
        byte for second in range(length) for byte in (second % 100, 0) * SAMPLES
    )
    assert all(len(file) <= 2 * SAMPLES * MUSIC_SECONDS * 1.5 for file in files)
    assert sounds.music(count) == urls[0], "it begins anew"


def test_pieces_follow_one_another(sounds, folder):
    write(folder / "music/a.wav", seconds(60))
    write(folder / "music/b.wav", seconds(30))
    write(folder / "music/not a name.wav", seconds(1))
    names = [parts(sounds.music(part))[1] for part in range(4)]
    assert names == ["music.a.0", "music.a.1", "music.b.0", "music.a.0"]


def test_no_music(sounds, folder):
    assert sounds.music(0) == ""
    (folder / "music").mkdir()
    assert sounds.music(7) == ""


# ---------------------------------------------------------------------- words


class PartlyRecorded(NamedVoice):
    """Has every sound but those of `missing`."""

    missing = ("goodbye",)

    def lacks(self, say, language, company=""):
        return say.prompt in self.missing


@pytest.fixture
def speaker(house, sounds):
    def make(**voices):
        settings = TwilioSettings("AC1", "token", PUBLIC, voices=voices)
        return Speaker(settings, PartlyRecorded(house.catalogues), sounds, house.catalogues)

    return make


SAYS = (Say("queue_down"), Say("goodbye"))


def test_a_text_without_a_sound_is_said_by_the_voice_that_is_set(speaker, house):
    first, second = speaker(uk="Google.uk-UA-Wavenet-A").of(Turn(1, SAYS, Hangup(), "uk"))
    assert parts(first.url)[1].startswith("uk.")
    text = house.catalogues["uk"].text("goodbye", {})
    assert second == Spoken(text=text, voice="Google.uk-UA-Wavenet-A", language="uk")


def test_without_a_voice_all_are_our_sounds(speaker):
    assert all(each.url for each in speaker(ru="Google.ru-RU-Wavenet-A").say(SAYS, "uk"))


def test_a_say_may_have_a_language_of_its_own(speaker):
    [one] = speaker(en="Polly.Joanna").say([Say("goodbye", language="en")], "uk")
    assert (one.voice, one.language) == ("Polly.Joanna", "en")
