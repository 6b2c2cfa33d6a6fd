"""The words of numbers and the words that mean nothing, a table a language.

A line of a table is `KIND VALUE: words | words`. Before the bar stand the words a recogniser is
told to expect; after it those that are only understood: colloquial and mixed forms, as callers of
Odesa speak and as recognisers write them. Apostrophes may be left out, ё and е are one. Kinds:

    those of `numerals.Numeral`
    ordinal 1, key *     understood where a key is named: "the first one", "star"
    point                what follows is a fraction: "point", "цілих"
    part 1               tenths: the last digit before it is a fraction; 2 hundredths, 3 thousandths
    polite               words around any answer: "I would like", "please"
    assent               words around a yes or "confirm": "please", "all"
    echo                 words behind a yes: "it is"
    about                words around a number: "my reading", "kilowatt-hours"
    end                  words that finish a number
    button               words around a key: "press", "number"
    not                  a word that turns the next one round
    alike 2              words that sound like a digit: "to"
    leads                words that such a word follows where it is no digit: "it comes to"
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from ivr.grammar.numerals import Numeral
from ivr.grammar.spelling import POINT, words_of

_UK = """
zero 0: нуль ноль | зеро нолик нулик нулем нолю
unit 1: один одна одне раз | одну одного одного одін адін адин одиниця одиничка одиницю
unit 2: два дві | двійка двійку двойка двє двоє двух двох
unit 3: три | трійка трійку тройка тры трі троє трьох
unit 4: чотири | чотире чотирі чотыри чотирьох четвірка четвірку четвьорка штири четири читири
unit 5: п'ять | пьять п'ьять пьят п'яти п'ятірка п'ятірку пятьорка
unit 6: шість | шисть шість шєсть шіст шести шістка шістку шестьорка
unit 7: сім | сєм сємь сімь сем семи сімка сімку сьомка сімочка
unit 8: вісім | осім восім восімь восем вісімь вісем восьми вісімка вісімку
unit 9: дев'ять | девьять дєвять дев'яти дев'ятка дев'ятку девятка
teen 10: десять | десяти дєсять десятка десятку
teen 11: одинадцять | одинадцять одинацять одинацать одіннадцать
teen 12: дванадцять | дванацять двінадцять дванадцать
teen 13: тринадцять | тринацять тринадцать
teen 14: чотирнадцять | чотирнацять чотирнадцать
teen 15: п'ятнадцять | п'ятнацять п'ятнадцать пьятнадцять
teen 16: шістнадцять | шіснадцять шиснадцять шістнацять шіснацять шістнадцать
teen 17: сімнадцять | сімнацять сімнадцать
teen 18: вісімнадцять | вісімнацять вісімнадцать восімнадцять
teen 19: дев'ятнадцять | дев'ятнацять дев'ятнадцать
tens 20: двадцять | двадцяти дваццять двацять двадцатка двадцятка
tens 30: тридцять | тридцяти трицять тріцять
tens 40: сорок | сорік сорока
tens 50: п'ятдесят | п'ядесят п'ятьдесят п'ятсят п'ятьсят п'ядисят пьятдесят
tens 60: шістдесят | шістьдесят шісдесят шіздесят шісят шисят шістсят
tens 70: сімдесят | сімдисят сімсят сімьдесят
tens 80: вісімдесят | вісімсят восімдесят вісімдисят вісемдесят
tens 90: дев'яносто | дев'яноста девьяносто
tens_of: | десят
hundreds 100: сто | сотня сотню
hundreds 200: двісті | двісти двєсті
hundreds 300: триста | тріста
hundreds 400: чотириста | чотиреста чотиріста
hundreds 500: п'ятсот | п'яцот пяцот п'ятьсот пьятсот
hundreds 600: шістсот | шіссот шісот шістьсот шисот
hundreds 700: сімсот | сімьсот
hundreds 800: вісімсот | восімсот вісемсот
hundreds 900: дев'ятсот | дев'яцот дев'ятьсот
hundred 0: | сот
hundred 3: | сотень сотні
thousand 1: тисяча | тисячу тища тищу тищя
thousand 0: тисячі тисяч | тисячи тищі тищ
million 1: мільйон
million 0: | мільйони мільйонів
zeros 0: | нулі нулів нуля нолі ноликів нулики ноля нолів
many 1: | одиниці одиниць одинички
many 2: | двійки двійок
many 3: | трійки трійок
many 4: | четвірки четвірок
many 5: | п'ятірки п'ятірок
many 6: | шістки шісток
many 7: | сімки сімок
many 8: | вісімки вісімок
many 9: | дев'ятки дев'яток
times 2: | двічі подвійний подвійна
times 3: | тричі потрійний
and: | і й та
half: половиною | половина половину пів чвертю чверть
one_and_half: півтори | півтора
point: кома крапка цілих | кому крапку коми крапки ціла цілі цілої
part 1: десятих | десята десяті
part 2: сотих | сота соті
part 3: | тисячних тисячна
ordinal 1: перший перша | перше першу першого
ordinal 2: другий друга | друге другу другого
ordinal 3: третій третя | третє третю
ordinal 4: четвертий четверта | четверте четверту
ordinal 5: п'ятий п'ята | п'яте п'яту
ordinal 6: шостий шоста | шосте шосту
ordinal 7: сьомий сьома | сьоме сьому
ordinal 8: восьмий восьма | восьме восьму
ordinal 9: дев'ятий дев'ята | дев'яте дев'яту
ordinal 0: | нульовий нульова
key *: зірочка | зірочку зірка
key #: решітка | решітку дієз
polite: будь ласка добрий день я хочу мені потрібно
polite: | все усе у в зараз сьогодні знову тут доброго дня вечора вечір ранку здрастуйте вітаю
polite: | привіт алло альо слухайте скажіть кажу прошу треба хотів хотіла б би мене нас з'єднайте
polite: | дякую спасибі давайте ну от ось значить отже так ага це там тоді просто вже то ой е ем
polite: | еее а можна можете потрібна потрібен потрібні хочемо бажаю ви ми щодо стосовно про до
polite: | цікавить на дайте дай з зі мій моя моє мої моєї мого нашої нашого який яка яке які
polite: | говорити поговорити розмовляти дізнатися дізнатись спитати сказати підкажіть угу окей вас
polite: | вам дзвоню телефоную потрібне
assent: | будь ласка дякую спасибі ну ой е ем еее все усе це хочу прошу давайте
echo: | він вона воно цей ця я мій моя
about: | лічильнику лічильнике показує показали на вийшло набігло набігла поточний поточні
about: | поточне останні остання всього усього разом бачу дивлюсь дивлюся становлять добре вроді
about: | здається ніби виходить приблизно десь стоїть горить світиться написано видно табло екрані
about: | накрутило нараховано
about: показання показник лічильника номер рахунок
about: | плюс показ покази показником показнику лічильник мій моя моє мої у мене рахунку рахунка
about: | особовий особового рахунком показники зараз сьогодні на дорівнює кіловат кіловатт
about: | кіловата кіловати кіловатів годин година години квт год рівно кубів записуйте запишіть
about: | диктую передаю цифри цифра число числа буде складає становить передати телефон договір
about: | договору з із від денний нічний денна нічна пишіть значення такий такі маю
end: готово стоп все
end: | усе кінець решітка крапка
button: цифра кнопка номер
button: | цифру кнопку натискаю натисну обираю вибираю вибрав клавіша клавішу пункт варіант тисну
button: | під
not: | не ні без
"""

_RU = """
zero 0: ноль нуль | зеро нолик нулик
unit 1: один одна одно раз | одну одного единица единичка единицу единичку адин
unit 2: два две | двойка двойку двоечка двое двух
unit 3: три | тройка тройку троечка трое трех
unit 4: четыре | чотыри четверка четверку четыри читыре чтыре четырех
unit 5: пять | пятерка пятерку пяти пят пьять
unit 6: шесть | шестерка шестерку шести шист шесь
unit 7: семь | семерка семерку семи сем
unit 8: восемь | осемь восьмерка восьмерку восьми восем
unit 9: девять | девятка девятку девяти девить
teen 10: десять | десяти десятка десятку десить
teen 11: одиннадцать | одинадцать одинацать одиннацать
teen 12: двенадцать | двенацать двинадцать
teen 13: тринадцать | тринацать
teen 14: четырнадцать | четырнацать читырнадцать
teen 15: пятнадцать | пятнацать питнадцать
teen 16: шестнадцать | шестнацать шеснадцать шиснадцать
teen 17: семнадцать | семнацать
teen 18: восемнадцать | восемнацать
teen 19: девятнадцать | девятнацать
tens 20: двадцать | двадцати дваццать двацать двадцатка
tens 30: тридцать | тридцати трицать тритцать
tens 40: сорок | сорака
tens 50: пятьдесят | пятьдисят пятдесят пядесят пятьсят писят пийсят пейсят пиисят
tens 60: шестьдесят | шестьдисят шестдесят шисят шесят шейсят шестьсят
tens 70: семьдесят | семьдисят семдесят семьсят семсят
tens 80: восемьдесят | восемдесят восемьдисят восемьсят восемсят
tens 90: девяносто | девяноста
tens_of: | десят
hundreds 100: сто | сотня сотню
hundreds 200: двести | двесте двисти
hundreds 300: триста | тристо
hundreds 400: четыреста | четыресто читыреста
hundreds 500: пятьсот | пятсот пятьсотт пицот пятцот
hundreds 600: шестьсот | шестсот шессот шисот
hundreds 700: семьсот | семсот
hundreds 800: восемьсот | восемсот
hundreds 900: девятьсот | девятсот девяцот
hundred 0: | сот
hundred 3: | сотен сотни
thousand 1: тысяча | тысячу тыща тыщу тысеча
thousand 0: тысячи тысяч | тыщи тыщ тысячь
million 1: миллион | милион
million 0: | миллиона миллионов
zeros 0: | нуля нулей ноля нолей нули ноли ноликов нулики нолика
many 1: | единицы единиц единички
many 2: | двойки двоек
many 3: | тройки троек
many 4: | четверки четверок
many 5: | пятерки пятерок
many 6: | шестерки шестерок
many 7: | семерки семерок
many 8: | восьмерки восьмерок
many 9: | девятки девяток
times 2: | дважды двойной двойная
times 3: | трижды тройной
and: | и
half: половиной | половина половину пол четвертью четверть
one_and_half: полтора | полторы
point: запятая точка целых | запятую точку целая целые
part 1: десятых | десятая десятые
part 2: сотых | сотая сотые
part 3: | тысячных тысячная
ordinal 1: первый первая | первое первую первого
ordinal 2: второй вторая | второе вторую
ordinal 3: третий третья | третье третью
ordinal 4: четвёртый четвёртая | четвертое четвертую
ordinal 5: пятый пятая | пятое пятую
ordinal 6: шестой шестая | шестое шестую
ordinal 7: седьмой седьмая | седьмое седьмую
ordinal 8: восьмой восьмая | восьмое восьмую
ordinal 9: девятый девятая | девятое девятую
ordinal 0: | нулевой нулевая
key *: звёздочка | звездочку звезда
key #: решётка | решетку диез
polite: пожалуйста добрый день я хочу мне нужно
polite: | все у в сейчас сегодня снова опять тут здравствуйте доброе утро вечер привет алло алё
polite: | слушайте скажите скажу говорю надо хотел хотела бы меня нас соедините спасибо давайте ну
polite: | вот значит итак так ага это там тогда просто уже то ой э эм а да можно можете нужна
polite: | нужен нужны хотим желаю вы мы насчет про до интересует на дайте дай с мой моя мое мои моей
polite: | моего нашей нашего какой какая какое какие говорить поговорить узнать спросить сказать
polite: | подскажите можно угу окей вас вам звоню
assent: | пожалуйста спасибо ну ой э эм все это хочу прошу давайте
echo: | он она оно этот эта я мой моя
about: | показывает показали на счетчике вышло получилось набежало набежала текущий текущие текущее
about: | последние последняя итого всего вместе вижу смотрю составляют хорошо вроде кажется кажись
about: | выходит примерно где стоит горит светится написано видно табло экране накрутило
about: показания показание счётчика номер счёт
about: | плюс показаний показатель счетчик мой моя мое мои у меня счета лицевой лицевого сейчас
about: | сегодня на равно киловатт киловатта киловатты час часа часов квт ровно кубов записывайте
about: | запишите диктую передаю цифры цифра число числа будет составляет передать телефон договор
about: | договора с со от дневной ночной дневная ночная пишите значение такой такие имею
end: готово стоп всё
end: | конец решётка точка
button: цифра кнопка номер
button: | цифру кнопку нажимаю нажму выбираю выбрал клавиша клавишу пункт вариант жму под
not: | не нет без
"""

_EN = """
zero 0: zero oh | o nought naught nil null
unit 1: one
unit 2: two
unit 3: three
unit 4: four
unit 5: five
unit 6: six
unit 7: seven
unit 8: eight
unit 9: nine | niner
teen 10: ten
teen 11: eleven
teen 12: twelve
teen 13: thirteen
teen 14: fourteen
teen 15: fifteen
teen 16: sixteen
teen 17: seventeen
teen 18: eighteen
teen 19: nineteen
tens 20: twenty
tens 30: thirty
tens 40: forty | fourty
tens 50: fifty
tens 60: sixty
tens 70: seventy
tens 80: eighty
tens 90: ninety
hundred 2: hundred | hundreds
thousand 1: thousand
thousand 0: | thousands
million 1: million
million 0: | millions
zeros 0: zeros | zeroes ohs noughts
many 1: | ones
many 2: | twos
many 3: | threes
many 4: | fours
many 5: | fives
many 6: | sixes
many 7: | sevens
many 8: | eights
many 9: | nines
times 2: double
times 3: triple | treble
times 4: | quadruple
and: and
half: half | quarter
point: point | dot decimal comma
part 1: | tenth tenths
part 2: | hundredth hundredths
part 3: | thousandth thousandths
ordinal 1: first
ordinal 2: second
ordinal 3: third
ordinal 4: fourth
ordinal 5: fifth
ordinal 6: sixth
ordinal 7: seventh
ordinal 8: eighth
ordinal 9: ninth
key *: star | asterisk
key #: hash pound | sharp
polite: please hello i want would like to a an the
polite: | hi hey good morning afternoon evening id um uh er well so ok okay just speak talk with
polite: | can could you me my need lets let us thanks thank it is its get say tell im about put
polite: | through connect for that thats
about: reading meter account number is
about: | plus readings my the kilowatt kilowatts hour hours kwh exactly at now digits figure
assent: | please thanks thank you oh ah uh um er well okay ok all its thats quite i
echo: | it is that this i do
about: | figures current phone that thats id are shows says today day night of a
about: | show showing reads it its here see display screen total so far roughly this we have got i
about: | on comes to
end: done stop finish
end: | end finished hash pound
button: number press key option
button: | button pressing choose select digit choice the
not: | not no dont never without isnt
alike 2: | to too
alike 4: | for
leads: | come comes came want like speak talk going up need connect me go get add adds say said
leads: | thank thanks you due equals amounts id
"""

_VI = """
zero 0: không
unit 1: một mốt
unit 2: hai
unit 3: ba
unit 4: bốn tư
unit 5: năm lăm | nhăm
unit 6: sáu
unit 7: bảy | bẩy
unit 8: tám
unit 9: chín
ten 10: mười |
tens_of: mươi | chục
hundred 0: trăm
thousand 0: nghìn ngàn
million 0: triệu
and: linh lẻ
half: rưỡi | nửa
point: phẩy chấm
ordinal 1: | nhất
key *: sao
key #: thăng
polite: tôi muốn xin chào làm ơn
polite: | vui lòng cần cho à ạ vâng dạ thì là được ừ
assent: | làm ơn xin vui lòng à ạ dạ ừ rồi cảm
echo: | ạ rồi đó mà
about: chỉ số công tơ
about: | của mã khách hàng điện số là đồng hồ ki lô oát giờ kwh đúng hôm nay
end: xong hết
end: | dừng
button: số phím
button: | bấm chọn nhấn thứ
not: | không chưa đừng
"""

_TT = """
zero 0: нуль ноль
unit 1: бер
unit 2: ике
unit 3: өч
unit 4: дүрт
unit 5: биш
unit 6: алты
unit 7: җиде
unit 8: сигез
unit 9: тугыз
ten 10: ун |
teen 11: унбер
teen 12: унике
teen 13: унөч
teen 14: ундүрт
teen 15: унбиш
teen 16: уналты
teen 17: унҗиде
teen 18: унсигез
teen 19: унтугыз
tens 20: егерме
tens 30: утыз
tens 40: кырык
tens 50: илле
tens 60: алтмыш
tens 70: җитмеш
tens 80: сиксән
tens 90: туксан
hundred 1: йөз
thousand 1: мең
million 1: миллион
zeros 0: | нульләр
and: | һәм
half: ярым | ярты яртысы
point: нокта өтер бөтен
part 1: | уннан
ordinal 1: беренче
ordinal 2: икенче
ordinal 3: өченче
ordinal 4: дүртенче
ordinal 5: бишенче
ordinal 6: алтынчы
ordinal 7: җиденче
ordinal 8: сигезенче
ordinal 9: тугызынчы
key *: йолдызчык
key #: рәшәткә
polite: зинһар исәнмесез миңа кирәк
polite: | телим мин әйе рәхмәт сәлам әйтегез менә шулай ну
assent: | зинһар рәхмәт ну менә
echo: | бу ул минем
about: күрсәткеч счётчик номер
about: | күрсәткече күрсәткечләр счётчикның минем счёт киловатт сәгать хәзер бүген төп
end: булды бетте
end: | әзер стоп
button: цифр төймә номер
button: | басам сан
not: | түгел юк
"""

TABLES = {"uk": _UK, "ru": _RU, "en": _EN, "vi": _VI, "tt": _TT}

NUMBERS = (
    "zero",
    "unit",
    "teen",
    "ten",
    "tens",
    "tens_of",
    "hundreds",
    "hundred",
    "thousand",
    "zeros",
    "times",
    "and",
    "half",
    "one_and_half",
    "point",
    "part",
)
"""Kinds of the words that numbers are said with."""
_SETS = frozenset({"point", "polite", "assent", "echo", "about", "end", "button", "not", "leads"})


@dataclass(frozen=True)
class Lexicon:
    """The words of one language, or of several together, in plain spelling.

    numerals: words of numbers. keys: words of keys, a digit, `*` or `#`. parts: names of fractions,
    with how many digits they have. joining: "and". alike: words that sound like a digit, with the
    digit. The others are those of the tables.
    """

    numerals: dict[str, Numeral] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    parts: dict[str, int] = field(default_factory=dict)
    points: frozenset[str] = frozenset()
    polite: frozenset[str] = frozenset()
    assent: frozenset[str] = frozenset()
    echo: frozenset[str] = frozenset()
    about: frozenset[str] = frozenset()
    joining: frozenset[str] = frozenset()
    end: frozenset[str] = frozenset()
    button: frozenset[str] = frozenset()
    negations: frozenset[str] = frozenset()
    alike: dict[str, str] = field(default_factory=dict)
    leads: frozenset[str] = frozenset()


def _lines(language: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield kind, value, the words before the bar and those after it."""
    for line in TABLES.get(language, "").strip().splitlines():
        head, _, words = line.partition(":")
        kind, _, value = head.partition(" ")
        expected, _, understood = words.partition("|")
        yield kind, value, expected, understood


@lru_cache(maxsize=64)
def lexicon(languages: tuple[str, ...]) -> Lexicon:
    """Return the words of languages that are listened to side by side."""
    numerals: dict[str, Numeral] = {}
    keys: dict[str, str] = {}
    parts: dict[str, int] = {}
    alike: dict[str, str] = {}
    others: dict[str, set[str]] = {}
    for language in languages:
        for kind, value, *words in _lines(language):
            for word in words_of(" ".join(words)):
                if kind in ("key", "ordinal"):
                    keys.setdefault(word, value)
                elif kind == "part":
                    parts.setdefault(word, int(value))
                elif kind == "alike":
                    alike.setdefault(word, value)
                elif kind in _SETS:
                    others.setdefault(kind, set()).add(word)
                else:
                    numerals.setdefault(word, Numeral(kind, int(value or 0)))
    for word, numeral in numerals.items():
        if numeral.kind in ("zero", "unit"):
            keys[word] = str(numeral.value)
    sets = {kind: frozenset(words) for kind, words in others.items()}
    return Lexicon(
        numerals,
        keys,
        parts,
        sets.get("point", frozenset()) | {POINT},
        sets.get("polite", frozenset()),
        sets.get("assent", frozenset()),
        sets.get("echo", frozenset()),
        sets.get("about", frozenset()),
        frozenset(word for word, numeral in numerals.items() if numeral.kind == "and"),
        sets.get("end", frozenset()),
        sets.get("button", frozenset()),
        sets.get("not", frozenset()),
        alike,
        sets.get("leads", frozenset()),
    )


@lru_cache(maxsize=256)
def expected(language: str, *kinds: str) -> tuple[str, ...]:
    """Return the words of some kinds that a recogniser is told to expect, as they are written."""
    found = [
        word for kind, _, words, _ in _lines(language) if kind in kinds for word in words.split()
    ]
    return tuple(dict.fromkeys(found))


def key_words(language: str, keys: str) -> tuple[str, ...]:
    """Return the words that name some keys."""
    named = ("zero", "unit", "ordinal", "key")
    found = [
        word
        for kind, value, words, _ in _lines(language)
        if kind in named and value in keys
        for word in words.split()
    ]
    return tuple(dict.fromkeys(found))
