"""Words that are kept out: of names, comments, texts, pages and paths.

`words.txt` lists them. A name is read as its words (`isKnownHere` as "is known here"), a sentence may go over several lines of
comment, and case does not matter. An exception names a file, a piece of the line, and why; one that nothing needs is refused.
"""
import bisect
import dataclasses
import fnmatch
import pathlib
import re

LIST = pathlib.Path(__file__).with_name("words.txt")
# Between two words of a sentence: white space, and what begins the next line of a comment or of a string.
GAP = r"(?:\s|\\\n|\n\s*(?:///?|\#|\*))+"
HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclasses.dataclass
class Word:
    text: str
    instead: str
    pattern: re.Pattern


@dataclasses.dataclass
class Exemption:
    path: str
    piece: str
    reason: str
    used: bool = False


def read_list(text):
    """(words, exceptions) of a list."""
    words, exceptions = [], []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        left, arrow, right = (part.strip() for part in line.partition("=>"))
        if not arrow or not right:
            raise ValueError(f"line {number} of the list of words lacks `=> …`: {line}")
        if left.startswith("except "):
            path, _, piece = left[len("except "):].partition(": ")
            exceptions.append(Exemption(path.strip(), piece.strip(), right))
        else:
            pattern = r"(?<![a-z])(?:" + re.sub(r"\s+", lambda _: GAP, left) + r")(?![a-z])"
            words.append(Word(left, right, re.compile(pattern)))
    return words, exceptions


def spread(text):
    """The text in lower case with names taken apart, and for each character added before which place it was added."""
    added = [match.start() for match in HUMP.finditer(text)]
    return HUMP.sub(" ", text).lower().replace("_", " "), added


def line_of(place, added, starts):
    """The line of a place in the spread text."""
    # Each character that was added before moves the place by one.
    low, high = 0, len(added)
    while low < high:
        middle = (low + high) // 2
        if added[middle] + middle < place:
            low = middle + 1
        else:
            high = middle
    return bisect.bisect_right(starts, place - low)


def find(text, words):
    """(line, word, what stands there) of every word of the list in a text."""
    wide, added = spread(text)
    starts = [0] + [index + 1 for index, character in enumerate(text) if character == "\n"]
    for word in words:
        for match in word.pattern.finditer(wide):
            yield line_of(match.start(), added, starts), word, " ".join(match.group().split())


def check(path, name, text, words, exceptions):
    """The complaints about one file: a list of (path, line, text)."""
    lines, complaints = text.splitlines(), []
    found = [(0, word, shown) for _, word, shown in find(name, words)] + list(find(text, words))
    for line, word, shown in found:
        here = lines[line - 1] if line else name
        allowed = [e for e in exceptions if fnmatch.fnmatch(name, e.path) and e.piece in here]
        for exception in allowed:
            exception.used = True
        if not allowed:
            where = "" if line else " in the name of the file"
            complaints.append((path, max(line, 1), f"'{shown}'{where}: write {word.instead}"))
    return complaints
