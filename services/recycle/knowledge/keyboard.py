"""What was typed with the keyboard of the other language: ``vpxmqud`` is 페트병, ``ㅔㅑㅋㅋㅁ`` is pizza (two-set)."""

import re

from services.recycle.knowledge.hangul import FINALS, INITIALS, TWO_KEYS, VOWELS, letters, syllable

_KEYS = dict(
    zip(
        "ㅂㅃㅈㅉㄷㄸㄱㄲㅅㅆㅛㅕㅑㅐㅒㅔㅖㅁㄴㅇㄹㅎㅗㅓㅏㅣㅋㅌㅊㅍㅠㅜㅡ",
        "qQwWeErRtTyuioOpPasdfghjklzxcvbnm",
        strict=True,
    )
)
_LETTERS = {key: letter for letter, key in _KEYS.items()}


def _typed(choices: str | tuple[str, ...]) -> dict[str, str]:
    """What the keys give, to the letter that it means; the longest first, so that ㅗㅏ is read before ㅗ."""
    typed = {letter.translate(TWO_KEYS): letter for letter in choices if letter}
    return dict(sorted(typed.items(), key=lambda pair: -len(pair[0])))


_VOWEL, _FINAL = _typed(VOWELS), _typed(FINALS)
_SYLLABLE = re.compile(rf"([{INITIALS}])({'|'.join(_VOWEL)})((?:{'|'.join(_FINAL)})(?![{VOWELS}]))?")


def as_hangul(text: str) -> str:
    """Latin keys as the Hangul they would have typed; other characters stay."""
    typed = "".join(_LETTERS.get(char) or _LETTERS.get(char.lower(), char) for char in text)
    return _SYLLABLE.sub(lambda m: syllable(m[1], _VOWEL[m[2]], _FINAL[m[3]] if m[3] else ""), typed)


def as_latin(text: str) -> str:
    """Hangul as the Latin keys that typed it; other characters stay."""
    return "".join(_KEYS.get(char, char) for char in letters(text))
