"""Rules 10, 13, 14 and 15 with what others do at the worst moment, and with a kernel that says one thing and does
another: through the shim, under moord."""

import os

import node
import pytest
from daemon import definition, detail, mount, verdicts
from faults import environment


@pytest.fixture
def faulty(new_moord, scratch):
    """Makes a moord that meets these faults, with a volume "data" that holds a file, and another as a fallback."""

    def make(*faults, **config):
        moord = new_moord(**config)
        for name in ("data", "spare"):
            node.make_image(moord.image(name), "ext4", files=[f"i-am-{name}"])
        moord.environment = environment(*faults)
        return moord.start()

    return make


@pytest.fixture
def script(scratch):
    """Makes a program that acts at a moment of moord's, once, in its mount namespace."""

    def make(name, text):
        path = scratch / name
        path.write_text(f"#!/bin/sh\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\nexec 2>{scratch}/{name}.log\nset -e\n{text}\n")
        path.chmod(0o755)
        return path

    return make


# ---- rule 10


def test_rule_10_a_busy_umount_is_an_answer_and_nothing_is_forced(faulty):
    moord = faulty("umount2:EBUSY,1")
    moord.ready("run", ["data:/data"])
    answer = moord.delete("run", wait="1s")
    assert answer.status in (202, 409), answer
    if answer.status == 409:
        assert answer.json["task"]["state"] == "busy", answer
    # It goes by itself, and by an unmount that is none of those that tear a mount away.
    moord.wait_until_gone("data")
    assert moord.nothing_left_of("data")


def test_rule_10_what_cannot_be_written_is_not_unmounted(faulty):
    moord = faulty("syncfs:EIO,1")
    moord.ready("run", ["data:/data"])
    answer = moord.delete("run")
    assert answer.status == 409, answer
    assert "cannot write out" in answer.text
    moord.wait_until_gone("data")


def test_a_release_by_force_while_one_without_is_under_way_is_one_by_force(faulty, script, scratch):
    started, go = scratch / "started", scratch / "go"
    os.mkfifo(started)
    os.mkfifo(go)
    heard, say = os.open(started, os.O_RDWR), os.open(go, os.O_RDWR)
    moord = faulty(f"before-umount2:{script('wait', f'echo now >{started}; read line <{go}')},1")
    moord.ready("run", ["data:/data"])
    with (moord.stage("data") / "i-am-data").open():
        moord.delete("run", wait="0s")
        assert node.ready_to_read(heard)
        moord.delete("run", wait="0s", force=True)
        os.write(say, b"go\n")
        moord.wait_for("task.busy", "run")  # the disk is: the file is open
        assert not moord.is_mounted("data")
    moord.wait_for("task.released", "run")
    assert moord.nothing_left_of("data")
    os.close(heard)
    os.close(say)


# ---- rule 13


def test_rule_13_a_mount_that_fails_and_is_there_all_the_same_is_asked_of_the_kernel(faulty):
    moord = faulty("mount:EIO,1")
    task = moord.ready("run", [mount(["data", "spare"], "/data")])
    assert verdicts(task) == {"data": "chosen", "spare": "not_tried"}
    assert moord.is_mounted("data")
    moord.release("run")
    assert moord.nothing_left_of("data")


def test_rule_13_a_mount_that_succeeds_and_is_not_there_is_a_failure(faulty, script, scratch):
    away = script("away", f"umount {scratch}/m/mnt/data")
    moord = faulty(f"after-mount:{away},1")
    task = moord.ready("run", [mount(["data", "spare"], "/data")])
    assert verdicts(task) == {"data": "mount_failed", "spare": "chosen"}
    assert "nothing is mounted" in detail(task, "data")
    assert moord.nothing_left_of("data")


# ---- rule 14


def test_rule_14_another_disk_mounted_at_the_same_moment_is_left_alone(faulty, script, scratch):
    other = node.make_image(scratch / "other.img", "ext4", files=["theirs"])
    device = node.attach_loop(other)
    place = scratch / "m" / "mnt" / "data"
    try:
        moord = faulty(f"before-mount:{script('theirs', f'mount {device} {place}')},1")
        task = moord.ready("run", [mount(["data", "spare"], "/data")])
        assert verdicts(task) == {"data": "mount_failed", "spare": "chosen"}
        assert (place / "theirs").exists()  # and ours is not over it
        assert [entry.source for entry in node.mounts(place)] == [device]
        assert str(moord.image("data")) not in node.loop_devices(moord.local).values()
    finally:
        if node.mounts(place):
            node.unmount(place)
            node.run("chattr", "-i", place)  # what the mount of somebody else has kept
            place.rmdir()
        node.run("losetup", "-d", device)


def test_rule_14_the_same_disk_mounted_there_already_is_success(faulty):
    moord = faulty()
    moord.ready("run", ["data:/data"])
    before = moord.mount_ids()
    moord.kill()
    moord.start()
    assert moord.task("run")["state"] == "ready"
    assert moord.mount_ids() == before


# ---- rule 15


@pytest.fixture
def swapped(script, scratch):
    """A symbolic link takes the place of the mount point just before mount(2), and leads to a directory of the host."""
    target = scratch / "host-directory"
    target.mkdir()
    place = scratch / "m" / "mnt" / "data"
    return (
        script(
            "swap",
            f"chattr -i {place}\nmv {place} {place}.moved\nln -s {target} {place}",
        ),
        target,
        place,
    )


def test_rule_15_a_symlink_swapped_in_during_the_mount_leads_nowhere(faulty, swapped, scratch):
    program, target, place = swapped
    moord = faulty(f"before-mount:{program},1")
    try:
        task = moord.ready("run", [mount(["data", "spare"], "/data")])
        assert not (scratch / "swap.log").read_text()
        assert verdicts(task) == {"data": "mount_failed", "spare": "chosen"}, task
        assert node.mounts(target) == []
        assert os.listdir(target) == []
        # Nothing of it is left, not even under the name that the mount point has now.
        assert [entry.target for entry in node.mounts(moord.mount_root)] == [str(moord.stage("spare"))]
        assert str(moord.image("data")) not in node.loop_devices(moord.local).values()
    finally:
        place.unlink(missing_ok=True)
        moved = place.with_name("data.moved")
        if moved.exists() and not node.mounts(moved):
            node.run("chattr", "-i", moved)
            moved.rmdir()


def test_rule_15_a_symlink_swapped_in_during_a_bind_leads_nowhere(new_moord, script, scratch):
    target, place = scratch / "host-directory", scratch / "data"
    moved = scratch / "data.moved"
    target.mkdir()
    swap = f"test -L {place} && exit 0\nchattr -i {place}\nmv {place} {moved}\nln -s {target} {place}"
    moord = new_moord(volumes=[mount("data", str(place))])
    node.make_image(moord.image("data"), "ext4")
    moord.environment = environment(f"before-mount:{script('swap', swap)}+2")  # the first is that of the volume itself
    moord.start()
    moord.wait_for("task.failed", "host")
    try:
        assert place.is_symlink()
        assert node.mounts(target) == node.mounts(moved) == []
        assert "symbolic link" in detail(moord.get("/v1/tasks/host").json, "data")
    finally:
        for entry in node.mounts(moved):
            node.unmount(entry.target)
        place.unlink()
        if node.is_immutable(moved):
            node.run("chattr", "-i", moved)
        moved.rmdir()


# ---- rule 5: no room where the disk's data goes


def test_rule_5_a_disk_on_which_mkfs_finds_no_room_fails_and_is_refused_from_then_on(new_moord, scratch):
    moord = new_moord()
    small = moord.local / "here"
    small.mkdir(parents=True)
    node.mount("tmpfs", small, "tmpfs", "size=1m")
    try:
        moord.start()
        image = node.make_image(small / "data.img", size=64 * node.MIB)
        task = moord.failed("run", [mount("data", "/data")], definitions=[definition("data", init_fs=True)])
        assert verdicts(task)["data"] in ("mount_failed", "unsafe_filesystem"), task
        assert not moord.is_mounted("data")
        torn = node.digest(image)
        task = moord.failed("run", [mount("data", "/data")], definitions=[definition("data", init_fs=True)])
        assert node.digest(image) == torn
        moord.release_everything()
    finally:
        moord.kill()
        for device in node.loop_devices(moord.local):
            node.run("losetup", "-d", device)
        node.unmount(small, lazily=True)
