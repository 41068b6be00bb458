"""Several who want one name, or one volume, each otherwise: nobody gets another's disk, and nobody is displaced."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import node
import pytest
from daemon import definition, detail, mount, verdicts


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


def put_disk(moord, task, disk, wait="60s"):
    """The volume `v`, which is another disk for each who asks."""
    return moord.put(task, ["v:/data"], definitions=[definition("v", volume_id=disk)], wait=wait)


# ---- another disk under the same name


def test_of_those_who_wait_for_a_name_each_gets_its_own_disk_or_none(moord):
    for name in "xyz":
        node.make_image(moord.image(name), "ext4", files=[f"i-am-{name}"])

    def put(task, disk, wait="1s"):
        return moord.put(task, ["v:/data"], definitions=[definition("v", volume_id=disk)], wait=wait)

    assert put("one", "x").status == 200
    with node.sleeper(cwd=moord.stage("v")) as user:
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
    before = moord.mount_ids()
    moord.kill()
    answer = put_at_once_after_start(moord, "aaa", **newcomer)
    assert answer.status == 424, answer
    task = moord.task("one")
    assert task["state"] == "ready"
    assert [m["volume_id"] for m in task["mounts"]] == [f"here/{name}" for name in names]
    assert moord.mount_ids() == before


def test_a_reader_and_a_writer_share_a_volume_over_a_restart(moord, data):
    """The reader is first in the alphabet."""
    moord.ready("writer", ["data:/data"])
    moord.ready("reader", [mount("data", "/data", read_only=True)])
    before = moord.mount_ids()
    for end in (moord.kill, moord.stop):
        end()
        moord.start()
        assert moord.task("reader")["binds"][0]["read_only"]
        writer = moord.task("writer")
        assert (writer["state"], writer["binds"][0]["read_only"]) == ("ready", False)
        assert moord.mount_ids() == before


def test_who_waits_for_another_disk_gets_it_after_a_crash_too(moord):
    for name in "xyz":
        node.make_image(moord.image(name), "ext4", files=[f"i-am-{name}"])
    assert put_disk(moord, "one", "x").status == 200
    with node.sleeper(cwd=moord.stage("v")) as user:
        try:
            assert moord.delete("one").status == 409
            assert put_disk(moord, "two", "y", wait="1s").status == 202
            moord.ready("other", ["z:/z"])  # whatever waited to be written is on disk now
            moord.kill()
            moord.start()
        finally:
            user.kill()
    task = moord.task("two")
    assert (task["state"], task["mounts"][0]["volume_id"]) == ("ready", "here/y")
    assert (moord.stage("v") / "i-am-y").exists()


def test_a_fall_to_read_only_that_was_repaired_is_seen_by_all_who_share(moord, data):
    for task in "ab":
        moord.ready(task, ["data:/data"])
    node.run("mount", "-o", "remount,ro", moord.stage("data"))
    moord.failed("a", ["data:/data"])
    node.run("mount", "-o", "remount,rw", moord.stage("data"))
    for task in "aba":
        moord.ready(task, ["data:/data"])


# ---- formats


def test_who_may_format_says_which_file_system_and_who_may_not_gets_none(moord):
    """Several times: the second comes while the disk is being probed for the first, or a little later."""
    for n in range(6):
        name = f"v{n}"
        node.make_image(moord.image(name), size=node.SMALLEST["btrfs"])
        moord.put("a", [f"{name}:/data"], definitions=[definition(name)], wait=None)
        answer = moord.put("b", [f"{name}:/data"], definitions=[definition(name, init_fs=True, fs="btrfs")])
        assert answer.status == 200, answer
        assert answer.json["mounts"][0]["fs"] == "btrfs"
        refused = moord.task("a")
        assert (refused["state"], verdicts(refused)) == ("failed", {name: "unsafe_filesystem"})
        moord.release("a")
        moord.release("b")
