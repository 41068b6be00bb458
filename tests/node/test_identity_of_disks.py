"""Which disk is whose: over restarts, reboots, and other instances. The wrong one is neither mounted nor detached."""

import json
import os
import pathlib
import subprocess

import node
import pytest
from daemon import definition, detail, mount, verdicts


def has(moord, *names):
    """The volumes that are attached and mounted, each once, are these."""
    assert sorted(node.loop_devices(moord.local).values()) == sorted(str(moord.image(name)) for name in names)
    assert sorted(m.target for m in node.mounts(moord.mount_root)) == sorted(str(moord.stage(name)) for name in names)


def define(moord, name, **more):
    """A definition of the daemon's own directory; JSON is YAML."""
    moord.definitions.mkdir(exist_ok=True)
    document = {"type": "volume", **definition(name, **more)}
    (moord.definitions / f"{name}.yaml").write_text(json.dumps(document))


def only_loop(moord):
    [device] = node.loop_devices(moord.local)
    return device


def goes_when_closed(device):
    """Whether somebody has asked the kernel to detach it (loop(4))."""
    return (pathlib.Path("/sys/block") / pathlib.Path(device).name / "loop/autoclear").read_text() == "1\n"


def pull_all_disks(*moords):
    """What a reboot does to the disks of daemons that do not run."""
    for moord in moords:
        for entry in reversed(node.mounts(moord.home)):
            node.unmount(entry.target)
    for device in node.loop_devices(moords[0].local):
        node.run("losetup", "-d", device)


def stages(moord, volume, after=0):
    """The stages a volume goes through, those of this run that it went through already first."""
    for number, name, data in moord.events(after):
        if name == "volume.stage" and data["volume"] == volume:
            yield number, data["stage"]


@pytest.fixture
def two_instances(new_moord):
    """Two daemons, not started, that share the directory of the volumes, as two instances of a cloud do."""
    one, two = new_moord("one", instance="i-1"), new_moord("two", instance="i-2")
    node.make_image(one.image("data"), "ext4", files=["hello"])
    return one, two


# ---- a detach that waits


def test_a_loop_number_that_another_volume_has_by_now_is_not_taken_for_the_old_disk(moord):
    for name in ("data", "other"):
        node.make_image(moord.image(name), "ext4", files=[f"i-am-{name}"])
    moord.ready("run", ["data:/data"])
    device = only_loop(moord)
    with open(device, "rb"):
        assert moord.delete("run").status == 409
        # Each try is later than the last one: after the third there is time enough for what follows.
        busy = (number for number, stage in stages(moord, "data") if stage == "busy")
        for _ in range(3):
            next(busy)
    moord.ready("other", ["other:/other"])
    if node.loop_devices(moord.local).get(device) != str(moord.image("other")):
        pytest.skip(f"{device} went to nobody or to another one")
    [mounted] = moord.ready("again", ["data:/data"])["mounts"]
    assert node.loop_devices(moord.local)[mounted["device"]] == str(moord.image("data"))
    assert (moord.stage("data") / "i-am-data").exists()
    has(moord, "data", "other")
    moord.release("again")
    assert moord.nothing_left_of("data")
    assert (moord.stage("other") / "i-am-other").exists()
    has(moord, "other")


def test_a_volume_wanted_again_while_its_detach_waits_stays_ours(moord):
    node.make_image(moord.image("data"), "ext4", files=["hello"])
    moord.ready("one", ["data:/data"])
    with open(only_loop(moord), "rb"):
        assert moord.delete("one").status == 409
        moord.ready("two", ["data:/data"])
    [candidate] = moord.explain(["data:/data"])["mounts"][0]["candidates"]
    assert candidate["verdict"] == "chosen"
    assert "attached here" in candidate["detail"]
    moord.stop()
    moord.start()
    assert moord.task("two")["state"] == "ready"
    has(moord, "data")
    moord.release("two")
    assert moord.nothing_left_of("data")


def test_restarted_in_a_busy_release_it_detaches_nothing_that_a_mount_namespace_has(moord):
    node.make_image(moord.image("data"), "ext4", files=["hello"])
    moord.ready("run", ["data:/data"])
    unshare = ["unshare", "--mount", "--propagation", "private", "sh", "-c", "echo ready; exec sleep infinity"]
    with subprocess.Popen(unshare, stdout=subprocess.PIPE) as user:
        try:
            assert user.stdout.readline() == b"ready\n"
            assert moord.delete("run").status == 409
            moord.kill()
            node.unmount(moord.stage("data"))  # here; there it is still mounted
            moord.start()
            moord.wait_for("task.busy", "run")
            assert str(user.pid) in moord.get("/v1/tasks/run").json["detail"]
            assert not goes_when_closed(only_loop(moord))
        finally:
            user.kill()
    moord.wait_for("task.released", "run")
    assert moord.nothing_left_of("data")


# ---- other instances


def test_a_restarted_moord_leaves_a_disk_alone_that_another_instance_attached_meanwhile(two_instances):
    one, two = two_instances
    one.start().ready("run", ["data:/data"])
    one.kill()
    pull_all_disks(one)
    two.start().ready("run", ["data:/data"])
    device = only_loop(two)

    one.start()
    task = one.task("run")
    assert task["state"] == "failed", task
    assert verdicts(task) == {"data": "in_use"}
    assert "i-2" in detail(task, "data")
    assert not one.is_mounted("data")
    assert only_loop(two) == device
    assert not goes_when_closed(device)
    two.kill()
    two.start()
    assert two.task("run")["state"] == "ready"
    has(two, "data")
    two.release("run")
    one.ready("run", ["data:/data"])


def test_a_read_only_volume_is_exclusive_across_instances_too(two_instances):
    one, two = two_instances
    wanted = {"definitions": [definition("data", read_only=True)]}
    one.start().ready("run", ["data:/data"], **wanted)
    task = two.start().failed("run", ["data:/data"], **wanted)
    assert verdicts(task) == {"data": "in_use"}
    assert "i-1" in detail(task, "data")
    two.release("run")
    assert not goes_when_closed(only_loop(one))
    has(one, "data")


def test_a_disk_that_somebody_else_attached_is_ours_once_we_attach_it_after_a_reboot(new_moord):
    one, other = new_moord("one"), new_moord("other")  # of one instance, so that each finds it attached here
    node.make_image(one.image("data"), "ext4")
    other.start().ready("run", ["data:/data"])
    one.start().ready("run", ["data:/data"])
    assert not one.volume("data")["attached_by_us"]
    one.kill()
    other.kill()
    pull_all_disks(one, other)

    one.start()
    assert one.task("run")["state"] == "ready"
    assert one.volume("data")["attached_by_us"]
    one.release("run")
    assert one.nothing_left_of("data")
    other.start()
    assert other.task("run")["state"] == "ready"


# ---- definitions and images that change while it does not run


def test_a_definition_that_cannot_be_read_any_more_does_not_take_away_what_stands(moord):
    define(moord, "data", size="16MB", init_fs=True)
    moord.ready("run", ["data:/data"])
    (moord.stage("data") / "file").write_text("mine")
    [before] = node.mounts(moord.mount_root)
    define(moord, "data", sizze="16MB", init_fs=True)
    for end in (moord.stop, moord.kill):
        end()
        moord.start()
        assert moord.task("run")["state"] == "ready", moord.task("run")
        assert [entry.id for entry in node.mounts(moord.mount_root)] == [before.id]
    assert (moord.stage("data") / "file").read_text() == "mine"
    has(moord, "data")


def test_a_definition_that_means_another_disk_by_now_leaves_the_old_one_to_its_task(moord):
    for name in ("first", "second"):
        node.make_image(moord.image(name), "ext4", files=[f"i-am-{name}"])
    define(moord, "data", volume_id="first")
    moord.ready("run", ["data:/data"])
    moord.stop()
    define(moord, "data", volume_id="second")
    moord.start()
    task = moord.task("run")
    assert task["state"] == "ready"
    assert task["mounts"][0]["volume_id"] == "here/first"
    assert (moord.stage("data") / "i-am-first").exists()
    assert list(node.loop_devices(moord.local).values()) == [str(moord.image("first"))]
    moord.release("run")
    assert node.loop_devices(moord.local) == {}
    assert node.mounts(moord.mount_root) == []

    moord.ready("run", ["data:/data"])
    assert (moord.stage("data") / "i-am-second").exists()
    assert list(node.loop_devices(moord.local).values()) == [str(moord.image("second"))]


def test_a_read_only_volume_is_ready_after_a_restart_on_its_one_device(moord):
    node.make_image(moord.image("data"), "ext4", files=["hello"])
    define(moord, "data", read_only=True)
    moord.ready("run", ["data:/data"])
    device = only_loop(moord)
    for end in (moord.kill, moord.stop):
        end()
        moord.start()
        task = moord.task("run")
        assert task["state"] == "ready", task
        assert task["binds"][0]["read_only"]
        assert only_loop(moord) == device
        has(moord, "data")
    moord.release("run")
    assert moord.nothing_left_of("data")


def test_a_known_volume_whose_image_has_vanished_is_not_made_anew_after_a_reboot(moord, scratch):
    define(moord, "data", size="16MB", init_fs=True)
    moord.ready("run", ["data:/data"])
    (moord.stage("data") / "file").write_text("precious")
    moord.kill()
    pull_all_disks(moord)
    os.rename(moord.local, scratch / "not-there-yet")
    moord.start()
    task = moord.task("run")
    assert task["state"] == "failed", task
    assert verdicts(task) == {"data": "not_found"}
    assert not moord.image("data").exists()
    assert node.mounts(moord.mount_root) == []

    os.rename(scratch / "not-there-yet", moord.local)
    moord.ready("run", [mount("data", "/data")])
    assert (moord.stage("data") / "file").read_text() == "precious"


def test_restarted_in_a_release_it_does_not_detach_what_another_instance_attached_meanwhile(two_instances):
    one, two = two_instances
    one.start().ready("run", ["data:/data"])
    with open(one.stage("data") / "hello"):
        assert one.delete("run").status == 409
        one.kill()
    pull_all_disks(one)
    two.start().ready("run", ["data:/data"])
    device = only_loop(two)

    one.start()
    one.get("/v1/tasks/run?wait=1s")  # it may see that the disk is not its own, or that it is in use
    for end in (two.kill, two.stop):
        assert only_loop(two) == device
        assert not goes_when_closed(device)
        end()
        two.start()
        assert two.task("run")["state"] == "ready"
    assert (two.stage("data") / "hello").read_text() == "hello"
    two.release("run")
    one.release("run")
    assert one.nothing_left_of("data")
    assert two.nothing_left_of("data")
