"""What the pages look like: loaded on a desktop, at 390 px and dark, with a picture of each."""
import html.parser
import subprocess

SIZES = {"desktop": ("1360,900", []), "narrow": ("390,844", []), "dark": ("1360,900", ["--blink-settings=preferredColorScheme=0"])}


def check(stage, pages, out, folder):
    failures = []
    for name, path in pages.items():
        body = stage.read(path)
        Balanced(name, failures).feed(body)
        if len(body) > 200_000:
            failures.append(f"{name}: {len(body)} bytes")
        for size, (window, flags) in SIZES.items():
            picture = out / f"{name}-{size}.png"
            result = subprocess.run(
                ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr",
                 f"--user-data-dir={folder}/browser", f"--window-size={window}", f"--screenshot={picture}",
                 "--timeout=4000", *flags, stage.base + path],
                capture_output=True, text=True, timeout=60)
            failures += [f"{name} {size}: {line}" for line in result.stderr.splitlines() if ":CONSOLE" in line]
            if not picture.exists():
                failures.append(f"{name} {size}: no picture")
        print(f"{name}: {len(body):,} bytes", flush=True)
    return failures


class Balanced(html.parser.HTMLParser):
    """Every element that begins ends, in order, and every field of a form has a label."""
    VOID = {"meta", "link", "input", "br"}

    def __init__(self, name, failures):
        super().__init__()
        self.name, self.failures, self.open, self.ids = name, failures, [], set()

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if "id" in values:
            if values["id"] in self.ids:
                self.failures.append(f"{self.name}: the id {values['id']} stands twice")
            self.ids.add(values["id"])
        if tag in ("input", "select", "textarea") and values.get("type") != "hidden":
            if "aria-label" not in values and values.get("id") is None:
                self.failures.append(f"{self.name}: a field {values.get('name')} without a label")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.failures.append(f"{self.name}: </{tag}> ends nothing that is open")
