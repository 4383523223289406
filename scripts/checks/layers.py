"""The folders of a module need each other one way only.

A folder needs another if a file in it names a type or a free function that is declared there. The files that lie at the root
of a module tie its folders together and are left aside. What is private is seen in its own file only; a nested type counts
where it is written with the name of its outer type, or in a file that declares or extends that type.
"""
import collections
import pathlib

from checks import swift

KINDS = {"struct", "class", "enum", "actor", "protocol", "typealias"}
ATTRIBUTES = {"private", "fileprivate", "package", "public", "internal", "open", "final", "indirect", "nonisolated",
              "static", "class", "mutating", "override", "borrowing", "consuming"}


class File:
    """What a file declares and names."""

    def __init__(self, path, folder, source):
        self.path, self.folder = path, folder
        self.types, self.functions = {}, set()  # (outer or None, name) -> is private; names of free functions
        self.own, self.scopes, self.names = set(), set(), []
        self.read([token for token in swift.tokens(source) if token.kind in ("name", "mark")])

    def read(self, tokens):
        open_braces, pending = [], None
        for index, token in enumerate(tokens):
            following = tokens[index + 1].text if index + 1 < len(tokens) else ""
            if token.text == "{":
                open_braces.append(pending)
                pending = None
            elif token.text == "}":
                if open_braces:
                    open_braces.pop()
            elif token.kind == "mark":
                continue
            elif token.text == "extension" and following[:1].isupper():
                pending = self.extended(tokens, index + 1)
            elif token.text in KINDS and following[:1].isalpha() and following[0].isupper():
                pending = self.declare(tokens, index, open_braces)
            elif token.text == "associatedtype":
                self.own.add(following)
            elif token.text == "func" and not open_braces and not self.is_private(tokens, index):
                self.functions.add(following.strip("`"))
            if token.text in ("func", "init") or token.text in KINDS:
                self.own.update(self.generic_names(tokens, index + (1 if token.text == "init" else 2)))
            self.note(tokens, index)

    def declare(self, tokens, index, open_braces):
        outer = next((scope for scope in reversed(open_braces) if scope), None)
        name = tokens[index + 1].text
        self.own.add(name)
        if not any(scope is None for scope in open_braces):  # a type in the body of a function is its own business
            self.types[outer, name] = self.is_private(tokens, index)
            self.scopes.add(name)
        return None if tokens[index].text == "typealias" else name

    def extended(self, tokens, index):
        """The last name of `extension Outer.Inner`, and all of them are in scope."""
        name = tokens[index].text
        self.scopes.add(name)
        while index + 2 < len(tokens) and tokens[index + 1].text == "." and tokens[index + 2].kind == "name":
            index += 2
            name = tokens[index].text
            self.scopes.add(name)
        return name

    @staticmethod
    def is_private(tokens, index):
        while index > 0 and tokens[index - 1].text in ATTRIBUTES:
            index -= 1
            if tokens[index].text in ("private", "fileprivate"):
                return True
        return False

    @staticmethod
    def generic_names(tokens, index):
        """The parameters in `<…>` at this place."""
        names, depth = set(), 0
        while index < len(tokens):
            text = tokens[index].text
            if text == "<":
                depth += 1
            elif text == ">":
                depth -= 1
            elif depth == 1 and tokens[index].kind == "name" and tokens[index - 1].text in ("<", ",", "each"):
                names.add(text)
            if depth == 0:
                return names
            index += 1
        return names

    def note(self, tokens, index):
        token = tokens[index]
        before = tokens[index - 1].text if index else ""
        qualifier = tokens[index - 2].text if before == "." and index > 1 else None
        called = index + 1 < len(tokens) and tokens[index + 1].text in ("(", "{")
        if token.text[0].isupper() or (before != "." and called and before != "func"):
            self.names.append((token.text.strip("`"), qualifier, before == ".", token.line))


def needs(files):
    """(folder, other folder) -> the places that make it so, as (path, line, name)."""
    top, nested, functions = {}, collections.defaultdict(dict), {}
    for file in files:
        for (outer, name), private in file.types.items():
            if not private and outer is None:
                top[name] = file
            elif not private:
                nested[name][outer] = file
        for name in file.functions:
            functions.setdefault(name, file)
    found = collections.defaultdict(list)
    for file in files:
        for name, qualifier, behind_dot, line in file.names:
            other = None
            if qualifier and qualifier[:1].isupper():
                other = nested[name].get(qualifier) if name in nested else None
            elif behind_dot or name in file.own:
                continue
            elif name[0].isupper():
                other = top.get(name) or next((nested[name][o] for o in nested.get(name, ()) if o in file.scopes), None)
            elif name not in file.functions:
                other = functions.get(name)
            if other and other.folder != file.folder and "." not in (other.folder, file.folder):
                found[file.folder, other.folder].append((file.path, line, name))
    return found


def circles(edges):
    """The groups of folders in which each needs each other, directly or through others."""
    reach = collections.defaultdict(set)
    for a, b in edges:
        reach[a].add(b)
    for _ in range(len(reach)):  # so often that the longest way is found
        for a in list(reach):
            for b in list(reach[a]):
                reach[a] |= reach[b]
    groups = {tuple(sorted(b for b in reach[a] if a in reach[b])) for a in list(reach) if a in reach[a]}
    return sorted(groups)


def read_module(folder):
    files = []
    for path in sorted(folder.rglob("*.swift")):
        relative = path.relative_to(folder).parent
        files.append(File(path, str(relative), path.read_text()))
    return files


def check(folder):
    """The complaints about one module: a list of (path, line, text)."""
    edges = needs(read_module(pathlib.Path(folder)))
    complaints = []
    for group in circles(edges):
        inside = {pair: places for pair, places in edges.items() if set(pair) <= set(group)}
        # The thinnest way is where the circle is easiest to cut.
        for (a, b), places in sorted(inside.items(), key=lambda item: len(item[1])):
            if reaches(b, a, inside):
                path, line, name = places[0]
                others = len({place[2] for place in places}) - 1
                more = f" and {others} more" if others else ""
                complaints.append((path, line, f"'{a}' needs '{b}' for {name}{more}, and they stand in a circle: {', '.join(group)}"))
    return complaints


def reaches(start, goal, edges):
    seen, ahead = set(), [start]
    while ahead:
        folder = ahead.pop()
        if folder == goal:
            return True
        if folder not in seen:
            seen.add(folder)
            ahead += [b for a, b in edges if a == folder]
    return False
