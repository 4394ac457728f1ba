"""Korean text as a search sees it: without case and spaces, as single letters (jamo), as initial consonants.

Letters are the compatibility jamo that a keyboard types, so that a half-typed syllable compares well.
"""

import unicodedata

INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_FINALS: tuple[str, ...] = ("", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")
_COMPOSITES = (
    "ㅘㅗㅏ ㅙㅗㅐ ㅚㅗㅣ ㅝㅜㅓ ㅞㅜㅔ ㅟㅜㅣ ㅢㅡㅣ "
    "ㄳㄱㅅ ㄵㄴㅈ ㄶㄴㅎ ㄺㄹㄱ ㄻㄹㅁ ㄼㄹㅂ ㄽㄹㅅ ㄾㄹㅌ ㄿㄹㅍ ㅀㄹㅎ ㅄㅂㅅ"
)
_TWO_KEYS = str.maketrans({letter[0]: letter[1:] for letter in _COMPOSITES.split()})
_FIRST, _LAST = ord("가"), ord("힣")


def normalise(text: str) -> str:
    """NFKC, lower case, only letters and digits: ``"Pizza Box!"`` becomes ``"pizzabox"``.

    Lone consonants survive as keyboard letters, since NFKC would turn them into half of a syllable.
    """
    kept = (c if c in INITIALS else unicodedata.normalize("NFKC", c) for c in unicodedata.normalize("NFC", text))
    return "".join(c for c in "".join(kept).lower() if c.isalnum())


def letters(text: str) -> str:
    """Syllables taken apart: ``"컵"`` becomes ``"ㅋㅓㅂ"``. Other characters stay."""
    return "".join(_letters_of(char) for char in text).translate(_TWO_KEYS)


def initials(text: str) -> str:
    """The initial consonant of every syllable: ``"페트병"`` becomes ``"ㅍㅌㅂ"``. Other characters stay."""
    return "".join(INITIALS[(ord(char) - _FIRST) // 588] if is_syllable(char) else char for char in text)


def is_initials(text: str) -> bool:
    """Whether the text is nothing but initial consonants."""
    return bool(text) and all(char in INITIALS for char in text)


def is_syllable(char: str) -> bool:
    return _FIRST <= ord(char) <= _LAST


def ends_in_consonant(word: str) -> str | None:
    """The final consonant of the last syllable, ``""`` when it ends in a vowel, ``None`` when not Korean."""
    if not word or not is_syllable(word[-1]):
        return None
    return _FINALS[(ord(word[-1]) - _FIRST) % 28]


def _letters_of(char: str) -> str:
    if not is_syllable(char):
        return char
    index = ord(char) - _FIRST
    return INITIALS[index // 588] + _VOWELS[index % 588 // 28] + _FINALS[index % 28]
