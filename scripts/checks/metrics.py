"""Every metric that an alert or a panel names is one that docs/observability.md lists, and that the sources record."""
import re

NAME = re.compile(r"\bwarren_[a-z_]+\b")
LABEL = re.compile(r'label: "(warren_[a-z_]+)"|"(warren_[a-z_]+)"')
HISTOGRAM = re.compile(r"_(bucket|count|sum)$")


def documented(page):
    return set(NAME.findall(page))


def recorded(sources):
    return {name for source in sources for pair in LABEL.findall(source) for name in pair if name}


def check(path, text, known, what):
    """The names in one file that are not known; a histogram's own series count as its name."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        for name in NAME.findall(line):
            if HISTOGRAM.sub("", name) not in known and name not in known:
                found.append((path, number, f"'{name}' is no metric that {what}"))
    return found
