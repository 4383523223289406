"""No file is longer than five hundred lines: one idea a file."""
MOST = 500
CODE = {".swift", ".py", ".sh", ".c", ".go"}


def is_code(path, text):
    return path.suffix in CODE or path.suffix == "" and text.startswith("#!")


def check(path, text):
    """The complaint about one file, in a list."""
    count = text.count("\n")
    if is_code(path, text) and count > MOST:
        return [(path, MOST, f"{count} lines: at most {MOST}, one idea a file")]
    return []
