"""kill -9, restarts and reboots: goals stand, nothing is done twice, nothing is lost."""

import subprocess
import uuid

import node
import pytest
from daemon import definition, mount, verdicts

NEW = definition("new", size="16MB", init_fs=True)


def has(moord, *names):
    """The volumes that are attached and mounted, each once, are these."""
    assert sorted(node.loop_devices(moord.local).values()) == sorted(str(moord.image(name)) for name in names)
    assert sorted(m.target for m in node.mounts(moord.mount_root)) == sorted(str(moord.stage(name)) for name in names)


def same_but_for(before, after, *changing):
    """The same result; how long its making took is known only to the run that made it."""
    for task in (before, after):
        for mounted in task["mounts"]:
            for volatile in ("stages", "used", *changing):
                mounted.pop(volatile, None)
    assert before == after


def test_a_killed_moord_finds_its_task_ready_again(moord, data):
    before = moord.ready("run", ["data:/data"])
    (moord.stage("data") / "new").write_text("new")
    moord.kill()
    has(moord, "data")
    moord.start()
    same_but_for(before, moord.task("run"))
    has(moord, "data")
    assert (moord.stage("data") / "new").read_text() == "new"
    assert moord.ready("run", ["data:/data"])


def test_a_killed_moord_takes_the_same_candidate_again(moord, data):
    moord.ready("run", [mount(["late", "data"], "/data")])
    moord.kill()
    node.make_image(moord.image("late"), "ext4")
    moord.start()
    assert verdicts(moord.task("run")) == {"late": "not_tried", "data": "chosen"}
    has(moord, "data")


def test_a_killed_moord_still_detaches_what_it_attached(moord, data):
    moord.ready("run", ["data:/data"])
    moord.kill()
    moord.start()
    moord.release("run")
    assert moord.nothing_left_of("data")


@pytest.mark.parametrize("mkfs_dies_too", [True, False])
def test_killed_during_a_format_it_goes_on_at_the_next_start(moord, held_mkfs, mkfs_dies_too):
    moord.put("run", ["new:/data"], wait=None, definitions=[NEW])
    first = held_mkfs.wait_for_start()
    moord.kill()
    if mkfs_dies_too:  # as systemd does it
        node.os.kill(first, node.signal.SIGKILL)
    else:
        held_mkfs.go_on()
    node.wait_for_end(first)
    node.reap_adopted(known=())
    has_file_system = not mkfs_dies_too
    moord.start()
    if not has_file_system:
        held_mkfs.wait_for_start()
        held_mkfs.go_on()
    assert moord.task("run")["state"] == "ready", moord.task("run")
    has(moord, "new")
    (moord.stage("new") / "file").write_text("good")


def test_killed_when_it_has_just_accepted_a_goal_it_has_it_still(moord, data):
    assert moord.put("run", ["data:/data"], wait=None).status in (200, 202)
    moord.kill()
    moord.start()
    assert moord.task("run")["state"] == "ready"
    has(moord, "data")


def test_killed_when_it_has_just_accepted_a_release_it_goes_on_with_it(moord, data):
    moord.ready("run", ["data:/data"])
    assert moord.delete("run", wait="0s").status in (200, 202)
    moord.kill()
    moord.start()
    moord.release("run")
    assert moord.nothing_left_of("data")


def test_killed_while_mkfs_goes_on_the_orphan_does_no_harm(moord, held_mkfs):
    """The mkfs of the life before is still about to begin when the next one begins its own."""
    moord.put("run", ["new:/data"], wait=None, definitions=[NEW])
    orphan = held_mkfs.wait_for_start()
    moord.kill()
    moord.start()
    second = held_mkfs.wait_for_start()
    for _ in (orphan, second):
        held_mkfs.go_on()
    node.wait_for_end(orphan)
    node.wait_for_end(second)
    if moord.task("run")["state"] == "failed":  # the two were in each other's way: said, and to be had by asking again
        held_mkfs.go_on()  # said in advance, should it be blank still
        moord.ready("run", ["new:/data"], definitions=[NEW])
    has(moord, "new")
    (moord.stage("new") / "file").write_text("good")
    moord.release("run")
    node.run("e2fsck", "-fn", moord.image("new"))


def test_killed_while_a_release_is_busy_it_goes_on_releasing(moord, data):
    moord.ready("run", ["data:/data"])
    with subprocess.Popen(["sleep", "infinity"], cwd=moord.stage("data")) as user:
        try:
            assert moord.delete("run").status == 409
            moord.kill()
            moord.start()
            moord.wait_for("task.busy", "run")
            task = moord.task("run")
            assert task["state"] == "busy"
            assert str(user.pid) in task["detail"]
            has(moord, "data")
            assert (moord.stage("data") / "hello").read_text() == "hello"
        finally:
            user.kill()
    moord.wait_for("task.released", "run")
    assert moord.nothing_left_of("data")


def test_killed_between_attach_and_mount_nothing_is_attached_twice(moord, held_mkfs):
    """Several lives, each ended at the same place."""
    node.make_image(moord.image("other"), "ext4")
    moord.put("run", [mount("new", "/data"), mount("other", "/other")], wait=None, definitions=[NEW])
    for _ in range(3):
        mkfs = held_mkfs.wait_for_start()
        moord.kill()
        node.os.kill(mkfs, node.signal.SIGKILL)
        node.wait_for_end(mkfs)
        node.reap_adopted(known=())
        assert len(node.loop_devices(moord.local)) <= 2
        moord.start()
    held_mkfs.wait_for_start()
    held_mkfs.go_on()
    assert moord.task("run")["state"] == "ready"
    has(moord, "new", "other")


def test_a_stopped_moord_unmounts_nothing_and_is_ready_again(moord, data):
    before = moord.ready("run", ["data:/data"])
    with open(moord.stage("data") / "hello") as still_read:
        moord.stop()
        has(moord, "data")
        moord.start()
        same_but_for(before, moord.task("run"))
        has(moord, "data")
        assert still_read.read() == "hello"


def test_stopped_and_killed_by_turns_it_keeps_all_tasks(moord):
    names = [f"data-{n}" for n in range(4)]
    for name in names:
        node.make_image(moord.image(name), "ext4")
        moord.ready(f"run-{name}", [f"{name}:/data"])
    for end in (moord.kill, moord.stop, moord.kill):
        end()
        moord.start()
        assert [moord.task(f"run-{name}")["state"] for name in names] == ["ready"] * 4
        has(moord, *names)


@pytest.fixture
def reboot(moord, scratch):
    """A reboot, as far as moord can see one: killed, nothing mounted nor attached, another boot id."""
    boot_id = "/proc/sys/kernel/random/boot_id"
    booted = []

    def again(meanwhile=lambda: None):
        moord.kill()
        for entry in reversed(node.mounts(moord.home)):
            node.unmount(entry.target)
        for device in node.loop_devices(moord.local):
            node.run("losetup", "-d", device)
        meanwhile()
        fresh = scratch / f"boot-{len(booted)}"
        fresh.write_text(f"{uuid.uuid4()}\n")
        node.bind_mount(fresh, boot_id)
        booted.append(fresh)
        moord.start()

    yield again
    for _ in booted:
        node.unmount(boot_id)


def test_after_a_reboot_everything_is_mounted_again(moord, data, reboot):
    before = moord.ready("run", ["data:/data"])
    (moord.stage("data") / "new").write_text("new")
    reboot()
    same_but_for(before, moord.task("run"), "device")
    has(moord, "data")
    assert (moord.stage("data") / "new").read_text() == "new"


def test_after_a_reboot_tasks_whose_owner_belonged_to_the_old_boot_are_released(moord, data, reboot):
    node.make_image(moord.image("kept"), "ext4")
    moord.ready("mine", ["kept:/data"])
    with subprocess.Popen(["sleep", "infinity"]) as owner:  # its number lives on, as another process's might
        try:
            moord.ready("theirs", ["data:/data"], owner={"pid": owner.pid})
            reboot()
            moord.wait_for("task.released", "theirs")
            assert moord.get("/v1/tasks/theirs").status == 404
            assert moord.task("mine")["state"] == "ready"
            has(moord, "kept")
        finally:
            owner.kill()


def test_after_a_reboot_an_image_that_is_gone_fails_its_task_and_no_other(moord, data, reboot):
    node.make_image(moord.image("kept"), "ext4")
    moord.ready("good", ["kept:/data"])
    moord.ready("bad", ["data:/data"])
    reboot(meanwhile=moord.image("data").unlink)
    assert verdicts(moord.task("bad")) == {"data": "not_found"}
    assert moord.task("bad")["state"] == "failed"
    assert moord.task("good")["state"] == "ready"
    has(moord, "kept")


def test_an_unmount_behind_its_back_is_mended_at_the_next_start(moord, data):
    moord.ready("run", ["data:/data"])
    moord.stop()
    node.unmount(moord.stage("data"))
    moord.start()
    assert moord.task("run")["state"] == "ready"
    has(moord, "data")


def test_a_mkfs_that_outlives_moord_is_not_ended_by_what_it_prints(moord, held_mkfs, scratch):
    marker = scratch / "at-the-end"
    held_mkfs.script.write_text(held_mkfs.script.read_text().replace("exec ", f"echo nobody reads this; touch {marker}; exec "))
    moord.put("run", ["new:/data"], wait=None, definitions=[NEW])
    orphan = held_mkfs.wait_for_start()
    moord.kill()
    held_mkfs.go_on()
    node.wait_for_end(orphan)
    assert marker.exists()
    moord.start()
    moord.release("run")
