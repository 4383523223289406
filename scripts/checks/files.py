"""The files of the repository that a check reads."""
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What is recorded or prescribed word for word.
NOT_OURS = ("LICENSE", "scripts/rabbitmq-facts/facts.json", "Tests/WarrenRabbitMQTests/Interop/documents.json")


def tracked(root=ROOT):
    """All files that are or would be under version control, by path."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=root,
                            capture_output=True, text=True)
    if listed.returncode == 0:
        names = filter(None, listed.stdout.split("\0"))
        paths = [root / name for name in names]
    else:  # an archive without its history
        paths = [path for path in root.rglob("*") if not any(part.startswith(".build") for part in path.parts)]
    return sorted({path for path in paths if path.is_file() and str(path.relative_to(root)) not in NOT_OURS})


def text(path):
    """What is in a file; nothing if it is no text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""
