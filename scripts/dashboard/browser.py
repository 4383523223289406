"""A browser that is driven as a person does, by the W3C's WebDriver protocol: chromedriver, and nothing else."""
import base64
import json
import socket
import subprocess
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
ENTER, TAB, ESCAPE = "\ue007", "\ue004", "\ue00c"


class Browser:
    def __init__(self, folder, scripts=True):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        self.driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.address = f"http://127.0.0.1:{port}"
        options = {"args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1360,900",
                            f"--user-data-dir={folder}/driven"]}
        if not scripts:
            options["prefs"] = {"profile.managed_default_content_settings.javascript": 2}
        self.session = None
        end = time.monotonic() + 30
        while self.session is None:
            try:
                made = self.call("POST", "/session", {"capabilities": {"alwaysMatch": {
                    "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}})
                self.session = "/session/" + made["sessionId"]
            except urllib.error.URLError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)

    def close(self):
        try:
            self.call("DELETE", self.session)
        finally:
            self.driver.terminate()
            self.driver.wait()

    def call(self, method, path, body=None):
        request = urllib.request.Request(
            self.address + path, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read())["value"]
        except urllib.error.HTTPError as error:
            value = json.loads(error.read())["value"]
            raise AssertionError(f"{path}: {value['error']}: {value['message'].splitlines()[0]}") from None

    def go(self, address):
        self.call("POST", self.session + "/url", {"url": address})

    @property
    def address_bar(self):
        return self.call("GET", self.session + "/url")

    @property
    def text(self):
        return self.call("GET", f"{self.session}/element/{self.find('body')}/text")

    def find(self, selector):
        return self.call("POST", self.session + "/element", {"using": "css selector", "value": selector})[ELEMENT]

    def find_button(self, title, within=""):
        """The button or link that is called so; else the first that begins so."""
        kinds = f"{within}//*[self::button or self::a or self::summary]"
        for test in (f"normalize-space(.) = '{title}'", f"starts-with(normalize-space(.), '{title}')"):
            found = self.call("POST", self.session + "/elements", {"using": "xpath", "value": f"{kinds}[{test}]"})
            if found:
                return found[0][ELEMENT]
        raise AssertionError(f"there is no button '{title}' on {self.address_bar}")

    def label(self, element):
        return self.call("GET", f"{self.session}/element/{element}/text")

    def click(self, element):
        self.call("POST", f"{self.session}/element/{element}/click", {})

    def press_button(self, title, within=""):
        for patience in (2, 1, 0):
            element = self.find_button(title, within)
            try:
                label = self.label(element)
                self.click(element)
                return label
            except AssertionError as error:  # a region was swapped for a newer one meanwhile
                if "stale element" not in str(error) or not patience:
                    raise
        return None

    def type(self, selector, text):
        element = self.find(selector)
        self.call("POST", f"{self.session}/element/{element}/clear", {})
        self.call("POST", f"{self.session}/element/{element}/value", {"text": text})

    def keys(self, *keys):
        actions = [step for key in keys for step in ({"type": "keyDown", "value": key}, {"type": "keyUp", "value": key})]
        self.call("POST", self.session + "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def run(self, script, *arguments):
        return self.call("POST", self.session + "/execute/sync", {"script": script, "args": list(arguments)})

    def run_until_done(self, script, *arguments):
        """A script that calls its last argument when it is done, with its result."""
        return self.call("POST", self.session + "/execute/async", {"script": script, "args": list(arguments)})

    def size(self, width, height):
        """The size of the screen, also one narrower than a window may be."""
        self.call("POST", self.session + "/goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}})

    def picture(self, path):
        path.write_bytes(base64.b64decode(self.call("GET", self.session + "/screenshot")))

    def complaints(self):
        """What the browser has reported since it was asked last: a violation of the content security policy is an error. That a
        form was refused is what some visits are about."""
        return [entry["message"] for entry in self.call("POST", self.session + "/se/log", {"type": "browser"})
                if entry["level"] == "SEVERE" and "responded with a status of 400" not in entry["message"]]

    def wait(self, holds, what, seconds=15):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if holds():
                    return
            except AssertionError:  # between two pages there is nothing to look at
                pass
            time.sleep(0.1)
        raise AssertionError(f"{what} not within {seconds} s; the page says: {self.text[:800]}")

    def wait_for(self, text, seconds=15):
        self.wait(lambda: text in self.text, f"'{text}'", seconds)
