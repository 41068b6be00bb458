"""Several who want one volume, or one place: at once, one after the other, and over a restart."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import node
import pytest
from daemon import detail, mount, verdicts


# ---- tasks


@pytest.mark.parametrize(("good", "bad"), [("a", "b"), ("b", "a")])
def test_of_two_tasks_at_once_exactly_the_one_that_asks_for_another_file_system_fails(moord, good, bad):
    """Several times, and with names in both orders: who is first is a matter of chance and of the alphabet."""
    node.make_image(moord.image("data"), "ext4", files=["hello"])
    together = threading.Barrier(2)

    def put(task, **more):
        together.wait(node.PATIENCE)
        return moord.put(task, [mount("data", "/data", **more)])

    with ThreadPoolExecutor(2) as pool:
        for _ in range(6):
            first, second = pool.submit(put, good), pool.submit(put, bad, fs="xfs")
            has_it, fails = first.result(), second.result()
            assert (has_it.status, fails.status) == (200, 424), (has_it, fails)
            assert has_it.json["mounts"][0]["fs"] == "ext4"
            failed = fails.json["task"]
            assert verdicts(failed) == {"data": "unsafe_filesystem"}
            assert detail(failed, "data").startswith("has ext4, but xfs was asked for; nothing was changed")
            assert moord.is_mounted("data")
            moord.release(bad)
            assert moord.is_mounted("data")
            moord.release(good)
            assert moord.nothing_left_of("data")


def test_who_wants_other_options_of_a_busy_volume_gets_them_once_it_is_free(moord, data):
    moord.ready("one", ["data:/data"])
    with node.sleeper(cwd=moord.stage("data")) as user:
        try:
            assert moord.delete("one").status == 409
            wanted = [mount("data", "/data", options=["noatime"])]
            before = moord.last_event()
            moord.put("two", wanted, wait=None)
            moord.wait_for_stage("data", "busy", after=before)
            two = moord.task("two", wait="0s")
            assert two["state"] == "preparing", two
            assert str(user.pid) in two["mounts"][0]["blocked_by"]
        finally:
            user.kill()
    moord.ready("two", wanted)
    [entry] = node.mounts(moord.mount_root)
    assert "noatime" in entry.options
    moord.wait_for("task.released", "one")
    assert moord.get("/v1/tasks/one").status == 404
    assert len(node.loop_devices(moord.local)) == 1


def test_a_volume_unmounted_behind_its_back_is_mounted_again_for_the_next_task(moord, data):
    moord.ready("one", ["data:/data"])
    node.unmount(moord.stage("data"))
    moord.ready("two", ["data:/other"])
    assert moord.is_mounted("data")
    assert (moord.stage("data") / "hello").read_text() == "hello"
    assert len(node.loop_devices(moord.local)) == 1
    moord.release("one")
    assert moord.is_mounted("data")


def test_force_is_heard_after_a_restart_in_a_busy_release(moord, data):
    moord.ready("run", ["data:/data"])
    with node.sleeper(cwd=moord.stage("data")) as user:
        try:
            assert moord.delete("run").status == 409
            moord.kill()
            moord.start()
            moord.wait_for("task.busy", "run")
            assert moord.is_mounted("data")
            answer = moord.delete("run", force=True)
            assert answer.status == 409
            assert "still open" in answer.json["detail"]
            assert not moord.is_mounted("data")
        finally:
            user.kill()
    moord.wait_for("task.released", "run")
    assert moord.nothing_left_of("data")


# ---- the host's own mounts


def test_other_candidates_for_a_host_path_in_use_are_taken_once_it_is_free(new_moord):
    moord = new_moord()
    for name in ("old", "new", "spare"):
        node.make_image(moord.image(name), "ext4", files=[f"i-am-{name}"])
    path = moord.home / "host" / "data"
    moord.config["volumes"] = [mount("old", str(path))]
    moord.start()
    assert moord.task("host")["state"] == "ready"
    with node.sleeper(cwd=path) as user:
        try:
            moord.stop()
            moord.config["volumes"] = [mount(["new", "spare"], str(path))]
            moord.start()
            failed = moord.wait_for("task.failed", "host")
            task = moord.get("/v1/tasks/host").json
            assert str(user.pid) in task["mounts"][0]["candidates"][0]["detail"]
            assert (path / "i-am-old").exists()
        finally:
            user.kill()
    moord.wait_for("task.ready", "host", after=failed)
    assert (path / "i-am-new").exists()
    assert [entry.target for entry in node.mounts(path)] == [str(path)]
    moord.wait_until_gone("old")
    assert moord.nothing_left_of("old")
    assert moord.nothing_left_of("spare")
    assert moord.task("host")["state"] == "ready"


# ---- followers of the events


def following(moord, last_event_id):
    """A connection that follows the events; what it says is not read yet."""
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.connect(str(moord.socket_path))
    header = "" if last_event_id is None else f"Last-Event-ID: {last_event_id}\r\n"
    client.sendall(f"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n{header}\r\n".encode())
    return client


@pytest.mark.parametrize("last_event_id", [None, 0, 2**64 - 1])
@pytest.mark.parametrize("has_events", [True, False])
def test_a_follower_gets_all_there_is_once_and_then_nothing_until_something_happens(moord, last_event_id, has_events):
    node.make_image(moord.image("data"), "ext4")
    if has_events:
        moord.ready("run", ["data:/data"])
    known = [number for number, _, _ in moord.events(follow=False)]
    with following(moord, last_event_id) as client:
        said = b""
        while node.ready_to_read(client, 1) and len(said) < 100_000:  # a heartbeat comes after 30 s only
            said += client.recv(65536)
        assert len(said) < 100_000, said[-300:]
        assert said.startswith(b"HTTP/1.1 200")
        assert [number for number in known if said.count(b"id: %d\n" % number) != 1] == []
        moord.ready("more", ["data:/data"])
        assert node.ready_to_read(client)
