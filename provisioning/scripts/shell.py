"""Pieces of bash that several scripts are made of."""

import hashlib
from collections.abc import Iterable
from shlex import quote as quote

_END = "ECO2_END"

FACT = 'fact() { printf \'%s=%s\\n\' "$1" "$2"; }'


def script(*pieces: str) -> str:
    """One script of several pieces, each set apart by an empty line."""
    return "\n\n".join(piece.strip("\n") for piece in pieces if piece.strip()) + "\n"


def words(each: Iterable[str]) -> str:
    """Words as bash takes them, quoted where need be."""
    return " ".join(quote(word) for word in each)


def file(path: str, content: str, *, mode: str = "0644") -> str:
    """Writes a file: whole or not at all, and with its mode before anybody can open it.

    Raises ValueError for a content that would end the text it stands in.
    """
    if not content.endswith("\n") or _END in content.splitlines():
        raise ValueError(f"{path}: not a text of whole lines, or one of them is {_END}")
    return f"""\
mkdir -p {quote(path.rpartition("/")[0])}
install -m {mode} /dev/null {quote(path + ".eco2")}
cat >{quote(path + ".eco2")} <<'{_END}'
{content}{_END}
mv -f {quote(path + ".eco2")} {quote(path)}"""


def digest(content: str) -> str:
    """As ``sha256sum`` prints it."""
    return hashlib.sha256(content.encode()).hexdigest()


def file_digests(paths: Iterable[str]) -> str:
    """A fact ``file.PATH`` for each: its SHA-256, empty where there is no such file."""
    return f"""\
for path in {words(paths)}; do
  fact "file.$path" "$(if [ -f "$path" ]; then sha256sum <"$path" | cut -d ' ' -f 1; fi)"
done"""


def presence(**paths: str) -> str:
    """A fact ``yes`` or ``no`` for each: whether the path is there."""
    return "\n".join(
        f'fact {name} "$(if [ -e {quote(path)} ]; then echo yes; else echo no; fi)"' for name, path in paths.items()
    )
