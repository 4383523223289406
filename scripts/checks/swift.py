"""Swift source cut into tokens: enough for checks that look at names, comments and texts."""
import dataclasses
import re

PLAIN = re.compile(r"""
    (?P<space>\s+)
  | (?P<line>//[^\n]*)
  | (?P<block>/\*)
  | (?P<string>\#*")
  | (?P<name>`?[A-Za-z_]\w*`?)
  | (?P<other>.)
""", re.X | re.S)
BLOCK = re.compile(r"/\*|\*/")


@dataclasses.dataclass(frozen=True)
class Token:
    kind: str  # name, mark, text or comment
    text: str
    line: int


def tokens(source):
    """All tokens of a file. A string becomes one token of text for each stretch between its interpolations."""
    return Lexer(source).all()


class Lexer:
    def __init__(self, source):
        self.source, self.found, self.counted, self.line = source, [], 0, 1

    def all(self):
        self.code(0, closing=False)
        return self.found

    def add(self, kind, start, end):
        self.line += self.source.count("\n", self.counted, start)
        self.counted = start
        self.found.append(Token(kind, self.source[start:end], self.line))

    def code(self, at, closing):
        """Reads code to the end, or to the parenthesis that closes an interpolation. Returns where it stopped."""
        depth = 0
        while at < len(self.source):
            match = PLAIN.match(self.source, at)
            kind, end = match.lastgroup, match.end()
            if kind == "line":
                self.add("comment", at, end)
            elif kind == "block":
                end = self.block(end)
                self.add("comment", at, end)
            elif kind == "string":
                end = self.string(end, match.group())
            elif kind == "name":
                self.add("name", at, end)
            elif kind == "other":
                self.add("mark", at, end)
                depth += {"(": 1, ")": -1}.get(match.group(), 0)
                if closing and depth < 0:
                    return end
            at = end
        return at

    def block(self, at):
        """Comments may stand in comments. Returns where the outer one ends."""
        depth = 1
        for match in BLOCK.finditer(self.source, at):
            depth += 1 if match.group() == "/*" else -1
            if depth == 0:
                return match.end()
        return len(self.source)

    def string(self, at, opening):
        hashes = opening[:-1]
        long = self.source.startswith('""', at)
        # `""` is empty unless a third quote follows.
        if long and not self.source.startswith('"""', at - 1):
            long = False
        quote = ('"""' if long else '"') + hashes
        at += 2 if long else 0
        stop = re.compile(re.escape(quote) + "|" + re.escape("\\" + hashes) + r"(?:\(|.)" + ("" if long else "|\n"), re.S)
        begin = at
        while match := stop.search(self.source, at):
            if match.group() in (quote, "\n"):
                self.add("text", begin, match.start())
                return match.end()
            at = match.end()
            if match.group().endswith("("):
                self.add("text", begin, match.start())
                begin = at = self.code(at, closing=True)
        return len(self.source)
