"""Modules below the command line name none of its commands and options: another user interface would show them, too."""
import re

from checks import swift

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
NAME = re.compile(r'commandName: "([a-z-]+)"')


def command_names(sources):
    """The names of all commands, from the sources of the command line."""
    return {name for source in sources for name in NAME.findall(source)}


def check(path, source, commands):
    """The complaints about one file: a list of (path, line, text)."""
    words = "|".join(sorted(commands - {"warren"}))
    command = re.compile(rf"\bwarren (?:{words})\b")
    complaints, lines = [], source.split("\n")
    for token in swift.tokens(source):
        if token.kind in ("text", "comment"):
            for match in command.finditer(token.text):
                complaints.append((path, token.line, f"`{match.group()}` is a command of the command line: say what to do, not how"))
        # What is said about RabbitMQ's own tools may name their options. A value inside a text cuts it into pieces.
        if token.kind == "text" and "rabbitmqctl" not in token.text + lines[token.line - 1]:
            for match in OPTION.finditer(token.text):
                complaints.append((path, token.line, f"`{match.group()}` is an option of the command line: say what to do, not how"))
    return complaints
