"""Korean text as a search sees it: without case and spaces, as single letters (jamo), as initial consonants.

Letters are the compatibility jamo that a keyboard types, so that a half-typed syllable compares well.
"""

import re
import unicodedata

INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
FINALS: tuple[str, ...] = ("", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")
_COMPOSITES = (
    "ㅘㅗㅏ ㅙㅗㅐ ㅚㅗㅣ ㅝㅜㅓ ㅞㅜㅔ ㅟㅜㅣ ㅢㅡㅣ "
    "ㄳㄱㅅ ㄵㄴㅈ ㄶㄴㅎ ㄺㄹㄱ ㄻㄹㅁ ㄼㄹㅂ ㄽㄹㅅ ㄾㄹㅌ ㄿㄹㅍ ㅀㄹㅎ ㅄㅂㅅ"
)
TWO_KEYS = str.maketrans({letter[0]: letter[1:] for letter in _COMPOSITES.split()})
_FIRST, _LAST = ord("가"), ord("힣")

_SAME_SOUND = str.maketrans("ㄲㄸㅃㅆㅉㅐㅒㅙㅞㅚ", "ㄱㄷㅂㅅㅈㅔㅖㅚㅚㅚ")
_SAME_FINAL = str.maketrans("ㄲㅋㅆㅈㅊㅌㄷㅍ", "ㄱㄱㅅㅅㅅㅅㅅㅂ")
_PLAIN_VOWEL = str.maketrans("ㅑㅕㅛㅠㅖ", "ㅏㅓㅗㅜㅔ")
_SINGLE = str.maketrans("ㄲㄸㅃㅆㅉ", "ㄱㄷㅂㅅㅈ")
_HANGUL = re.compile("[가-힣]")


def normalise(text: str) -> str:
    """NFKC, lower case, only letters and digits: ``"Pizza Box!"`` becomes ``"pizzabox"``.

    Lone consonants survive as keyboard letters, since NFKC would turn them into half of a syllable.
    """
    return "".join(c for c in readable(text) if c.isalnum())


def readable(text: str) -> str:
    """NFKC and lower case, with spaces and signs; lone consonants and vowels stay keyboard letters."""
    kept = (c if "ㄱ" <= c <= "ㅣ" else unicodedata.normalize("NFKC", c) for c in unicodedata.normalize("NFC", text))
    return "".join(kept).lower()


def letters(text: str) -> str:
    """Syllables taken apart: ``"컵"`` becomes ``"ㅋㅓㅂ"``. Other characters stay."""
    return "".join("".join(_parts(char)) for char in text).translate(TWO_KEYS)


def sound(text: str) -> str:
    """Letters without the differences that spelling mistakes confuse: 패트병 and 페트병, 쥬스 and 주스 are the same."""
    return "".join(_sound_of(char) for char in text)


def syllable(initial: str, vowel: str, final: str = "") -> str:
    """The syllable of these letters. Raises ``ValueError`` for letters that do not stand there."""
    return chr(_FIRST + (INITIALS.index(initial) * 21 + VOWELS.index(vowel)) * 28 + FINALS.index(final))


def initials(text: str) -> str:
    """The initial consonant of every syllable: ``"페트병"`` becomes ``"ㅍㅌㅂ"``. Other characters stay."""
    return "".join(_parts(char)[0] for char in text)


def plain_initials(text: str) -> str:
    """Initial consonants as people type them: ㅃ as ㅂ, and ㄳ, that a keyboard makes of two, as ㄱㅅ."""
    return text.translate(TWO_KEYS).translate(_SINGLE)


def is_initials(text: str) -> bool:
    """Whether the text is nothing but initial consonants."""
    return bool(text) and all(char in INITIALS for char in text.translate(TWO_KEYS))


def is_syllable(char: str) -> bool:
    return _FIRST <= ord(char) <= _LAST


def has_hangul(text: str) -> bool:
    """Whether there is a whole Korean syllable in the text."""
    return _HANGUL.search(text) is not None


def ends_in_consonant(word: str) -> str | None:
    """The final consonant of the last syllable, ``""`` when it ends in a vowel, ``None`` when not Korean."""
    if not word or not is_syllable(word[-1]):
        return None
    return _parts(word[-1])[2]


def _parts(char: str) -> tuple[str, str, str]:
    if not is_syllable(char):
        return char, "", ""
    index = ord(char) - _FIRST
    return INITIALS[index // 588], VOWELS[index % 588 // 28], FINALS[index % 28]


def _sound_of(char: str) -> str:
    initial, vowel, final = _parts(char)
    initial, vowel = initial.translate(_SAME_SOUND), vowel.translate(_SAME_SOUND)
    if initial in "ㅈㅊ":
        vowel = vowel.translate(_PLAIN_VOWEL)
    return initial + vowel + final.translate(_SAME_FINAL)
