"""kill -9 at every failpoint that an attach or detach at EC2 passes: nothing attached twice, nothing left attached."""

import http.client
import pathlib

import crashes
import node
import pytest
from daemon import mount


class Case:
    """One moord and one cloud for all crashes of a scenario: each begins where the one before it left all released."""

    def __init__(self, aws, act):
        self.aws, self.moord, self.act = aws, aws.moord, act

    def run(self, **environment):
        """Whether moord outlived it."""
        self.moord.environment = environment
        self.moord.spawn_ready_or_dead()
        self.moord.environment = {}
        try:
            if self.moord.running():
                self.act(self.moord)
        except (OSError, http.client.HTTPException):
            node.wait_for_end(self.moord.process.pid)
        return self.moord.running()

    def end(self):
        tasks = self.moord.get("/v1/tasks").json["tasks"]
        return {
            "tasks": [(t["task"], t["state"], [(m["path"], m["state"]) for m in t["mounts"]]) for t in tasks],
            "attached": {v.tags["Name"]: v.holders for v in self.aws.ebs.volumes.values()},
            "plugged": len(self.aws.disks.plugged()),
            "mounts": [(m.target, m.fs, "ro" in m.options) for m in node.mounts(self.moord.home)],
            "contents": [(p.name, p.read_text()) for p in sorted(self.moord.mount_root.glob("*/hello"))],
        }

    def comes_to(self, expected):
        found = crashes.settled(self.moord, self.end, expected)
        return None if found == expected else (found, expected)

    def give_up(self):
        for task in self.moord.get("/v1/tasks").json["tasks"]:
            self.moord.release(task["task"])
        self.moord.stop()
        rows = crashes.ledger_rows(self.moord)
        assert not any(rows.values()), rows
        assert not node.mounts(self.moord.home)
        assert not any(self.moord.mount_root.iterdir())


def put(volumes):
    def act(moord):
        assert moord.put("run", volumes).json["state"] == "ready"

    return act


def release(moord):
    assert moord.delete("run").status in (200, 404)


def read_and_release(moord):
    moord.ready("run", [mount("theirs", "/data", read_only=True)])
    moord.release("run")


SCENARIOS = {
    "attach": (None, put(["data:/data"])),
    "fallback": (None, put([mount(["broken", "data"], "/data")])),
    "shared": (None, put([mount("shared", "/data", read_only=True)])),
    "release": (put(["data:/data"]), release),
    "release_shared": (put([mount("shared", "/data", read_only=True)]), release),
}
_passed = set()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_killed_at_any_point_of_an_attachment_it_comes_to_the_same_end(aws, scenario):
    before, act = SCENARIOS[scenario]
    aws.volume("data")
    aws.volume("shared", multi_attach=True, attached_to="i-0other")
    node.overwrite_superblock(aws.disks.image(aws.volume("broken").id))
    case = Case(aws, act)
    attached = {volume.tags["Name"]: list(volume.holders) for volume in aws.ebs.volumes.values()}

    def prepare():
        if before:
            aws.moord.start()
            before(aws.moord)
            aws.moord.stop()

    log = aws.moord.home / "points"
    prepare()
    assert case.run(MOORING_FAILPOINT_LOG=str(log)), aws.moord.log()
    points = sorted(set(log.read_text().split()))
    expected = case.end()
    case.give_up()
    _passed.update(points)
    print(f"{scenario}: {len(points)} points")
    for point in points:
        prepare()
        assert not case.run(MOORING_FAILPOINT=point), f"{point} was not passed"
        assert case.run(), aws.moord.log()
        assert not case.comes_to(expected), point
        case.give_up()
        assert {v.tags["Name"]: v.holders for v in aws.ebs.volumes.values()} == attached, point
        assert not aws.disks.plugged(), point


def in_a_partition(image):
    """An ext4 of 64 MiB, from 1 MiB on."""
    node.write_partition_table(image, [(2048, 131072)])
    node.run("mke2fs", "-q", "-F", "-t", "ext4", "-E", "offset=1048576", image, "64M")


@pytest.mark.parametrize("partitioned", [False, True], ids=["whole", "partition"])
@pytest.mark.parametrize("point", ["mount.writes_forbidden", "unmount.unmounted", "allow_writes.before"])
def test_what_others_attached_here_can_be_written_to_again_after_a_crash(aws, point, partitioned):
    volume = aws.volume("theirs", fs=None if partitioned else "ext4", multi_attach=True, attached_to=aws.instance.id)
    if partitioned:
        in_a_partition(aws.disks.image(volume.id))
    device = pathlib.Path(aws.disks.plug(volume.id))
    read_only = pathlib.Path("/sys/block", device.name, "ro")
    if partitioned:  # the kernel reads no tables of loop devices here
        node.run("partx", "--update", device)
        read_only = read_only.parent / f"{device.name}p1" / "ro"
    case = Case(aws, read_and_release)
    assert not case.run(MOORING_FAILPOINT=point)
    assert read_only.read_text().strip() == "1"
    aws.moord.start()
    aws.moord.release("run")
    assert read_only.read_text().strip() == "0"
    assert volume.holders == [aws.instance.id]
    aws.moord.stop()
    if partitioned:
        node.run("partx", "--delete", device)
    aws.disks.unplug(volume.id)


def test_the_points_that_only_a_cloud_has_are_covered():
    assert len(_passed) > 1, "runs after the scenarios, in the same process"
    assert crashes.ONLY_IN_A_CLOUD <= _passed
