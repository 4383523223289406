"""systems [SYSTEM…]: starts the example systems and prints a line for each requirement that holds.

BROKER=sqlite (default) or rabbitmq:VERSION; SEED=n for the kills.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import traceback

import backstage
import bookspace
import event_booking
import movie_booking
import samples
import tutorgo
from running import ROOT

SYSTEMS = {
    "bookspace": bookspace, "movie-booking": movie_booking, "event-booking": event_booking, "tutorgo": tutorgo, "backstage": backstage,
    "samples": samples,
}


def main():
    names = sys.argv[1:] or list(SYSTEMS)
    for name in names:
        if name not in SYSTEMS:
            sys.exit(f"systems: there is no system '{name}': {', '.join(SYSTEMS)}")
    engine, _, version = os.environ.get("BROKER", "sqlite").partition(":")
    failed = passed = 0
    for name in names:
        with tempfile.TemporaryDirectory(prefix="warren-systems-") as folder:
            data = pathlib.Path(folder)
            rabbit = None
            url = f"sqlite:{data / 'broker.db'}"
            if engine == "rabbitmq":
                started = subprocess.run(
                    [ROOT / "scripts/rabbitmq", "start", "--version", version or "4.0", "--while", str(os.getpid())],
                    capture_output=True, text=True, check=True).stdout
                values = dict(line.split("=", 1) for line in started.splitlines())
                values = {key: value.strip("'\"") for key, value in values.items()}
                rabbit = os.environ["WARREN_RABBITMQ_DIR"] = values["WARREN_RABBITMQ_DIR"]
                management = values["WARREN_RABBITMQ_MANAGEMENT_URL"].replace("guest:guest@", "")
                url = f"{values['WARREN_RABBITMQ_URL']}?management={management}"
            print(f"== {name} on {os.environ.get('BROKER', 'sqlite')}", flush=True)
            try:
                for sentence in SYSTEMS[name].checks(data, url, int(os.environ.get("SEED", "1"))):
                    passed += 1
                    print(f"  ok    {sentence}", flush=True)
            except AssertionError as error:
                failed += 1
                print(f"  FAIL  {error}\n{''.join(traceback.format_tb(error.__traceback__)[-2:])}", flush=True)
                for log in sorted(data.glob("*.log")):
                    print(f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-15:]))
            finally:
                if rabbit:
                    subprocess.run([ROOT / "scripts/rabbitmq", "stop", rabbit], check=False)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
