"""Kills moord at each failpoint that a scenario passes, starts it again, and compares the end with that without a crash."""

import collections
import http.client
import os
import subprocess
import time

import daemon
import node

# How many times each point: each pass of it, or (for builds that are slow) the first.
ONCE = os.environ.get("MOORING_CRASHES") == "once"
_VOLATILE = ("stages", "used", "device")


def names():
    return subprocess.run([daemon.BINARY, "--failpoints"], capture_output=True, text=True, check=True).stdout.split()


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

    def run(self, **environment):
        """The act of the scenario; whether moord outlived it."""
        os.environ.update(environment)
        try:
            self.moord.spawn_ready_or_dead()
        finally:
            for name in environment:
                del os.environ[name]
        try:
            if self.moord.running():
                self.scenario.act(self.moord)
        except (OSError, http.client.HTTPException):
            node.wait_for_end(self.moord.process.pid)
        if not self.moord.running():
            node.reap_adopted(known=())
        return self.moord.running()

    def go_on(self):
        self.moord.start()
        self.scenario.act(self.moord)

    def end(self):
        tasks = self.moord.get("/v1/tasks").json["tasks"]
        for task in tasks:
            for mounted in task["mounts"]:
                for key in _VOLATILE:
                    mounted.pop(key, None)
        return {"tasks": self._text(tasks), "volumes": self._volumes(), **self.node()}

    def _text(self, value):
        return str(value).replace(str(self.base), "")

    def _volumes(self):
        return sorted(self._text(volume["name"]) for volume in self.moord.get("/v1/volumes").json["volumes"])

    def node(self):
        """What of it is on this machine."""
        mounts = [(self._text(m.target), m.fs) for m in node.mounts(self.base)]
        root = self.moord.mount_root
        places = sorted(p.name for p in root.iterdir()) if root.exists() else []
        return {
            "mounts": sorted(mounts),
            "devices": sorted(self._text(image) for image in node.loop_devices(self.base).values()),
            "places": places,
            "files": sorted(self._text(p) for p in (self.base / "local").rglob("*")),
        }

    def settles_as(self, expected, seen):
        """Whether it becomes so: what nobody waits for is taken away beside."""
        until = time.monotonic() + 3
        while (found := seen()) != expected and time.monotonic() < until:
            time.sleep(0.02)
        return None if found == expected else {k: (found[k], expected[k]) for k in found if found[k] != expected[k]}

    def give_up(self):
        self.moord.release_everything()


class Sweep:
    """All crashes of one scenario."""

    def __init__(self, directory, scenario):
        self.directory, self.scenario = directory, scenario
        self.points, self.crashes, self.wrong = collections.Counter(), 0, []

    def run(self):
        good = Case(self.directory, self.scenario, "good")
        log = good.base / "points"
        assert good.run(MOORING_FAILPOINT_LOG=str(log)), good.moord.log()
        expected = good.end()
        self.points = collections.Counter(log.read_text().split())
        good.give_up()
        after = good.node()
        for name, passes in sorted(self.points.items()):
            for nth in range(1, 2 if ONCE else passes + 1):
                self._crash(name, nth, expected, after)
        return self

    def _crash(self, name, nth, expected, after):
        case = Case(self.directory, self.scenario, f"{name}-{nth}"[:40])
        if case.run(MOORING_FAILPOINT=f"{name}:{nth}"):
            # Which of two things comes first is not always the same: this time it was not passed so often.
            case.give_up()
            return
        self.crashes += 1
        case.go_on()
        if differs := case.settles_as(expected, case.end):
            self.wrong.append((name, nth, "another end", differs))
        case.give_up()
        if left := case.settles_as(after, case.node):
            self.wrong.append((name, nth, "left behind", left))
