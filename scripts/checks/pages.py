"""What a page names must exist: files, folders, types and functions, wherever they stand in code spans.

A span is looked up if it ends in `.swift` or a slash, or reads as a Swift name: `Type`, `Type.member`, `Type.method(label:)`,
`function()`. Of a path the end is enough, `Working/Judge.swift`. Other spans (`COMMIT`, `x-death`) are words.
"""
import re

from checks import swift

SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
PATH = re.compile(r"^[\w./+*-]+(?:\.swift|\.md|\.py|/)$")
CALL = re.compile(r"^(?:([A-Z]\w*)\.)?([a-z]\w*)\(([\w:, …]*)\)$")
MEMBER = re.compile(r"^([A-Z]\w*)\.([a-z]\w*)$")
TYPE = re.compile(r"^([A-Z][a-z]\w*)(?:<.*>)?$")


class Names:
    """What the sources declare."""

    def __init__(self, paths, sources):
        self.paths = ["/" + path for path in paths]
        self.folders = {"/" + "/".join(path.split("/")[:depth]) + "/" for path in paths for depth in range(1, path.count("/") + 1)}
        # type -> its members, by the files that declare or extend it; function -> its lists of labels
        self.types, self.functions, self.members = set(), {}, {}
        for source in sources:
            self.read([token for token in swift.tokens(source) if token.kind in ("name", "mark")])

    def read(self, tokens):
        scopes, declared = set(), set()
        for index, token in enumerate(tokens[:-2]):
            following = tokens[index + 1].text.strip("`")
            if token.text in ("struct", "class", "enum", "actor", "protocol", "typealias") and following[:1].isupper():
                self.types.add(following)
                scopes.add(following)
            elif token.text == "extension":
                scopes.update(t.text for t in tokens[index + 1:index + 6:2] if t.kind == "name")
            elif token.text in ("func", "init"):
                name = following if token.text == "func" else "init"
                declared.add(name)
                self.functions.setdefault(name, set()).add(self.labels(tokens, index + 1))
            elif token.text == "case" and tokens[index + 2].text == "(":
                declared.add(following)
                self.functions.setdefault(following, set()).add(self.labels(tokens, index + 2))
            elif token.text in ("var", "let", "case") or token.text == "," and tokens[index + 1].kind == "name":
                declared.add(following)
        for scope in scopes:
            self.members.setdefault(scope, set()).update(declared)

    @staticmethod
    def labels(tokens, index):
        """`(first:second:)` of the function whose parameters begin behind this place."""
        while index < len(tokens) and tokens[index].text not in ("(", "{"):
            index += 1
        found, depth = [], 0
        while index < len(tokens) - 2:
            text = tokens[index].text
            depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(text, 0)
            if depth == 0:
                break
            # A label is followed by a colon or by the parameter's name; the value of a case may be without.
            if depth == 1 and text in "(," and (tokens[index + 2].text == ":" or tokens[index + 2].kind == "name"):
                found.append(tokens[index + 1].text)
            index += 1
        return "".join(f"{label}:" for label in found if label != "_")

    def lacks(self, span):
        """Why a span names nothing that is there; None if it does, or is no name."""
        if PATH.match(span):
            return self.lacks_path(span)
        if match := CALL.match(span):
            owner, name, labels = match.groups()
            if owner and owner not in self.types:
                return f"there is no type `{owner}`"
            if name not in (self.members.get(owner, ()) if owner else self.functions):
                return f"there is no function `{span}`"
            if ":" in labels and labels.replace(" ", "").replace("_:", "") not in self.functions.get(name, ()):
                return f"no `{name}` takes `({labels})`"
        elif match := MEMBER.match(span):
            owner, name = match.groups()
            if owner in self.types and name not in self.members.get(owner, ()):
                return f"`{owner}` has no member `{name}`"
        return None

    def lacks_path(self, span):
        if re.match("[A-Z]+[-/]", span):
            return None  # FILE-workers/ stands for a name of the user's
        if span.endswith("/"):
            tail = "/" + span.lstrip("./")
            return None if any(folder.endswith(tail) for folder in self.folders) else f"there is no folder `{span}`"
        pattern = re.compile(r"/" + re.escape(span.lstrip("./")).replace(r"\*", r"[^/]*") + "$")
        return None if any(pattern.search(path) for path in self.paths) else f"there is no file `{span}`"


def check(path, text, names):
    """The complaints about one page: a list of (path, line, text)."""
    complaints = []
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            inside = not inside
        if inside:
            continue
        for span in SPAN.findall(line):
            if why := names.lacks(span):
                complaints.append((path, number, why))
    return complaints
