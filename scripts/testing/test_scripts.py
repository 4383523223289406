"""What holds for the shell scripts beside these packages."""
import re
import subprocess
import unittest

from testing import runs

SCRIPTS = [path for path in (runs.ROOT / "scripts").iterdir() if path.is_file()]


class Scripts(unittest.TestCase):
    def test_the_demo_reaches_its_own_server_past_a_proxy(self):
        calls = [line for line in (runs.ROOT / "scripts/demo").read_text().splitlines() if re.search(r"(\$\(|\{ )curl ", line)]
        self.assertGreater(len(calls), 1)
        self.assertEqual([line for line in calls if "--noproxy '*'" not in line], [])

    def test_the_page_for_contributors_says_what_each_folder_is(self):
        page = (runs.ROOT / "CONTRIBUTING.md").read_text()
        folders = [path for parent in ("Sources", "Tests") for path in (runs.ROOT / parent).iterdir() if path.is_dir()]
        names = [f"{path.parent.name}/{path.name}" for path in folders if not path.name.endswith("Tests")]
        self.assertEqual([name for name in names if name not in page], [])

    def test_packages_are_installed_in_one_place(self):
        found = [path.name for path in SCRIPTS if re.search(r"apt-get .*(install|update)|dpkg-query", path.read_text())]
        self.assertEqual(found, ["packages"])

    def test_the_makefile_explains_every_command_and_runs_what_is_there(self):
        text = (runs.ROOT / "Makefile").read_text()
        listed = subprocess.run(["make", "help"], cwd=runs.ROOT, capture_output=True, text=True, check=True).stdout
        targets = set(re.findall(r"^([a-z-]+):", text, re.M)) - {"setup"}
        self.assertEqual(set(re.findall(r"^make ([a-z-]+)", listed, re.M)), targets)
        for script in re.findall(r"\bscripts/[\w-]+", text):
            self.assertTrue((runs.ROOT / script).exists(), script)


if __name__ == "__main__":
    unittest.main()
