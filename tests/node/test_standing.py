"""What a task has, it keeps, whatever fails beside it."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import node
import pytest
from daemon import BINARY, definition, detail, mount, verdicts


def only_loop(moord):
    [device] = node.loop_devices(moord.local)
    return device


def status(moord, task):
    return node.run(BINARY.parent / "moorctl", "--socket", moord.socket_path, "status", task)


# ---- the ledger cannot be written


@pytest.fixture
def full(new_moord):
    """A moord whose task `run` is ready, and whose ledger has no room left; and what makes room again."""
    moord = new_moord()
    moord.state_dir.mkdir()
    node.mount("state", moord.state_dir, "tmpfs", "size=512k,mode=700")
    node.make_image(moord.image("data"), "ext4", files=["hello"])
    node.make_image(moord.image("other"), "ext4")
    moord.start()
    moord.ready("run", ["data:/data"])
    filler = os.open(moord.state_dir / "filler", os.O_WRONLY | os.O_CREAT)
    with pytest.raises(OSError, match="No space"):
        while True:
            os.write(filler, b"x" * 4096)
    os.close(filler)
    # What SQLite has set aside is used up, too.
    for n in range(100):
        if moord.put(f"more-{n}", ["other:/other"]).status != 200:
            break
        if moord.delete(f"more-{n}").status != 200:
            break
    else:
        raise AssertionError("the ledger is never full")
    yield moord
    (moord.state_dir / "filler").unlink(missing_ok=True)
    for task in moord.get("/v1/tasks").json["tasks"]:
        moord.release(task["task"])
    moord.stop()
    node.unmount(moord.state_dir)


def test_without_room_for_the_ledger_a_restart_takes_nothing_away(full):
    before = full.mount_ids()[str(full.stage("data"))]
    full.stop()
    full.start()
    assert full.task("run")["state"] == "ready"
    assert full.mount_ids()[str(full.stage("data"))] == before


def test_without_room_for_the_ledger_the_same_put_takes_nothing_away(full):
    assert full.put("run", ["data:/data"]).status == 200
    full.ready("run", ["data:/data"])
    (full.state_dir / "filler").unlink()
    assert full.task("run")["state"] == "ready"
    assert full.is_mounted("data")


def test_a_goal_that_cannot_be_written_down_says_so_and_what_is_full(full):
    answer = full.put("new", ["other:/other"])
    assert answer.status == 500, answer
    assert str(full.state_dir) in answer.json["detail"] and "full" in answer.json["detail"], answer
    assert "make room" in answer.json["detail"], answer
    assert not full.is_mounted("other")
    shown = status(full, "new")
    assert str(full.state_dir) in shown and "full" in shown and "make room" in shown, shown


def test_a_release_that_cannot_be_written_down_is_not_promised(full):
    answer = full.delete("run", wait="0s")
    assert answer.status == 500
    assert "ledger" in answer.json["detail"]
    assert full.is_mounted("data")
    shown = status(full, "run")
    assert f"run  busy: cannot write the ledger {full.state_dir}" in shown and "make room" in shown, shown
    (full.state_dir / "filler").unlink()
    full.wait_for("task.released", "run")


# ---- a volume that is not as it should be


def test_a_volume_that_has_become_read_only_stays_with_who_has_it(moord, data):
    moord.ready("one", ["data:/data"])
    before = moord.mount_ids()
    node.run("mount", "-o", "remount,ro", moord.stage("data"))
    failed = moord.failed("two", ["data:/data"])
    assert "read-only" in detail(failed, "data")
    one = moord.get("/v1/tasks/one").json
    assert (one["state"], one["binds"][0]["source"]) == ("ready", str(moord.stage("data")))
    assert moord.mount_ids() == before

    failed = moord.failed("one", ["data:/data"])  # whoever asks is told, but loses nothing
    assert "read-only" in detail(failed, "data")
    assert moord.mount_ids() == before
    moord.kill()
    moord.start()
    assert moord.task("one")["state"] == "failed"
    assert moord.mount_ids() == before
    node.run("mount", "-o", "remount,rw", moord.stage("data"))
    moord.ready("one", ["data:/data"])
    assert moord.mount_ids() == before


def test_a_mount_over_a_volume_is_told_and_left_alone(moord, data):
    moord.ready("one", ["data:/data"])
    node.mount("theirs", moord.stage("data"), "tmpfs")
    try:
        failed = moord.failed("two", ["data:/data"])
        assert "theirs is mounted" in detail(failed, "data")
        assert "theirs is mounted" in detail(moord.failed("one", ["data:/data"]), "data")
        assert [entry.source for entry in node.mounts(moord.mount_root)] == [only_loop(moord), "theirs"]
    finally:
        node.unmount(moord.stage("data"))
    moord.ready("one", ["data:/data"])
    assert (moord.stage("data") / "hello").exists()


def test_the_same_put_mounts_again_what_was_unmounted_behind_its_back(moord, data):
    first = moord.ready("one", ["data:/data"])
    node.unmount(moord.stage("data"))
    assert moord.ready("one", ["data:/data"]) == first
    assert (moord.stage("data") / "hello").exists()


def test_who_looks_while_a_volume_is_mounted_again_sees_where_it_belongs(moord, data):
    moord.ready("one", ["data:/data"])
    place, wrong, done = str(moord.stage("data")), [], threading.Event()

    def look():
        while not done.is_set():
            answer = moord.get("/v1/tasks/one")
            if [bind["source"] for bind in answer.json["binds"]] != [place]:
                wrong.append(answer)

    with ThreadPoolExecutor(2) as pool:
        looking = [pool.submit(look) for _ in range(2)]
        try:
            for _ in range(10):
                node.unmount(moord.stage("data"))
                moord.ready("two", ["data:/data"])
                moord.release("two")
        finally:
            done.set()
        for one in looking:
            one.result()
    assert wrong == []


def test_a_foreign_mount_at_the_place_of_a_disk_that_is_gone_is_left_alone(moord, data):
    moord.ready("one", ["data:/data"])
    moord.kill()
    node.unmount(moord.stage("data"))
    node.run("losetup", "-d", only_loop(moord))
    away = moord.image("data").with_suffix(".away")
    moord.image("data").rename(away)
    node.mount("theirs", moord.stage("data"), "tmpfs")
    try:
        (moord.stage("data") / "precious").write_text("precious")
        moord.start()
        assert moord.task("one")["state"] == "failed"
        assert moord.delete("one").status == 200
        assert (moord.stage("data") / "precious").read_text() == "precious"
    finally:
        node.unmount(moord.stage("data"))
        if moord.stage("data").exists():
            node._clear_immutable(moord.stage("data"))
            moord.stage("data").rmdir()


def test_the_device_of_a_deleted_image_goes_with_its_task(moord, data):
    moord.ready("one", ["data:/data"])
    moord.image("data").unlink()
    moord.kill()
    moord.start()
    assert moord.task("one")["state"] == "ready"
    moord.release("one")
    assert node.loop_devices(moord.local) == {}


# ---- formats


def test_formats_that_hang_hold_up_nobody_else(moord, data, held_mkfs):
    names = [f"v{n}" for n in range(16)]
    new = [definition(name, size="16MB", init_fs=True) for name in names]
    moord.ready("run", ["data:/data"])
    moord.put("many", [f"{name}:/{name}" for name in names], definitions=new, wait=None)
    for _ in names:
        held_mkfs.wait_for_start()
    assert moord.get("/readyz").status == 200
    assert verdicts(moord.explain(["data:/data"])) == {"data": "chosen"}
    for _ in names:
        held_mkfs.go_on()
    assert moord.task("many")["state"] == "ready"


def test_what_was_here_is_not_made_anew_for_the_same_put(moord):
    moord.define("new", size="16MB", init_fs=True)
    moord.ready("one", ["new:/data"])
    (moord.stage("new") / "precious").write_text("precious")
    node.unmount(moord.stage("new"))
    node.run("losetup", "-d", only_loop(moord))
    away = moord.image("new").with_suffix(".away")
    moord.image("new").rename(away)
    failed = moord.failed("one", ["new:/data"])
    assert verdicts(failed) == {"new": "not_found"}
    assert not moord.image("new").exists()
    away.rename(moord.image("new"))
    moord.ready("one", ["new:/data"])
    assert (moord.stage("new") / "precious").read_text() == "precious"


def test_a_mount_whose_turn_did_not_come_is_released_with_its_task(moord, data):
    node.make_image(moord.image("shared"), "ext4")
    volumes = ["shared:/shared", "data:/data"]
    moord.ready("one", volumes)
    moord.ready("two", ["shared:/shared"])
    node.run("mount", "-o", "remount,ro", moord.stage("shared"))
    moord.failed("one", volumes)
    assert moord.is_mounted("data")
    moord.release("one")
    assert moord.nothing_left_of("data")
    assert moord.is_mounted("shared")


def test_the_same_put_takes_another_candidate_when_the_first_is_lost(moord, data):
    node.make_image(moord.image("spare"), "ext4")
    wanted = [mount(["data", "spare"], "/data")]
    moord.ready("one", wanted)
    node.unmount(moord.stage("data"))
    node.run("losetup", "-d", only_loop(moord))
    node.overwrite_superblock(moord.image("data"))
    task = moord.ready("one", wanted)
    assert verdicts(task) == {"data": "unsafe_filesystem", "spare": "chosen"}
    assert list(node.loop_devices(moord.local).values()) == [str(moord.image("spare"))]


@pytest.mark.parametrize("defined", [False, True])
def test_the_device_of_an_image_that_is_missing_at_release_is_detached(moord, data, defined):
    if defined:
        moord.define("data", size="16MB", init_fs=True)
    moord.ready("one", ["data:/data"])
    moord.image("data").unlink()
    moord.kill()
    moord.start()
    moord.release("one")
    assert node.loop_devices(moord.local) == {}


def test_a_disk_that_its_provider_has_lost_sight_of_is_not_forgotten(moord, data):
    moord.ready("one", ["data:/data"])
    renamed = moord.image("data").with_suffix(".renamed")
    moord.image("data").rename(renamed)
    answer = moord.delete("one")
    assert answer.status == 409
    assert "still attached" in answer.json["detail"]
    renamed.rename(moord.image("data"))
    moord.wait_for("task.released", "one")
    assert moord.nothing_left_of("data")
