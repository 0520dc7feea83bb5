"""Gender of the Russian noun behind a number, which `один` and `два` agree with."""

import re

FEMININE = re.compile(
    r"(?:тысяч|тонн|секунд|минут|миллисекунд|мил[яьи]|унци|калори|килокалори|копе|гривн|рупи|крон|лир|иен|недел|страниц|"
    r"книг|ноч[ьи]|двер|част[ьи]\b|площад|област|дочер|мыш[ьи]|роль|роли|женщин|минута|"
    r"пинт|кварт|атмосфер|йен|лошадин|целая|десят|сот|штук|комнат|собак|кошк|девочк)"
)
_WORD = re.compile(r"[а-яё]{4,}")
_NO_NOUNS = frozenset((
    "если", "даже", "тоже", "также", "когда", "пока", "хотя", "либо", "после", "около", "возле", "кроме", "более",
    "менее", "почти", "было", "была", "были", "этого", "одна", "снова", "чтобы", "только", "сразу", "лишь", "надо",
    "нужно", "можно", "очень", "много", "мало", "потом", "тогда", "среди", "между", "перед", "через", "сюда", "туда",
))  # fmt: skip
_MASCULINE_WITH_FEMININE_ENDINGS = (
    "мужчин", "дедушк", "юнош", "дяд", "судь", "слуг", "такси", "коллег", "евр", "метр", "литр",
)  # fmt: skip
_NEUTER = re.compile(r"(?:окно|место|слово|дело|письмо|число|море|яблоко|дерево)")


def noun_gender(number: int, context: str) -> str:
    """`masculine`, `feminine` or `neuter`: the noun that `context` begins with, by its lists, else by its ending.

    The ending is read in the case that `number` asks for: `21 книга` (nominative singular), `2 книги` (genitive singular).
    """
    if FEMININE.match(context):
        return "feminine"
    if _NEUTER.match(context):
        return "neuter"
    word = _WORD.match(context)
    if word is None or word[0] in _NO_NOUNS or word[0].startswith(_MASCULINE_WITH_FEMININE_ENDINGS):
        return "masculine"
    if number % 10 == 1:
        return "feminine" if word[0].endswith(("а", "я")) else "neuter" if word[0].endswith(("о", "е")) else "masculine"
    return "feminine" if number % 10 == 2 and word[0].endswith(("и", "ы")) else "masculine"
