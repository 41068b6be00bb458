"""Kills moord at each failpoint that a scenario passes, starts it again, and compares the end with a good one."""

import collections
import http.client
import os
import pathlib
import re
import sqlite3
import subprocess

import daemon
import node

# How many times each point: each pass of it, or (for builds that are slow) the first.
ONCE = os.environ.get("MOORING_CRASHES") == "once"
_VOLATILE = ("stages", "used", "device")
# Volumes that several instances may have at the same time: ../interop/test_aws_crash_points.py passes these.
ONLY_IN_A_CLOUD = {"mount.writes_forbidden", "allow_writes.before", "allow_writes.after"}
_KEYS = {"task": "id", "choice": "task, path, volume", "volume": "name", "bind": "path"}
# Which of two things comes first is not always the same. How often a device is looked for depends on the events that
# come meanwhile, and how many writes to the ledger there are, on what has collected by then: the last may be missing.
_TRIES = 5
_NOT_ALWAYS_AS_OFTEN = ("device.before", "device.after", "commit.before", "commit.after")


def names():
    return subprocess.run([daemon.BINARY, "--failpoints"], capture_output=True, text=True, check=True).stdout.split()


def ledger_rows(moord):
    """What is written down: table → rows."""
    with sqlite3.connect(moord.state_dir / "ledger.db") as database:
        rows = {
            table: database.execute(f"SELECT {columns} FROM {table}").fetchall()
            for table, columns in _KEYS.items()
        }
    database.close()
    return rows


def _is_read_only(device):
    return pathlib.Path("/sys/block", pathlib.Path(device).name, "ro").read_text().strip() == "1"


class Case:
    """One daemon in a place of its own, with the images of a scenario."""

    def __init__(self, directory, scenario, number):
        self.scenario = scenario
        self.base = directory / str(number)
        self.moord = daemon.Moord(self.base / "m", self.base / "local", **scenario.config(self.base))
        scenario.images(self.moord)
        if scenario.before is not None:
            self.moord.start()
            scenario.before(self.moord)
            self.moord.stop()
            scenario.between(self.moord)

    def run(self, act=None, **environment):
        """The act of the scenario; whether moord outlived it."""
        self.moord.environment = environment
        self.moord.spawn_ready_or_dead()
        self.moord.environment = {}
        try:
            if self.moord.running():
                (act or self.scenario.act)(self.moord)
        except (OSError, http.client.HTTPException):
            node.wait_for_end(self.moord.process.pid)
        if not self.moord.running():
            node.reap_adopted(known=())
        return self.moord.running()

    def go_on(self):
        assert self.run(self.scenario.go_on), self.moord.log()

    def end(self):
        tasks = self.moord.get("/v1/tasks").json["tasks"]
        for task in tasks:
            for mounted in task["mounts"]:
                for key in (*_VOLATILE, *self.scenario.volatile):
                    mounted.pop(key, None)
        return {"tasks": self._text(tasks), "volumes": self._volumes(), **self.node(), "contents": self._contents()}

    def _text(self, value):
        return re.sub(r"/dev/loop\d+", "/dev/loop", str(value).replace(str(self.base), ""))

    def _volumes(self):
        return sorted(self._text(volume["name"]) for volume in self.moord.get("/v1/volumes").json["volumes"])

    def _contents(self):
        """Of each mount: its size, and what is in its files."""
        found = []
        for mounted in node.mounts(self.base):
            files = [path for path in pathlib.Path(mounted.target).rglob("*") if path.is_file()]
            texts = sorted((path.name, path.read_text()) for path in files)
            found.append((self._text(mounted.target), os.statvfs(mounted.target).f_blocks, texts))
        return sorted(found)

    def node(self):
        """What of it is on this machine."""
        mounted = {m.target: m for m in node.mounts(self.base)}
        root = self.moord.mount_root
        places = sorted(root.iterdir()) if root.exists() else []
        paths = [path for path in [*places, *self.base.iterdir()] if path.is_dir() and str(path) not in mounted]
        devices = node.loop_devices(self.base)
        return {
            "mounts": sorted((self._text(m.target), m.fs, "ro" in m.options) for m in mounted.values()),
            "devices": sorted((self._text(image), _is_read_only(device)) for device, image in devices.items()),
            "places": [path.name for path in places],
            "immutable": sorted(path.name for path in paths if node.is_immutable(path)),
            "directories": sorted(path.name for path in self.base.iterdir()),
            "files": sorted(self._text(p) for p in (self.base / "local").rglob("*")),
        }

    def comes_to(self, expected):
        """How its end differs from that."""
        found = settled(self.moord, self.end, expected)
        return None if found == expected else _difference(found, expected)

    def give_up(self):
        """All is released; what is left then of it here, and written down."""
        self.moord.release_everything()
        return {**self.node(), **ledger_rows(self.moord)}


def settled(moord, end, expected):
    """What end() tells, once it is as expected or nothing happens any more. What nobody waits for is taken away beside:
    each event may be the last."""
    events = moord.events(patience=5)
    while (found := end()) != expected:
        try:
            next(events)
        except (AssertionError, StopIteration, TimeoutError):
            break
    return found


def _difference(found, expected):
    return {key: (found[key], expected[key]) for key in found if found[key] != expected[key]}


class Sweep:
    """All crashes of one scenario."""

    def __init__(self, directory, scenario):
        self.directory, self.scenario = directory, scenario
        self.points, self.crashes, self.missed, self.wrong = collections.Counter(), 0, 0, []

    def run(self):
        goods = [Case(self.directory, self.scenario, f"good-{n}") for n in range(2)]
        counts = [self._count(good) for good in goods]
        assert counts[0].keys() == counts[1].keys() or self.scenario.is_a_race, counts
        expected = [good.end() for good in goods]
        assert expected[0] == expected[1], _difference(*expected)
        left = [good.give_up() for good in goods]
        assert left[0] == left[1], _difference(*left)
        assert not any(left[0][key] for key in left[0].keys() - {"directories", "files"}), left[0]
        self.points = counts[0] & counts[1]
        for name, passes in sorted(self.points.items()):
            for nth in range(1, 2 if ONCE else passes + 1):
                self._crash(name, nth, expected[0], left[0])
        return self

    def _count(self, case):
        """How often each point is passed, without a crash."""
        log = case.base / "points"
        assert case.run(self.scenario.interrupted, MOORING_FAILPOINT_LOG=str(log)), case.moord.log()
        points = collections.Counter(log.read_text().split())
        log.unlink()
        return points

    def _crash(self, name, nth, expected, after):
        for number in range(_TRIES):
            case = Case(self.directory, self.scenario, f"{name}-{nth}-{number}"[-40:])
            if not case.run(self.scenario.interrupted, MOORING_FAILPOINT=f"{name}:{nth}"):
                break
            case.give_up()
        else:
            # Who wins a race may leave the loser no time for it; the other scenarios have none.
            if self.scenario.is_a_race:
                self.missed += 1
            elif nth == 1 or name not in _NOT_ALWAYS_AS_OFTEN:
                self.wrong.append((name, nth, "was not passed", _TRIES))
            return
        self.crashes += 1
        case.go_on()
        if differs := case.comes_to(expected):
            self.wrong.append((name, nth, "another end", differs))
        if differs := _difference(case.give_up(), after):
            self.wrong.append((name, nth, "left behind", differs))
