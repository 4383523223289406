"""How the command line speaks: notes and failures on standard error, since standard output is for shells to evaluate."""
import sys

PROGRAM = "rabbitmq"


class Failure(Exception):
    """Ends the program with a message that says what is wrong and what to do."""


def note(text):
    print(f"{PROGRAM}: {text}", file=sys.stderr, flush=True)
