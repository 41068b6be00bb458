#!/usr/bin/env python3
"""Takes each guard of the data-safety rules out of the code, and expects tests to fail.

    tests/guards/run.py                 all guards (about ten minutes)
    tests/guards/run.py --rule 4        those of one rule;  --guard WORD  those whose file or text has the word
    tests/guards/run.py --check         builds nothing: is each text still there, each test, and the table in the README
    tests/guards/run.py --write         writes the table of tests/README.md

Works on a copy of the tree below build/guards, never on the tree itself. Needs root, as the node tests do.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

from guards import GUARDS, RULES

TREE = pathlib.Path(__file__).resolve().parents[2]
COPY = TREE / "build" / "guards" / "tree"
BUILD = COPY / "build" / "dev"
README = TREE / "tests" / "README.md"
BEGIN, END = "<!-- guards: written by tests/guards/run.py --write -->", "<!-- /guards -->"


def is_gtest(test):
    return ":" in test and "::" not in test


# ---- the cheap check


def sources():
    return {path: path.read_text() for path in (TREE / "tests").glob("*/*_test.cpp")}


def exists(test, texts):
    if is_gtest(test):
        suite, name = test.partition(":")[2].split(".")
        return any(re.search(rf"TEST(_F|_P)?\({suite}, {name}\)", text) for text in texts.values())
    path, name = test.split("::")
    file = TREE / "tests" / path
    return file.exists() and re.search(rf"^def {re.escape(name.partition('[')[0])}\(", file.read_text(), re.M)


def problems():
    texts = sources()
    found = []
    for guard in GUARDS:
        count = (TREE / guard.file).read_text().count(guard.text)
        if count != 1:
            found.append(f"rule {guard.rule}: this text is {count} times in {guard.file}, not once:\n{guard.text}")
        found += [f"rule {guard.rule}: there is no test {test}" for test in guard.tests if not exists(test, texts)]
    found += [f"rule {rule} has no guard" for rule in RULES if all(guard.rule != rule for guard in GUARDS)]
    if written_table() != table():
        found.append("tests/README.md does not have the table of these guards: tests/guards/run.py --write")
    return found


# ---- the table


def short(test):
    return f"`{test.rpartition(':')[2]}`"


def table():
    tests = {test for guard in GUARDS for test in guard.tests}
    figures = (
        f"{len(GUARDS)} guards of {len(RULES)} rules, and {len(tests)} tests that notice when one of them is taken out:"
    )
    lines = [figures, "", "| rule | guard, in | fails when it is taken out | what happens then |", "|---|---|---|---|"]
    for rule, title in RULES.items():
        lines.append(f"| **{rule}** | **{title}** | | |")
        for guard in GUARDS:
            if guard.rule == rule:
                tests = ", ".join(short(test) for test in guard.tests)
                lines.append(f"| {rule} | `{guard.file}` | {tests} | {guard.without} |")
    return "\n".join(lines)


def written_table():
    text = README.read_text() if README.exists() else ""
    return text.partition(BEGIN)[2].partition(END)[0].strip()


def write_table():
    text = README.read_text()
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    README.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}")


# ---- the run


def run(*command, **more):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **more)


def must(*command, **more):
    done = run(*command, **more)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")


def make_copy():
    names = run("git", "ls-files", "-co", "--exclude-standard", cwd=TREE).stdout.splitlines()
    for name in names:
        source, target = TREE / name, COPY / name
        if not source.is_file() or (target.is_file() and target.read_bytes() == source.read_bytes()):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    launcher = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
    must("cmake", "--preset", "dev", "-DMOORING_WERROR=OFF", *launcher, f"-DMOORING_PYTHON={sys.executable}", cwd=COPY)


def targets(tests):
    needed = set()
    for test in tests:
        needed |= {test.partition(":")[0]} if is_gtest(test) else {"moord", "moorctl", "disk_probe", "faults"}
    return sorted(needed)


def build(tests):
    lock = ["flock", os.environ["MOORING_BUILD_LOCK"]] if "MOORING_BUILD_LOCK" in os.environ else []
    return run(*lock, "ninja", "-C", BUILD, *targets(tests))


def passes(test):
    if is_gtest(test):
        program, name = test.split(":")
        done = run(BUILD / "bin" / program, f"--gtest_filter={name}:*/{name}/*:{name}/*", timeout=300)
        if "Running 0 tests" in done.stdout:
            sys.exit(f"{test} ran nothing")
        return done.returncode == 0
    environment = {**os.environ, "MOORING_BIN": str(BUILD / "bin"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", COPY / "tests" / test]
    done = run(*command, env=environment, timeout=600)
    if done.returncode not in (0, 1):
        sys.exit(f"{test}: pytest ended with {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 0


def try_guard(guard):
    """What is wrong with the guard; empty: all its tests fail without it."""
    file = COPY / guard.file
    good = file.read_text()
    try:
        file.write_text(good.replace(guard.text, guard.replacement))
        built = build(guard.tests)
        if built.returncode != 0:
            return f"does not build without it:\n{built.stdout[-2000:]}"
        green = [test for test in guard.tests if passes(test)]
        return f"still passes: {', '.join(green)}" if green else ""
    finally:
        file.write_text(good)


def all_pass(guards):
    """The same tests pass with all guards in place: what fails without one fails because of it."""
    tests = sorted({test for guard in guards for test in guard.tests})
    built = build(tests)
    if built.returncode != 0:
        sys.exit(f"does not build:\n{built.stdout[-3000:]}")
    return [test for test in tests if not passes(test)]


def seconds_since(began):
    return round(time.monotonic() - began)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--rule", type=int)
    parser.add_argument("--guard", default="")
    arguments = parser.parse_args()
    if arguments.write:
        write_table()
    found = problems()
    for problem in found:
        print(problem)
    if found or arguments.check or arguments.write:
        sys.exit(1 if found else 0)
    guards = [
        guard
        for guard in GUARDS
        if arguments.rule in (None, guard.rule) and arguments.guard in f"{guard.file} {guard.text}"
    ]
    began = time.monotonic()
    make_copy()
    if failing := all_pass(guards):
        sys.exit(f"fail with all guards in place: {', '.join(failing)}")
    bad = 0
    for number, guard in enumerate(guards, 1):
        started = time.monotonic()
        problem = try_guard(guard)
        bad += bool(problem)
        seconds = time.monotonic() - started
        color = "GREEN" if problem else "red"
        print(
            f"{number:3}/{len(guards)}  rule {guard.rule:2}  {color:5}  {seconds:5.1f} s  {guard.without}", flush=True
        )
        if problem:
            print(f"      {problem}\n      {guard.text}", flush=True)
    tests = {test for guard in guards for test in guard.tests}
    rules = {guard.rule for guard in guards}
    figures = f"{len(guards)} guards of {len(rules)} rules, {len(tests)} tests"
    print(
        f"{figures}: without {len(guards) - bad} of them tests fail, without {bad} none does; {seconds_since(began)} s"
    )
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
