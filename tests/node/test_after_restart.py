"""What was promised or given before a crash or a reboot, and what becomes of it afterwards."""

import os
import shutil
import sqlite3

import node
import pytest
from daemon import definition, detail, mount, verdicts


# ---- what has been promised outlives a crash


@pytest.mark.parametrize("preparing", [True, False])
def test_a_release_that_was_accepted_outlives_a_crash(moord, data, held_mkfs, preparing):
    for _ in range(3):
        if preparing:
            moord.put("run", ["new:/data"], definitions=[definition("new", size="16MB", init_fs=True)], wait=None)
            held_mkfs.wait_for_start()
        else:
            moord.ready("run", ["data:/data"])
        assert moord.delete("run", wait="0s").status in (200, 202)
        moord.kill()
        for pid, _ in node.children():
            node.os.kill(pid, node.signal.SIGKILL)
            node.wait_for_end(pid)
        node.reap_adopted(known=())
        moord.start()
        if moord.get("/v1/tasks/run").status != 404:
            moord.wait_for("task.released", "run", after=0)
        assert node.loop_devices(moord.local) == {}
        assert node.mounts(moord.mount_root) == []


def test_a_definition_with_another_file_system_takes_nothing_away(moord, data):
    moord.define("data", fs="ext4")
    moord.ready("one", ["data:/data"])
    before = moord.mount_ids()
    moord.define("data", fs="xfs")
    moord.kill()
    moord.start()
    assert moord.task("one")["state"] == "ready"
    assert moord.mount_ids() == before


def test_a_goal_that_cannot_be_read_any_more_keeps_what_it_has_until_it_is_released(moord, data):
    moord.ready("one", ["data:/data"])
    before = moord.mount_ids()
    moord.stop()
    with sqlite3.connect(moord.state_dir / "ledger.db") as ledger:
        ledger.execute("""UPDATE task SET goal = '{"volumes": [{"nme": "data"}]}'""")
    ledger.close()
    for end in (moord.stop, moord.kill):
        moord.start()
        task = moord.get("/v1/tasks/one").json
        assert task["state"] == "failed"
        assert "cannot be read" in task["detail"]
        assert moord.put("one", ["data:/data"]).status == 409
        assert moord.mount_ids() == before
        end()
    moord.start()
    moord.release("one")
    assert moord.nothing_left_of("data")


def test_the_id_of_the_instance_stays_as_long_as_volumes_are_attached_under_it(new_moord):
    moord = new_moord(instance="i-first")
    node.make_image(moord.image("data"), "ext4")
    moord.start()
    moord.ready("one", ["data:/data"])
    moord.stop()
    moord.config["identity"]["instance_id"] = "i-second"
    moord.spawn()
    node.wait_for_end(moord.process.pid)
    assert moord.process.wait() == 1
    assert "'i-first'" in moord.log()
    del moord.config["identity"]["instance_id"]  # a host name may change
    moord.start()
    assert moord.get("/v1/identity").json["instance_id"] == "i-first"
    moord.release("one")
    assert moord.nothing_left_of("data")
    moord.stop()
    moord.config["identity"]["instance_id"] = "i-second"
    moord.start()
    assert moord.get("/v1/identity").json["instance_id"] == "i-second"


# ---- reboots


def only_image(moord):
    [image] = node.loop_devices(moord.local).values()
    return image


@pytest.fixture
def one_of_two(moord, data):
    """A task that has `data`, and would have `spare`, before a power cut."""
    node.make_image(moord.image("spare"), "ext4")
    moord.ready("one", [mount(["data", "spare"], "/data")])
    moord.lose_power()
    return moord


def test_after_a_reboot_the_next_candidate_is_taken_when_another_instance_has_the_first(new_moord, one_of_two):
    other = new_moord("other", instance="i-2").start()
    other.ready("theirs", ["data:/data"])
    one_of_two.start()
    task = one_of_two.task("one")
    assert verdicts(task) == {"data": "in_use", "spare": "chosen"}
    assert "i-2" in detail(task, "data")
    assert one_of_two.is_mounted("spare")


@pytest.mark.parametrize("look_is_known", [True, False])
def test_after_a_reboot_the_next_candidate_is_taken_when_the_first_is_lost(one_of_two, look_is_known):
    one_of_two.image("data").unlink()
    if not look_is_known:
        with sqlite3.connect(one_of_two.state_dir / "ledger.db") as ledger:
            ledger.execute("UPDATE volume SET look = ''")
        ledger.close()
    one_of_two.start()
    assert verdicts(one_of_two.task("one")) == {"data": "not_found", "spare": "chosen"}
    assert only_image(one_of_two) == str(one_of_two.image("spare"))


def test_after_a_reboot_it_is_all_or_nothing_again(moord, data):
    node.make_image(moord.image("torn"), "ext4")
    moord.ready("one", ["torn:/torn", "data:/data"])
    moord.lose_power()
    node.overwrite_superblock(moord.image("torn"))
    moord.start()
    task = moord.task("one")
    assert task["state"] == "failed"
    assert verdicts(task, 0) == {"torn": "unsafe_filesystem"}
    assert node.loop_devices(moord.local) == {}
    assert node.mounts(moord.mount_root) == []


def test_a_disk_that_is_still_blank_after_a_crash_gets_the_file_system_of_its_definition(moord, scratch):
    moord.define("new", size="128MB", init_fs=True, fs="btrfs")
    program = os.path.realpath("/usr/sbin/mkfs.btrfs")
    real, hangs = scratch / "mkfs.btrfs", scratch / "hangs"
    shutil.copy(program, real)
    hangs.write_text("#!/bin/sh\nexec sleep infinity\n")
    hangs.chmod(0o755)
    node.bind_mount(hangs, program)
    try:
        moord.put("run", ["new:/data"], wait="1s")
        assert "making btrfs" in moord.log()
        moord.kill()
        for pid, _ in node.children():
            os.kill(pid, node.signal.SIGKILL)
            node.wait_for_end(pid)
        node.reap_adopted(known=())
    finally:
        node.unmount(program, lazily=True)
    moord.start()
    assert moord.task("run")["mounts"][0]["fs"] == "btrfs"
