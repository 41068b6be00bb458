"""What a task has, it keeps: whatever others ask for, and whatever fails beside it, over restarts too."""

import json
import os
import sqlite3
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import node
import pytest
from daemon import definition, detail, mount, verdicts


@pytest.fixture
def data(moord):
    node.make_image(moord.image("data"), "ext4", files=["hello"])
    return "data"


def sleeper(**where):
    return subprocess.Popen(["sleep", "infinity"], **where)


def only_loop(moord):
    [device] = node.loop_devices(moord.local)
    return device


def mount_ids(moord):
    return {entry.target: entry.id for entry in node.mounts(moord.mount_root)}


def define(moord, name, **more):
    moord.definitions.mkdir(exist_ok=True)
    document = {"type": "volume", **definition(name, **more)}
    (moord.definitions / f"{name}.yaml").write_text(json.dumps(document))


def put_at_once_after_start(moord, task, volumes, **more):
    """Before the tasks of the run before have made up their minds, if it can be."""
    moord.spawn()
    end = time.monotonic() + node.PATIENCE
    while time.monotonic() < end:
        try:
            return moord.put(task, volumes, **more)
        except (ConnectionRefusedError, FileNotFoundError):
            pass
    raise AssertionError("moord does not answer")


# ---- another disk under the same name


def test_of_those_who_wait_for_a_name_each_gets_its_own_disk_or_none(moord):
    for name in "xyz":
        node.make_image(moord.image(name), "ext4", files=[f"i-am-{name}"])

    def put(task, disk, wait="1s"):
        return moord.put(task, ["v:/data"], definitions=[definition("v", volume_id=disk)], wait=wait)

    assert put("one", "x").status == 200
    with sleeper(cwd=moord.stage("v")) as user:
        try:
            assert moord.delete("one").status == 409
            assert put("two", "y", wait=None).status == 202
            refused = put("three", "z", wait="60s")
            assert refused.status == 424, refused
            assert "another volume of this name" in detail(refused.json["task"], "v")
        finally:
            user.kill()
    task = moord.task("two")
    assert (task["state"], task["mounts"][0]["volume_id"]) == ("ready", "here/y")
    assert (moord.stage("v") / "i-am-y").exists()


def test_of_two_at_once_who_mean_different_disks_one_fails(moord):
    """Several times: who is first is a matter of chance."""
    for name in "xy":
        node.make_image(moord.image(name), "ext4", files=[f"i-am-{name}"])
    together = threading.Barrier(2)

    def put(disk):
        together.wait(node.PATIENCE)
        return moord.put(disk, ["v:/data"], definitions=[definition("v", volume_id=disk)])

    with ThreadPoolExecutor(2) as pool:
        for _ in range(8):
            answers = dict(zip("xy", pool.map(put, "xy"), strict=True))
            assert sorted(answer.status for answer in answers.values()) == [200, 424], answers
            [winner] = [disk for disk, answer in answers.items() if answer.status == 200]
            assert (moord.stage("v") / f"i-am-{winner}").exists()
            for disk in "xy":
                moord.release(disk)


def test_one_disk_has_one_name_at_a_time(moord, data):
    names = {"definitions": [definition("va", volume_id="data"), definition("vb", volume_id="data")]}
    moord.ready("one", ["va:/data"], **names)
    failed = moord.failed("two", ["vb:/data"], **names)
    assert verdicts(failed) == {"vb": "in_use"}
    assert "'va'" in detail(failed, "vb")
    moord.release("one")
    moord.ready("two", ["vb:/data"], **names)


@pytest.mark.parametrize(
    "newcomer",
    [
        {"volumes": ["v19:/x"], "definitions": [definition("v19", volume_id="evil")]},
        {"volumes": [mount("v19", "/x", options=["noexec"])]},
    ],
    ids=["another disk", "other options"],
)
def test_who_comes_right_after_a_restart_displaces_nobody(moord, newcomer):
    names = [f"v{n}" for n in range(20)]
    for name in [*names, "evil"]:
        node.make_image(moord.image(name), "ext4")
    volumes = [f"{name}:/{name}" for name in names]
    moord.ready("one", volumes)
    before = mount_ids(moord)
    moord.kill()
    answer = put_at_once_after_start(moord, "aaa", **newcomer)
    assert answer.status == 424, answer
    task = moord.task("one")
    assert task["state"] == "ready"
    assert [m["volume_id"] for m in task["mounts"]] == [f"here/{name}" for name in names]
    assert mount_ids(moord) == before


def test_a_reader_and_a_writer_share_a_volume_over_a_restart(moord, data):
    """The reader is first in the alphabet."""
    moord.ready("writer", ["data:/data"])
    moord.ready("reader", [mount("data", "/data", read_only=True)])
    before = mount_ids(moord)
    for end in (moord.kill, moord.stop):
        end()
        moord.start()
        assert moord.task("reader")["binds"][0]["read_only"]
        writer = moord.task("writer")
        assert (writer["state"], writer["binds"][0]["read_only"]) == ("ready", False)
        assert mount_ids(moord) == before


# ---- the ledger cannot be written


@pytest.fixture
def full(new_moord):
    """A moord whose task `run` is ready, and whose ledger has no room left; and what makes room again."""
    moord = new_moord()
    moord.state_dir.mkdir()
    node.mount("state", moord.state_dir, "tmpfs", "size=512k")
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
    before = mount_ids(full)[str(full.stage("data"))]
    full.stop()
    full.start()
    assert full.task("run")["state"] == "ready"
    assert mount_ids(full)[str(full.stage("data"))] == before


def test_without_room_for_the_ledger_the_same_put_takes_nothing_away(full):
    assert full.put("run", ["data:/data"]).status == 200
    full.ready("run", ["data:/data"])
    (full.state_dir / "filler").unlink()
    assert full.task("run")["state"] == "ready"
    assert full.is_mounted("data")


def test_a_release_that_cannot_be_written_down_is_not_promised(full):
    answer = full.delete("run", wait="0s")
    assert answer.status == 500
    assert "ledger" in answer.json["detail"]
    assert full.is_mounted("data")
    (full.state_dir / "filler").unlink()
    full.wait_for("task.released", "run")


# ---- a volume that is not as it should be


def test_a_volume_that_has_become_read_only_stays_with_who_has_it(moord, data):
    moord.ready("one", ["data:/data"])
    before = mount_ids(moord)
    node.run("mount", "-o", "remount,ro", moord.stage("data"))
    failed = moord.failed("two", ["data:/data"])
    assert "read-only" in detail(failed, "data")
    one = moord.get("/v1/tasks/one").json
    assert (one["state"], one["binds"][0]["source"]) == ("ready", str(moord.stage("data")))
    assert mount_ids(moord) == before

    failed = moord.failed("one", ["data:/data"])  # whoever asks is told, but loses nothing
    assert "read-only" in detail(failed, "data")
    assert mount_ids(moord) == before
    moord.kill()
    moord.start()
    assert moord.task("one")["state"] == "failed"
    assert mount_ids(moord) == before
    node.run("mount", "-o", "remount,rw", moord.stage("data"))
    moord.ready("one", ["data:/data"])
    assert mount_ids(moord) == before


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


def test_who_may_format_says_which_file_system_and_who_may_not_gets_none(moord):
    """Several times: who is first is a matter of chance."""
    together = threading.Barrier(2)

    def put(task, name, **more):
        together.wait(node.PATIENCE)
        return moord.put(task, [f"{name}:/data"], definitions=[definition(name, **more)])

    with ThreadPoolExecutor(2) as pool:
        for n in range(6):
            name = f"v{n}"
            node.make_image(moord.image(name), size=node.SMALLEST["btrfs"])
            may_not = pool.submit(put, "a", name)
            may = pool.submit(put, "b", name, init_fs=True, fs="btrfs")
            answer = may.result()
            assert answer.status == 200, answer
            assert answer.json["mounts"][0]["fs"] == "btrfs"
            refused = may_not.result()
            if refused.status != 200:  # it was before, or during the format; else it found a file system
                assert verdicts(refused.json["task"]) == {name: "unsafe_filesystem"}
            moord.release("a")
            moord.release("b")


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
    define(moord, "data", fs="ext4")
    moord.ready("one", ["data:/data"])
    before = mount_ids(moord)
    define(moord, "data", fs="xfs")
    moord.kill()
    moord.start()
    assert moord.task("one")["state"] == "ready"
    assert mount_ids(moord) == before


def test_a_goal_that_cannot_be_read_any_more_keeps_what_it_has_until_it_is_released(moord, data):
    moord.ready("one", ["data:/data"])
    before = mount_ids(moord)
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
        assert mount_ids(moord) == before
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


# ---- the host's own mounts


@pytest.fixture
def host(new_moord):
    moord = new_moord()
    node.make_image(moord.image("data"), "ext4", files=["hello"])
    moord.path = moord.home / "host" / "data"
    moord.config["volumes"] = [mount("data", str(moord.path))]
    moord.start()
    assert moord.task("host")["state"] == "ready"
    return moord


def test_a_mistake_beside_it_takes_no_mount_of_the_host_away(host):
    before = {entry.target: entry.id for entry in node.mounts(host.home)}
    host.config["volumes"].append(mount("tpyo", str(host.home / "host" / "more")))
    for end in (host.stop, host.kill):
        end()
        host.start()
        host.wait_for("task.failed", "host")
        assert {entry.target: entry.id for entry in node.mounts(host.home)} == before
    node.make_image(host.image("tpyo"), "ext4", files=["late"])
    host.wait_for("task.ready", "host", after=host.last_event())
    assert (host.home / "host" / "more" / "late").exists()
    assert (host.path / "hello").exists()


def test_a_mount_of_the_host_that_was_taken_out_while_in_use_goes_when_it_is_free(host):
    node.make_image(host.image("new"), "ext4")
    with sleeper(cwd=host.path) as user:
        try:
            host.stop()
            host.config["volumes"] = [mount("new", str(host.home / "elsewhere"))]
            host.start()
            task = host.task("host")
            assert task["state"] == "ready"
            assert str(user.pid) in task["detail"]
            assert (host.path / "hello").exists()
        finally:
            user.kill()
    for _, name, event in host.events():
        if name == "volume.stage" and event["volume"] == "data" and event["stage"] == "released":
            break
    assert not host.path.exists()
    assert host.nothing_left_of("data")


def test_other_options_of_a_mount_of_the_host_are_set_at_the_next_start(host):
    host.stop()
    host.config["volumes"] = [mount("data", str(host.path), options=["noexec"])]
    host.start()
    assert host.task("host")["state"] == "ready"
    [entry] = node.mounts(host.path)
    assert "noexec" in entry.options


@pytest.mark.parametrize("read_only", [True, False])
def test_a_mount_of_the_host_becomes_read_only_or_writable_at_the_next_start(host, read_only):
    for flag in (read_only, not read_only, read_only):
        host.stop()
        host.config["volumes"] = [mount("data", str(host.path), read_only=flag)]
        host.start()
        assert host.task("host")["state"] == "ready"
        [entry] = node.mounts(host.path)
        assert ("ro" in entry.options) == flag
