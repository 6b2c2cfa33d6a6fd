"""Answers to one question, heard by real models: words, numbers, languages, pauses, prompts.

Times are seconds of audio.
"""

from array import array

import pytest
from telephone_speech import NOISES, digits, louder, made, on_a_line, silence, spoken

from ivr import grammar
from ivr.grammar import Grammar
from ivr.speech.recogniser import Rules, asked

WORDS = "words=yes.no.operator.repeat.back.help.keys_only"
NUMBER = "lang=uk+ru words=operator.repeat digits=5-5"
MENU = f"lang=uk+ru {WORDS} keys=1209"


@pytest.fixture
def answer(listen, vocabulary):
    """The only result of a question must be an answer: what it means, and the result."""

    def answered(text, samples, **more):
        ((_, result),) = listen(text, samples, **more)
        assert result.kind == "answer"
        heard = grammar.understand(Grammar.parse(text), vocabulary, result.text)
        assert heard is not None, result.text
        return heard.word or heard.key or heard.numbers[0], result

    return answered


@pytest.mark.parametrize("language", ["uk", "ru"])
@pytest.mark.parametrize("number", ["02421", "31805", "79346"])
def test_digits_are_heard(answer, language, number):
    heard, result = answer(NUMBER, digits(language, number))
    assert heard == number
    assert result.language == language
    assert result.confidence > 0.75


def test_digits_are_heard_in_english(answer):
    heard, result = answer("lang=en words=operator digits=5-5", digits("en", "31586"))
    assert (heard, result.language) == ("31586", "en")


def test_natural_numbers_are_heard(answer):
    heard, _ = answer("lang=en words=operator digits=4-4", spoken("en/n_24", "en/n_21"))
    assert heard == "2421"
    heard, _ = answer("lang=uk+ru words=operator digits=4-4", spoken("uk/n_35", "uk/n_48"))
    assert heard == "3548"


def test_a_number_half_in_one_language_half_in_the_other_comes_out_whole(answer):
    heard, result = answer("lang=uk+ru words=operator digits=4-5", spoken("ru/n_24", "uk/n_21"))
    assert heard == "2421"
    assert result.text.startswith("двадцать четыре двадц")


@pytest.mark.parametrize(
    ("said", "meant"),
    [("uk/word_operator", "operator"), ("ru/word_operator", "operator"), ("uk/n_2", "2")],
)
def test_words_of_a_menu_are_heard(answer, said, meant):
    assert answer(MENU, spoken(said))[0] == meant


@pytest.mark.parametrize(
    ("text", "said", "meant"),
    [
        ("lang=uk+ru words=yes.no keys=12", "uk/word_yes", "yes"),
        ("lang=uk+ru words=yes.no keys=12", "uk/word_no", "no"),
        ("lang=ru+uk words=yes.no keys=12", "ru/word_yes", "yes"),
        ("lang=ru+uk words=yes.no keys=12", "ru/word_no", "no"),
        ("lang=en words=yes.no keys=12", "en/word_yes", "yes"),
        ("lang=en words=yes.no keys=12", "en/word_no", "no"),
    ],
)
def test_yes_and_no_are_heard(answer, text, said, meant):
    assert answer(text, spoken(said))[0] == meant


def test_a_whole_answer_ends_before_the_silence_that_ends_any_other(listen):
    """Five digits are all that is asked for; nobody waits for `end_of_speech` then."""
    said = digits("uk", "02421")
    ((came, result),) = listen(NUMBER, said, rules=Rules(end_of_speech=2.0))
    assert came - result.end <= 0.5


def test_an_answer_that_may_go_on_ends_with_the_silence(listen):
    text = "lang=uk+ru words=operator digits=2-6"
    ((came, result),) = listen(text, digits("uk", "024"), rules=Rules(end_of_speech=1.0))
    assert 0.95 <= came - result.end <= 1.3


def test_a_number_ends_behind_its_last_word_not_inside_it(answer):
    """The silence of the "dts" in "trydtsiat" ends nothing."""
    parts = ("n_83", "thousand_few", "n_800", "n_38")
    said = spoken(*(f"uk/{part}" for part in parts), gap=0.02)
    assert answer("lang=uk+ru words=operator digits=1-5", said)[0] == "83838"


def test_digits_behind_a_word_are_waited_for(listen, vocabulary):
    """A digit may have been heard as a command: what follows tells, and then it is none."""
    text = "lang=uk words=operator digits=1-6"
    ((_, result),) = listen(text, spoken("uk/word_operator", 0.5, "uk/n_2", "uk/n_4"))
    assert result.text.replace(" ,", "") == "оператор два чотири"
    assert grammar.understand(Grammar.parse(text), vocabulary, result.text) is None


def test_an_answer_that_must_go_on_is_waited_for(listen):
    """Two digits of five: the caller reads them off his meter."""
    said = digits("uk", "02") + silence(1.1) + digits("uk", "421")
    ((_, result),) = listen(NUMBER, said)
    assert result.text == "нуль два , чотири два один"


def test_a_short_answer_that_never_goes_on_ends_after_all(listen):
    ((came, result),) = listen(NUMBER, digits("uk", "02"))
    assert result.text == "нуль два"
    assert came - result.end <= 2.2


def test_thirty_seconds_of_talk_end_as_nothing(listen):
    """Whatever he says, it is no answer, and the audio of it is bounded."""
    talk = spoken(*["uk/n_2", "uk/n_4", "uk/n_5"] * 20, gap=0.05)
    assert len(talk) > 30 * 8000
    rules = Rules(longest=10.0)
    ((came, result),) = listen("lang=uk+ru words=operator digits=5-5 keep=x", talk, rules=rules)
    assert (result.kind, result.text) == ("nothing", "")
    assert came <= 12
    assert len(result.audio) <= 13 * 8000


def test_it_is_the_speech_that_may_be_long_not_the_silence_before_it(answer):
    rules = Rules(longest=4.0)
    heard, _ = answer(NUMBER, silence(12.0) + digits("uk", "02421"), rules=rules)
    assert heard == "02421"


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("prompt", [0, 30])
@pytest.mark.parametrize("text", [MENU, NUMBER, "lang=en words=yes.no.operator keys=12"])
def test_noise_is_no_answer_and_cuts_no_prompt(listen, noise, prompt, text):
    assert listen(f"{text} prompt={prompt}", made(10.0, NOISES[noise])) == []


@pytest.mark.parametrize("seed", [3, 4, 5])
@pytest.mark.parametrize("noise", ["barking", "melody", "keys", "hum"])
@pytest.mark.parametrize("text", [MENU, NUMBER, "lang=uk+ru words=yes.no keys=12"])
def test_a_dog_and_music_cut_no_prompt(listen, noise, seed, text):
    assert listen(f"{text} prompt=30", on_a_line(noise, seed)) == []


def test_digital_silence_is_no_answer(listen):
    assert listen(MENU, array("h", bytes(2 * 80000))) == []


def test_an_answer_behind_noise_is_heard(answer):
    before = made(6.0, NOISES["dog"])
    assert answer(NUMBER, before + silence(1.0) + digits("uk", "02421"))[0] == "02421"


def test_words_while_the_prompt_plays_cut_it_and_the_answer_follows(listen):
    began, answered = listen(f"{NUMBER} prompt=20", digits("uk", "02421"))
    assert (began[1].kind, began[1].text) == ("began", "")
    assert answered[1].kind == "answer"
    assert answered[1].text == "нуль два чотири два один"
    assert began[0] < answered[1].end


def test_no_words_cut_the_prompt_where_the_setting_says_so(listen):
    rules = Rules(barge_in=0.0)
    ((_, result),) = listen(f"{NUMBER} prompt=20", digits("uk", "02421"), rules=rules)
    assert result.kind == "answer"


def test_the_echo_of_the_prompt_is_no_answer(listen):
    """The prompt names words of the grammar; its echo is far quieter than a caller."""
    echo = louder(spoken("uk/main_help", "uk/n_2", "uk/n_1"), -24)
    assert listen(f"{MENU} prompt=20", echo, after=1.0) == []


def test_unknown_speech_is_nothing_and_under_the_prompt_not_even_that(listen):
    said = spoken("uk/goodbye")
    ((_, result),) = listen("lang=uk words=yes.no", said)
    assert (result.kind, result.text) == ("nothing", "")
    assert listen("lang=uk words=yes.no prompt=30", said) == []


def test_a_short_word_in_long_talk_is_not_believed(listen):
    """The small model hears "no" somewhere in a whole sentence."""
    ((_, result),) = listen("lang=uk words=yes.no", spoken("uk/apology"))
    assert result.confidence < 0.5


def test_a_question_that_is_over_has_given_its_recognisers_back(models, vocabulary):
    from ivr.speech.recogniser import Question

    question = Question(models, vocabulary, asked(MENU), Rules())
    samples = spoken("uk/n_2") + silence(2.0)
    results = [question.hear(samples[at : at + 800]) for at in range(0, len(samples), 800)]
    assert [each.kind for each in results if each] == ["answer"]
    assert question.over


def test_the_utterance_is_there_from_shortly_before_it_began(listen):
    ((_, result),) = listen(NUMBER, silence(5.0) + digits("uk", "02421"))
    assert 2.5 < len(result.audio) / 8000 < 4.5


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "no language"),
        ("words=yes", "no language"),
        ("lang=uk digits=a-b", "digits"),
        ("lang=uk prompt=soon", "prompt"),
        ("lang=uk prompt=-1", "prompt"),
        ("lang=uk prompt=nan", "prompt"),
    ],
)
def test_a_grammar_that_cannot_be_read_says_why(text, fault):
    with pytest.raises(ValueError, match=fault):
        asked(text)


def test_languages_without_a_model_are_left_out(models, vocabulary):
    from ivr.speech.recogniser import Question

    Question(models, vocabulary, asked("lang=vi+uk words=yes"), Rules())
    with pytest.raises(ValueError, match="no model for vi"):
        Question(models, vocabulary, asked("lang=vi words=yes"), Rules())
