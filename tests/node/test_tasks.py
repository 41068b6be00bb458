"""Goals: what a task wants, gets, keeps and gives back."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import node
import pytest
from daemon import definition, detail, mount, verdicts


def busy(moord, task, **more):
    answer = moord.delete(task, **more)
    assert answer.status == 409, answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["type"] == "urn:mooring:problem:busy"
    assert answer.json["task"]["state"] == "busy"
    return answer.json


# ---- nothing to be had


def test_without_a_candidate_the_task_fails_with_all_verdicts_and_all_is_undone(moord, data):
    node.make_image(moord.image("blank"))
    wanted = [mount("data", "/good"), mount(["far", "missing", "blank"], "/bad")]
    task = moord.failed("run", wanted, definitions=[definition("far", region="there")])
    assert verdicts(task, 1) == {"far": "wrong_region", "missing": "not_found", "blank": "unsafe_filesystem"}
    assert all(detail(task, name, 1) for name in ("far", "missing", "blank"))
    assert verdicts(task, 0) == {"data": "not_tried"}
    assert task["binds"] == []
    assert node.loop_devices(moord.local) == {}
    assert node.mounts(moord.mount_root) == []
    assert list(moord.mount_root.glob("*")) == []


def test_a_failed_task_is_remembered_after_a_restart_and_the_same_put_tries_again(moord, data):
    wanted = [mount("data", "/good"), mount("later", "/later")]
    failed = moord.failed("run", wanted)
    moord.stop()
    moord.start()
    assert moord.task("run") == failed
    assert node.loop_devices(moord.local) == {}

    node.make_image(moord.image("later"), "ext4")
    task = moord.ready("run", wanted)
    assert [m["state"] for m in task["mounts"]] == ["mounted", "mounted"]


def test_an_optional_mount_that_cannot_be_had_is_left_out(moord, data):
    answer = moord.put("run", [mount("data", "/data"), mount("missing", "/more", optional=True)])
    assert (answer.status, answer.json["state"]) == (200, "degraded")
    assert [m["state"] for m in answer.json["mounts"]] == ["mounted", "left_out"]
    assert verdicts(answer.json, 1) == {"missing": "not_found"}
    assert [bind["target"] for bind in answer.json["binds"]] == ["/data"]


# ---- the same, another, shared


def test_the_same_put_twice_is_the_same_result(moord, data):
    first = moord.ready("run", ["data:/data"])
    assert moord.ready("run", ["data:/data"]) == first
    assert len(node.loop_devices(moord.local)) == 1
    assert moord.is_mounted("data")


def test_another_goal_under_the_same_name_is_a_conflict(moord, data):
    first = moord.ready("run", ["data:/data"])
    answer = moord.put("run", ["data:/elsewhere"])
    assert answer.status == 409
    assert "another goal" in answer.json["detail"]
    assert moord.task("run") == first


def test_two_tasks_share_a_volume_and_the_last_one_unmounts_it(moord, data):
    moord.ready("one", ["data:/data"])
    moord.ready("two", ["data:/other"])
    assert len(node.loop_devices(moord.local)) == 1
    assert moord.is_mounted("data")
    moord.release("one")
    assert moord.is_mounted("data")
    assert (moord.stage("data") / "hello").exists()
    assert moord.task("two")["state"] == "ready"
    moord.release("two")
    assert moord.nothing_left_of("data")


def test_two_puts_at_once_of_one_task_have_the_same_result(moord, data):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: moord.put("run", ["data:/data"]), range(8)))
    assert {answer.status for answer in answers} == {200}
    # How full the volume is may be looked at again; the rest is one result.
    for answer in answers:
        answer.json["mounts"][0].pop("used", None)
    assert all(answer.json == answers[0].json for answer in answers)
    assert len(node.loop_devices(moord.local)) == 1
    assert moord.is_mounted("data")


def test_eight_tasks_at_once_share_a_volume(moord, data):
    """Several times: who is first in what is a matter of chance."""
    tasks = [f"run-{n}" for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            answers = list(pool.map(lambda task: moord.put(task, ["data:/data"]), tasks))
            assert [answer.status for answer in answers] == [200] * 8, answers
            assert len(node.loop_devices(moord.local)) == 1
            assert moord.is_mounted("data")
            answers = list(pool.map(moord.delete, tasks))
            assert [answer.status for answer in answers] == [200] * 8, answers
            assert moord.nothing_left_of("data")


def test_sixteen_volumes_at_once(moord):
    names = [f"data-{n}" for n in range(16)]
    definitions = [definition(name, size="16MB", init_fs=True) for name in names]
    task = moord.ready("run", [mount(name, f"/{name}") for name in names], definitions=definitions)
    assert [m["volume"] for m in task["mounts"]] == names
    assert len(node.loop_devices(moord.local)) == 16
    assert all(moord.is_mounted(name) for name in names)
    for name in names:
        (moord.stage(name) / "mine").write_text(name)
    moord.release("run")
    assert all(moord.nothing_left_of(name) for name in names)
    moord.ready("run", [mount(name, f"/{name}") for name in names], definitions=definitions)
    assert [(moord.stage(name) / "mine").read_text() for name in names] == names


def test_many_blank_volumes_are_formatted_at_once(moord):
    """Several times: what the processes of one format do to another is a matter of chance."""
    for n in range(6):
        names = [f"data-{n}-{m}" for m in range(16)]
        definitions = [definition(name, size="16MB", init_fs=True) for name in names]
        moord.ready(f"run-{n}", [mount(name, f"/{name}") for name in names], definitions=definitions)
        moord.release(f"run-{n}")


def test_a_put_that_does_not_wait_is_accepted_and_can_be_waited_for(moord, held_mkfs):
    answer = moord.put("run", ["new:/data"], wait=None, definitions=[definition("new", size="16MB", init_fs=True)])
    assert answer.status == 202
    assert answer.headers["Location"] == "/v1/tasks/run"
    assert answer.json["state"] == "preparing"
    held_mkfs.wait_for_start()
    [mounted] = moord.get("/v1/tasks/run").json["mounts"]
    assert mounted["stage"] == "format"
    assert mounted["stage_seconds"] >= 0
    held_mkfs.go_on()
    assert moord.task("run")["state"] == "ready"


def test_a_task_released_while_it_is_preparing_leaves_nothing(moord, held_mkfs):
    moord.put("run", ["new:/data"], wait=None, definitions=[definition("new", size="16MB", init_fs=True)])
    mkfs = held_mkfs.wait_for_start()
    moord.release("run")
    node.wait_for_end(mkfs)
    assert moord.nothing_left_of("new")


# ---- release


def test_release_is_idempotent(moord, data):
    moord.ready("run", ["data:/data"])
    for _ in range(2):
        answer = moord.delete("run")
        assert (answer.status, answer.json["state"]) == (200, "released")


def test_releasing_an_unknown_task_is_a_success(moord):
    answer = moord.delete("nobody")
    assert (answer.status, answer.json) == (200, {"task": "nobody", "state": "released"})
    assert moord.get("/v1/tasks/nobody").status == 404


def test_a_volume_in_use_is_not_released_until_the_process_ends(moord, data):
    moord.ready("run", ["data:/data"])
    with node.sleeper(cwd=moord.stage("data")) as user:
        try:
            problem = busy(moord, "run")
            assert "sleep" in problem["detail"]
            assert str(user.pid) in problem["detail"]
            [mounted] = problem["task"]["mounts"]
            assert [(h["pid"], h["command"]) for h in mounted["holders"]] == [(user.pid, "sleep")]
            assert "working directory" in mounted["holders"][0]["how"]
            assert moord.is_mounted("data")
            assert (moord.stage("data") / "hello").read_text() == "hello"
            assert moord.task("run")["state"] == "busy"
            assert moord.put("run", ["data:/data"]).status == 409
        finally:
            user.kill()
    moord.wait_for("task.released", "run")
    assert moord.nothing_left_of("data")
    assert moord.get("/v1/tasks/run").status == 404


def test_an_open_file_keeps_a_volume_too(moord, data):
    moord.ready("run", ["data:/data"])
    with open(moord.stage("data") / "hello"):
        problem = busy(moord, "run")
        assert str(os.getpid()) in problem["detail"]
        assert "open file" in problem["detail"]
    moord.release("run")


def test_force_unmounts_a_volume_in_use_at_once_and_detaches_it_when_it_is_closed(moord, data):
    moord.ready("run", ["data:/data"])
    with node.sleeper(cwd=moord.stage("data")) as user:
        try:
            busy(moord, "run")
            problem = busy(moord, "run", force=True)
            assert "still open" in problem["detail"]
            assert "data is /dev" not in problem["detail"]
            assert not moord.is_mounted("data")
            assert not moord.stage("data").exists()
        finally:
            user.kill()
    moord.wait_for("task.released", "run")
    assert moord.nothing_left_of("data")
    assert "hello" in node.run("debugfs", "-R", "ls", moord.image("data"))


def in_another_mount_namespace():
    """A process that has, in a mount namespace of its own, a copy of all that is mounted now."""
    user = subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", "echo ready; exec sleep infinity"],
        stdout=subprocess.PIPE,
    )
    assert user.stdout.readline() == b"ready\n"
    return user


def test_a_mount_namespace_that_has_the_volume_keeps_it(moord, data):
    moord.ready("run", ["data:/data"])
    with in_another_mount_namespace() as user:
        try:
            problem = busy(moord, "run")
            assert str(user.pid) in problem["detail"]
            assert "mount namespace" in problem["detail"]
            assert list(node.loop_devices(moord.local).values()) == [str(moord.image("data"))]
        finally:
            user.kill()
    moord.wait_for("task.released", "run")
    assert moord.nothing_left_of("data")


# ---- owners


def test_a_task_is_released_when_its_owner_ends(moord, data):
    with node.sleeper() as owner:
        try:
            task = moord.ready("run", ["data:/data"], owner={"pid": owner.pid})
            assert task["owner"] == {"pid": owner.pid}
        finally:
            owner.kill()
    moord.wait_for("task.released", "run")
    assert moord.nothing_left_of("data")


def test_an_owner_that_ended_while_moord_was_down_releases_the_task(moord, data):
    with node.sleeper() as owner:
        moord.ready("run", ["data:/data"], owner={"pid": owner.pid})
        moord.kill()
        owner.kill()
    moord.start()
    moord.wait_for("task.released", "run")
    assert moord.nothing_left_of("data")


def test_an_owner_that_is_no_process_is_refused(moord, data):
    with node.sleeper() as owner:
        owner.kill()
    answer = moord.put("run", ["data:/data"], owner={"pid": owner.pid})
    assert answer.status == 422
    assert str(owner.pid) in answer.json["detail"]
    assert moord.get("/v1/tasks/run").status == 404
    assert node.loop_devices(moord.local) == {}


# ---- directories of the instance


def test_a_directory_of_the_instance_is_made_for_everybody(moord):
    cache = moord.home / "deep" / "cache"
    task = moord.ready("run", [{"instance_path": str(cache), "path": "/cache", "optional": True}])
    assert task["binds"] == [{"source": str(cache), "target": "/cache", "read_only": False}]
    assert cache.stat().st_mode & 0o7777 == 0o777
    assert cache.parent.stat().st_mode & 0o7777 == 0o755
    (cache / "kept").write_text("kept")
    moord.release("run")
    assert (cache / "kept").read_text() == "kept"


@pytest.mark.parametrize("optional", [False, True])
def test_a_file_where_a_directory_of_the_instance_belongs(moord, optional):
    occupied = moord.home / "file"
    occupied.write_text("mine")
    answer = moord.put("run", [{"instance_path": str(occupied), "path": "/cache", "optional": optional}])
    task = answer.json if optional else answer.json["task"]
    assert (answer.status, task["state"]) == ((200, "degraded") if optional else (424, "failed"))
    assert task["mounts"][0]["state"] == ("left_out" if optional else "failed")
    assert str(occupied) in task["mounts"][0]["detail"]
    assert occupied.read_text() == "mine"
