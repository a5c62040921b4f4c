"""Starts the demo on one database and holds it against openapi.yaml with schemathesis, one role after the other."""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
CONTRACT = HERE.parents[1] / "openapi.yaml"

# Roles by the variable that the demo prints with their token. The administrator comes last, since he can suspend the
# others' profiles.
ROLES = {"visitor": None, "start-up": "STARTUP", "hub staff": "HUB", "administrator": "ADMIN"}

# Where the short run also tries every keyword of every schema, which takes thousands of requests a role: each of these
# roles may do most of what there is in its place.
COVERED = {"sqlite": ["administrator"], "postgres": ["start-up"]}

# Random requests an operation and role.
SHORT, LONG = 10, 200


class Demo:
    """A running demo in a folder of its own."""

    def __init__(self, binary, database, folder):
        self.out = Path(folder, "out")
        settings = {
            "AIHUB_LISTEN": "127.0.0.1:0",
            "AIHUB_REQUESTS_PER_MINUTE": "1000000",
            "AIHUB_SECRETS_PER_MINUTE": "1000000",
            "AIHUB_LOG": "error",
        }
        if database == "postgres":
            settings["AIHUB_DATABASE_URL"] = os.environ["AIHUB_TEST_POSTGRES_URL"] + "/postgres"
        with self.out.open("w") as out:
            self.process = subprocess.Popen(
                [binary, "demo"], cwd=folder, env=os.environ | settings, stdout=out, stderr=subprocess.STDOUT
            )
        self.url = self.await_line(r"^listening at (\S+),")

    def await_line(self, pattern):
        for _ in range(600):
            found = re.search(pattern, self.out.read_text(), re.MULTILINE)
            if found:
                return found[1]
            if self.process.poll() is not None:
                break
            time.sleep(0.2)
        sys.exit(f"the demo did not start:\n{self.out.read_text()}")

    def token(self, variable):
        return re.search(rf"^{variable}=(\S+)$", self.out.read_text(), re.MULTILINE)[1]

    def errors(self):
        """What the service logged as an error; bytes that are no HTTP are logged as one too, and sent on purpose."""
        lines = self.out.read_text().splitlines()
        return [line for line in lines if "ERROR]" in line and "request parse error" not in line]

    def answered(self):
        """How many requests the service has answered."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=30) as response:
            numbers = re.findall(r"^aihub_requests_total\{.*\} (\d+)$", response.read().decode(), re.MULTILINE)
        return sum(map(int, numbers))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)


def schemathesis(demo, role, phases, examples, seed):
    """Runs the tool as one role; prints its report and returns whether all was well."""
    environment = os.environ | {
        "AIHUB_FUZZ_URL": demo.url,
        "PYTHONPATH": str(HERE),
        "SCHEMATHESIS_HOOKS": "hooks",
    }
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(HERE / "schemathesis.toml"),
        "run", str(CONTRACT), "--url", demo.url, "--phases", phases, "--max-examples", str(examples),
        "--seed", str(seed), "--no-color",
    ]
    if ROLES[role]:
        token = demo.token(ROLES[role])
        environment["AIHUB_FUZZ_TOKEN"] = token
        command += ["--header", f"Authorization: Bearer {token}"]
    run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if run.returncode != 0:
        print(run.stdout)
    else:
        told = re.compile(r"\d+ generated,|excepted ")
        print("\n".join(line.strip() for line in run.stdout.splitlines() if told.match(line.strip())))
    return run.returncode == 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--database", choices=["sqlite", "postgres"], required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--long", action="store_true")
    options = parser.parse_args()
    well = True
    with tempfile.TemporaryDirectory() as folder:
        demo = Demo(options.binary, options.database, folder)
        try:
            for role in ROLES:
                started = time.monotonic()
                covered = options.long or role in COVERED[options.database]
                phases = "examples,coverage,fuzzing,stateful" if covered else "examples,fuzzing,stateful"
                print(f"== {options.database}, {role}: {phases}", flush=True)
                well &= schemathesis(demo, role, phases, LONG if options.long else SHORT, options.seed)
                print(f"{time.monotonic() - started:.0f} s", flush=True)
            answered = demo.answered()
        finally:
            demo.stop()
        for line in demo.errors():
            well = False
            print(line)
    print(f"requests answered on {options.database}: {answered}")
    sys.exit(0 if well else 1)


main()
