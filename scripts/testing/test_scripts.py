"""What holds for the shell scripts beside these packages."""
import re
import subprocess
import unittest

from testing import runs

SCRIPTS = [path for path in (runs.ROOT / "scripts").iterdir() if path.is_file()]


class Scripts(unittest.TestCase):
    def test_the_demos_reach_their_own_servers_past_a_proxy(self):
        lines = [line for path in (runs.ROOT / "scripts/demos").glob("*.sh") for line in path.read_text().splitlines()]
        calls = [line for line in lines if re.search(r"((?<!\\)\$\(|\{ |^  |within \d+ )curl ", line)]
        self.assertGreater(len(calls), 1)
        self.assertEqual([line for line in calls if "--noproxy '*'" not in line], [])

    def test_each_system_has_a_demo_and_a_walk(self):
        package = (runs.ROOT / "Examples/Package.swift").read_text()
        systems = {path.name for path in (runs.ROOT / "Examples/Sources").iterdir() if f'"{path.name}"' in package and path.name.islower()}
        demos = {path.stem for path in (runs.ROOT / "scripts/demos").glob("*.sh")} - {"common"}
        walks = {path.stem.replace("_", "-") for path in (runs.ROOT / "scripts/systems").glob("*.py")}
        self.assertEqual(systems, demos)
        self.assertLessEqual(systems, walks)

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
