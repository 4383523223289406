"""Checks the repository beyond its formatting: `scripts/check`, or `scripts/check words Sources/AMQP`.

    check [CHECK…] [PATH…]      checks: layers words pages commands sizes tasks metrics tables; paths: only complaints about files below them

What `pending.txt` lists is not checked yet, unless it is asked for by a path.
"""
import pathlib
import sys

from checks import commands, files, layers, metrics, pages, sizes, swift, tables, tasks, words
from first_day import guide

ALL = ("layers", "words", "pages", "commands", "sizes", "tasks", "metrics", "tables")
PENDING = pathlib.Path(__file__).with_name("pending.txt")


def pending():
    """The pairs of check and path that are left out."""
    if not PENDING.exists():
        return []
    lines = [line.split("#")[0].split() for line in PENDING.read_text().splitlines()]
    return [tuple(line) for line in lines if line]


def modules(root):
    for parent in (root / "Sources", root / "Examples/Sources", root / "Tests"):
        yield from (folder for folder in sorted(parent.glob("*")) if folder.is_dir())


def complaints(check, root, contents):
    """All complaints of one check. `contents` is a dictionary from path to text."""
    def sources(folder):
        return {path: text for path, text in contents.items() if path.suffix == ".swift" and folder in path.parents}

    if check == "layers":
        return [complaint for folder in modules(root) for complaint in layers.check(folder)]
    if check == "words":
        listed, exceptions = words.read_list(words.LIST.read_text())
        found = []
        for path, text in contents.items():
            if path != words.LIST:
                found += words.check(path, str(path.relative_to(root)), text, listed, exceptions)
        return found + [(words.LIST, 1, f"the exception '{e.path}: {e.piece}' is not needed any more")
                        for e in exceptions if not e.used]
    if check == "pages":
        swift_files = [text for path, text in contents.items() if path.suffix == ".swift"]
        ignored = [line.strip("/") + "/" for line in contents.get(root / ".gitignore", "").splitlines() if line.endswith("/")]
        paths = [str(path.relative_to(root)) for path in contents] + [f"{folder}x" for folder in ignored]
        own = [file for page in guide.PAGES for file in guide.files(page.read_text()).items()]  # the guide's files stand in it
        names = pages.Names([*paths, *(path for path, _ in own)], [*swift_files, *(text for _, text in own)])
        return [complaint for path, text in contents.items() if path.suffix == ".md" for complaint in pages.check(path, text, names)]
    if check == "commands":
        command_line = root / "Sources/WarrenCommand"
        known = commands.command_names(sources(command_line).values())
        return [complaint for path, text in sources(root / "Sources").items() if command_line not in path.parents
                for complaint in commands.check(path, text, known)]
    if check == "tasks":
        return [complaint for path, text in sources(root / "Sources").items() for complaint in tasks.check(path, text)]
    if check == "tables":
        engine = root / "Sources/WarrenSQLite"
        return [complaint for path, text in sources(engine).items() for complaint in tables.check(engine, path, text)]
    if check == "metrics":
        page = root / "docs/observability.md"
        known = metrics.documented(contents[page])
        found = [complaint for path, text in contents.items() if path.parent == root / "docs/monitoring"
                 for complaint in metrics.check(path, text, known, "docs/observability.md lists")]
        return found + metrics.check(page, contents[page], metrics.recorded(sources(root / "Sources").values()), "is recorded")
    return [complaint for path, text in contents.items() for complaint in sizes.check(path, text)]


def main(arguments):
    if any(argument.startswith("-") for argument in arguments):
        sys.exit(__doc__)
    chosen = [name for name in arguments if name in ALL] or list(ALL)
    below = [pathlib.Path(name).resolve() for name in arguments if name not in ALL]
    for path in below:
        if not path.exists():
            sys.exit(f"check: '{path}' is neither a check ({', '.join(ALL)}) nor a path")
    contents = {path: files.text(path) for path in files.tracked()}
    left_out = {} if below else {(check, files.ROOT / path): 0 for check, path in pending()}
    count = 0
    for check in chosen:
        for path, line, text in complaints(check, files.ROOT, contents):
            if below and not any(folder == path or folder in path.parents for folder in below):
                continue
            skip = next((key for key in left_out if key[0] == check and (key[1] == path or key[1] in path.parents)), None)
            if skip:
                left_out[skip] += 1
                continue
            count += 1
            print(f"{path.relative_to(files.ROOT)}:{line}: {text} [{check}]", file=sys.stderr)
    for (check, path), found in left_out.items():
        if check in chosen and found == 0:
            print(f"scripts/checks/pending.txt: '{check} {path.relative_to(files.ROOT)}' holds now: take it out", file=sys.stderr)
    waiting = sum(left_out.values())
    print(f"{len(contents)} files, {', '.join(chosen)}: " + (f"{count} complaints" if count else "in order")
          + (f"; {waiting} complaints that pending.txt puts off" if waiting else ""))
    sys.exit(1 if count else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
