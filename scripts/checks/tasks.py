"""No task runs that no other waits for: one that is begun as a statement of its own is forgotten, and so is what it throws."""
import re

FORGOTTEN = re.compile(r"^\s*(_ = )?Task(\.detached)?\s*[({]")


def check(path, text):
    """The complaints about one file of Swift."""
    return [(path, number, "no task waits for this one: keep it and await its value, or use a group")
            for number, line in enumerate(text.splitlines(), 1) if FORGOTTEN.match(line)]
