"""The packages that stand in the guide: a block of Swift behind a line that is only a path is that file.

    `Sources/Shop/Messages.swift`:

    ```swift
    …
    ```
"""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "Sources/Warren/Warren.docc/GettingStarted.md"
# Its files replace those of the first page, or stand beside them.
SECOND_PAGE = ROOT / "Sources/Warren/Warren.docc/GrowingTheShop.md"
PAGES = (PAGE, SECOND_PAGE)
FILE = re.compile(r"^`([\w./+-]+\.swift)`:\n+```swift\n(.*?)^```$", re.S | re.M)
WARREN = 'path: "../warren"'


def files(text):
    """The files of the package, by their paths."""
    found = {}
    for path, content in FILE.findall(text):
        if path in found or path.startswith("/") or ".." in path:
            raise ValueError(f"the guide cannot have the file {path} here")
        found[path] = content
    return found


def without_files(text):
    """The rest of the page: its other blocks are pieces that have to be compiled elsewhere."""
    return FILE.sub("", text)


def write(folder, *pages, warren=ROOT):
    """Writes the package as it stands on these pages, but for the place of Warren's clone. Returns its paths.

    What has not changed is left alone, so that it is not built again.
    """
    wanted = {}
    for page in pages:
        wanted |= files(page.read_text())
    manifest = wanted["Package.swift"]
    if manifest.count(WARREN) != 1:
        raise ValueError(f"the guide's manifest does not have {WARREN} once")
    wanted["Package.swift"] = manifest.replace(WARREN, f'path: "{warren}"')
    for old in folder.glob("*/**/*.swift"):
        if str(old.relative_to(folder)) not in wanted:
            old.unlink()
    for path, content in wanted.items():
        file = folder / path
        if not file.exists() or file.read_text() != content:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
    return sorted(wanted)
