"""What others made to judge pages and interfaces: axe looks whether a page is accessible, schemathesis makes requests from the OpenAPI
file and looks for an answer that is a mistake of ours. Both come from PyPI, into the build folder; nothing is fetched while they run."""
import json
import os
import pathlib
import subprocess

from dashboard.stage import ROOT, SCRATCH

VERSIONS = ["axe-selenium-python==2.1.6", "schemathesis==4.32.5"]
FOLDER = SCRATCH / "judges"

# Rules of WCAG 2.0 A and AA: this axe knows no newer ones.
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa"]}, "resultTypes": ["violations"]}
RUN_AXE = "const done = arguments[arguments.length - 1]; axe.run(document, arguments[0]).then(done, (error) => done(String(error)));"


def install():
    mark = FOLDER / "versions"
    if mark.exists() and mark.read_text().split() == VERSIONS:
        return
    subprocess.run([ROOT / "scripts/packages", "python3-venv"], check=True)
    subprocess.run(["python3", "-m", "venv", "--clear", FOLDER], check=True)
    subprocess.run([FOLDER / "bin/pip", "install", "--quiet", *VERSIONS], check=True)
    mark.write_text("\n".join(VERSIONS))


def axe():
    return next(FOLDER.glob("lib/*/site-packages/axe_selenium_python/**/axe.min.js")).read_text()


def accessible(browser, stage, pages):
    """What axe finds on each page, light and dark."""
    failures, source = [], axe()
    for name, path in pages.items():
        for theme in ("light", "dark"):
            browser.go(stage.base + path)
            browser.run("document.documentElement.dataset.theme = arguments[0]; "
                        "document.querySelectorAll('details').forEach((element) => { element.open = true; });", theme)
            browser.wait(lambda: browser.run("return document.getAnimations().length") == 0, "the colours still change")
            browser.run(source)
            found = browser.run_until_done(RUN_AXE, RULES)
            if isinstance(found, str):
                failures.append(f"{name} {theme}: axe failed: {found}")
                continue
            for violation in found["violations"]:
                places = "; ".join(" ".join(map(str, node["target"])) for node in violation["nodes"][:3])
                failures.append(f"{name} {theme}: {violation['id']}: {violation['help']} ({len(violation['nodes'])}): {places}")
        print(f"axe looked at {name}", flush=True)
    return failures


# What can be pressed or written in and is not wholly on the screen, except where the person can scroll it there.
CUT_OFF = """
const canScroll = (element) => element && element !== document.documentElement && element !== document.body &&
  (["auto", "scroll"].includes(getComputedStyle(element).overflowX) || canScroll(element.parentElement));
return [...document.querySelectorAll("a, button, input:not([type=hidden]), select, textarea")].filter((element) => {
  const box = element.getBoundingClientRect();
  return element.checkVisibility() && box.width > 1 && (box.right > innerWidth + 1 || box.left < -1) &&
    box.bottom > 0 && !canScroll(element.parentElement);
}).map((element) => element.outerHTML.slice(0, 120));
"""


def fits(browser, stage, pages):
    """Whether a narrow screen shows all of each page's width, and all that can be pressed."""
    failures = []
    browser.size(390, 844)
    for name, path in pages.items():
        browser.go(stage.base + path)
        width = browser.run("return document.documentElement.scrollWidth")
        if width > 390:
            failures.append(f"{name}: {width} pixels wide on a screen of 390")
        failures += [f"{name}: cut off on a screen of 390 pixels: {element}" for element in browser.run(CUT_OFF)]
    browser.size(1360, 900)
    return failures


def requested(stage, folder, seconds=60):
    """Requests that are made from the OpenAPI file; an answer of 500 is a mistake. That an engine cannot do something is none (501)."""
    folder = pathlib.Path(folder)
    (folder / "schemathesis.toml").write_text(
        '[checks]\nnot_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 501, 503]\n')
    (folder / "openapi.json").write_text(json.dumps(json.loads(stage.read("api/v1/openapi.json"))))
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    result = subprocess.run(
        [FOLDER / "bin/schemathesis", "--config-file", folder / "schemathesis.toml", "run", folder / "openapi.json",
         "--url", stage.base + "api/v1", "--checks", "not_a_server_error", "--phases", "examples,coverage,fuzzing",
         "--max-examples", "25", "--seed", "17", "--generation-database", "none", "--no-color",
         "--suppress-health-check", "all", "--warnings", "off", "--request-timeout", "30"],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=900)
    print("\n".join(result.stdout.splitlines()[-12:]), flush=True)
    return [] if result.returncode == 0 else [f"schemathesis: {result.stdout[-6000:]}{result.stderr[-2000:]}"]
