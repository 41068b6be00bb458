"""moorctl as people and shims meet it: arguments, what is printed where, exit statuses, a real terminal."""

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import time

import node
import pytest
from daemon import BINARY, definition

MOORCTL = BINARY.parent / "moorctl"
READY, FAILED, INVALID, UNREACHABLE, TIMED_OUT, DEGRADED = range(6)
NEW = "type: volume\nname: new\nbackend: local\nregion: here\nsize: 16MB\ninit_fs: true\n"


def environment(moord):
    return {**os.environ, "MOORING_SOCKET": str(moord.socket_path), "TERM": "xterm", "NO_COLOR": "1"}


def moorctl(moord, *arguments, stdin=None):
    return subprocess.run(
        [MOORCTL, *map(str, arguments)],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * node.PATIENCE,
        env=environment(moord),
    )


def says(moord, status, *arguments, **more):
    """It has to end with this exit status; what it printed, and what it complained of."""
    done = moorctl(moord, *arguments, **more)
    assert done.returncode == status, done
    return done.stdout, done.stderr


def without_seconds(task):
    """moorctl rounds them."""
    for mounted in task["mounts"]:
        mounted["stages"] = set(mounted["stages"])
    return task


@contextlib.contextmanager
def running(moord, *arguments, **more):
    """It goes on until it is told to end."""
    with subprocess.Popen([MOORCTL, *map(str, arguments)], env=environment(moord), text=True, **more) as process:
        try:
            yield process
        finally:
            process.kill()


def interrupted(process):
    """Ctrl-C; its exit status."""
    process.send_signal(signal.SIGINT)
    node.wait_for_end(process.pid)
    return process.wait()


@pytest.fixture
def goal(moord):
    file = moord.home / "train.dstack.yml"
    file.write_text(
        "type: task\nname: train\ncommands: [python train.py]\n"
        "volumes:\n  - name:\n      - far-${{ dstack.node_rank }}\n      - data\n    path: /volume_data\n"
    )
    return file


# ---- the main job


def test_a_dstack_file_is_explained_attached_and_released(moord, data, goal):
    variable = ["--var", "dstack.node_rank=3"]
    out, err = says(moord, READY, "explain", "-f", goal, *variable)
    assert err == ""
    assert out.startswith("This instance: local here, i-1\n\n/volume_data\n")
    assert re.search(r"^ +1 +far-3 +not_found +\S", out, re.MULTILINE)
    assert re.search(r"^ +2 +data +chosen +here/data, ", out, re.MULTILINE)

    out, err = says(moord, READY, "attach", "--task", "run", "-f", goal, *variable)
    assert err == ""
    assert re.fullmatch(
        rf"/volume_data +data +mounted at {moord.stage('data')} \(ext4, [\d.]+ MB, \d+ % used\) in [\d.]+ m?s\n", out
    )
    assert (moord.stage("data") / "hello").exists()

    assert says(moord, READY, "release", "--task", "run") == ("run  released\n", "")
    assert moord.nothing_left_of("data")
    assert says(moord, READY, "release", "--task", "run") == ("run  released\n", "")


def test_a_goal_on_the_command_line(moord, data):
    cache = moord.home / "cache"
    out, _ = says(moord, READY, "attach", "--task", "run", "missing,data:/data", f"{cache}:/cache")
    assert [line.split()[0] for line in out.splitlines()] == ["/data", "/cache"]
    out, _ = says(moord, READY, "attach", "--task", "run", "missing,data:/data", f"{cache}:/cache", "-o", "docker")
    assert out.splitlines() == [
        f"--mount type=bind,source={moord.stage('data')},target=/data",
        f"--mount type=bind,source={cache},target=/cache",
    ]


def test_the_forms_of_the_answer(moord, data):
    task = json.loads(says(moord, READY, "attach", "--task", "run", "data:/data", "-o", "json")[0])
    assert without_seconds(task) == without_seconds(moord.task("run"))
    mounts = json.loads(says(moord, READY, "attach", "--task", "run", "data:/data", "-o", "oci")[0])
    assert mounts == [
        {"destination": "/data", "type": "bind", "source": str(moord.stage("data")), "options": ["rbind", "rw"]}
    ]


def test_definitions_from_a_file_and_a_goal_from_standard_input(moord):
    definitions = moord.home / "new.yaml"
    definitions.write_text(NEW)
    goal = json.dumps({"volumes": ["new:/data"]})
    out, _ = says(moord, READY, "attach", "--task", "run", "-f", "-", "--definitions", definitions, stdin=goal)
    assert "ext4" in out
    assert moord.is_mounted("new")


def test_a_task_is_released_when_its_owner_ends(moord, data):
    with subprocess.Popen(["sleep", "infinity"]) as owner:
        try:
            says(moord, READY, "attach", "--task", "run", "data:/data", "--owner-pid", owner.pid)
        finally:
            owner.kill()
    moord.wait_for("task.released", "run")
    assert moord.nothing_left_of("data")


# ---- exit statuses


def test_failed_is_1_and_tells_every_verdict_on_standard_error(moord):
    node.make_image(moord.image("blank"))
    out, err = says(moord, FAILED, "attach", "--task", "run", "missing,blank:/data")
    assert out == ""
    assert re.search(r"1 +missing +not_found", err)
    assert re.search(r"2 +blank +unsafe_filesystem +is blank", err)
    assert err.splitlines()[-1].startswith("moorctl: task 'run' failed: /data could not be had")


@pytest.mark.parametrize("form", ["docker", "oci"])
def test_failed_prints_no_binds(moord, form):
    assert says(moord, FAILED, "attach", "--task", "run", "missing:/data", "-o", form)[0] == ""


def test_json_prints_the_task_whatever_the_exit_status(moord):
    out, _ = says(moord, FAILED, "attach", "--task", "run", "missing:/data", "-o", "json")
    assert json.loads(out)["state"] == "failed"


def test_degraded_is_5_with_strict_and_else_0(moord, data):
    goal = json.dumps({"volumes": ["data:/data", {"name": "missing", "path": "/more", "optional": True}]})
    out, err = says(moord, READY, "attach", "--task", "run", "-f", "-", stdin=goal)
    assert "mounted at" in out
    assert "degraded" in err
    assert "degraded" in says(moord, DEGRADED, "attach", "--task", "run", "--strict", "-f", "-", stdin=goal)[1]
    err = says(moord, READY, "attach", "--task", "run", "-o", "docker", "-f", "-", stdin=goal)[1]
    assert re.search(r"1 +missing +not_found", err)


def test_timed_out_is_4_and_the_goal_stands(moord, held_mkfs):
    definitions = moord.home / "new.yaml"
    definitions.write_text(NEW)
    arguments = ["--task", "run", "new:/data", "--definitions", definitions]
    out, err = says(moord, TIMED_OUT, "attach", *arguments, "--timeout", "200ms")
    assert out == ""
    assert "the goal stands" in err
    held_mkfs.wait_for_start()
    held_mkfs.go_on()
    assert "mounted at" in says(moord, READY, "attach", *arguments)[0]


def test_no_wait_sets_the_goal_only(moord, held_mkfs):
    definitions = moord.home / "new.yaml"
    definitions.write_text(NEW)
    arguments = ["--task", "run", "new:/data", "--definitions", definitions, "--no-wait"]
    says(moord, READY, "attach", *arguments)
    held_mkfs.wait_for_start()
    assert "making a file system" in says(moord, READY, "status", "run")[0]
    assert "--no-wait" in says(moord, INVALID, "attach", *arguments, "-o", "docker")[1]
    held_mkfs.go_on()
    assert moord.task("run")["state"] == "ready"


def test_busy_is_1_and_names_who_uses_it(moord, data):
    says(moord, READY, "attach", "--task", "run", "data:/data")
    with subprocess.Popen(["sleep", "infinity"], cwd=moord.stage("data")) as user:
        try:
            out, err = says(moord, FAILED, "release", "--task", "run")
            assert out == ""
            assert f"sleep (pid {user.pid}, working directory {moord.stage('data')})" in err
            assert moord.is_mounted("data")
            assert "busy" in says(moord, READY, "status")[0]
        finally:
            user.kill()
    says(moord, READY, "release", "--task", "run")


def test_another_goal_under_the_same_task_is_1(moord, data):
    says(moord, READY, "attach", "--task", "run", "data:/data")
    assert "another goal" in says(moord, FAILED, "attach", "--task", "run", "data:/elsewhere")[1]


def test_no_daemon_is_3(new_moord):
    moord = new_moord()
    for command in (["attach", "--task", "run", "data:/data"], ["status"], ["identity"], ["events"]):
        out, err = says(moord, UNREACHABLE, *command)
        assert out == ""
        assert str(moord.socket_path) in err


def test_the_socket_on_the_command_line_counts_more_than_the_environment(moord, new_moord):
    other = new_moord("other", instance="i-2").start()
    assert "i-2" in says(moord, READY, "--socket", other.socket_path, "identity")[0]
    assert "i-2" in says(moord, READY, "identity", "--socket", other.socket_path)[0]


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ([], "say what to do"),
        (["atach"], "did you mean 'attach'"),
        (["attach", "data:/data"], "--task"),
        (["attach", "--task", "run"], "nothing to mount"),
        (["attach", "--task", "run", "--tsk", "x", "data:/data"], "--tsk"),
        (["attach", "--task", "a/b", "data:/data"], "a/b"),
        (["attach", "--task", "run", "data:data"], "not absolute"),
        (["attach", "--task", "run", "data:/data", "-o", "yaml"], "yaml"),
        (["attach", "--task", "run", "data:/data", "--timeout", "soon"], "soon"),
        (["attach", "--task", "run", "-f", "/nowhere.yml"], "/nowhere.yml"),
        (["attach", "--task", "run", "${{ nobody }}:/data"], "nobody"),
        (["attach", "--task", "run", "data:/data", "--var", "x"], "NAME=VALUE"),
        (["check"], "required"),
    ],
)
def test_usage_is_2_and_changes_nothing(moord, arguments, hint):
    out, err = says(moord, INVALID, *arguments)
    assert out == ""
    assert hint in err
    assert moord.get("/v1/tasks").json == {"tasks": []}


# ---- what it shows


def test_check_tells_every_error_with_its_place_and_needs_no_daemon(new_moord):
    moord = new_moord()
    broken, good, volumes = (moord.home / name for name in ("broken.yml", "good.yml", "volumes.yaml"))
    broken.write_text(
        "volumes:\n  - name: [vol-a, vol-b]\n    path: /one\n    pathh: /one\n  - name: vol-a\n    path: two\n"
    )
    good.write_text("volumes: ['vol-a,vol-b:/data']\n")
    volumes.write_text(NEW)
    out, err = says(moord, INVALID, "check", "-f", broken, good, volumes)
    assert err.splitlines() == [
        f"{broken}:4:5: unknown key 'pathh' in a mount; did you mean 'path'?",
        f"{broken}:5:11: 'vol-a' is named twice, here and at 2:12: one volume can be mounted only once in a task",
        f"{broken}:6:11: 'path' 'two' is not absolute: it must begin with '/'",
    ]
    assert out.splitlines() == [f"{good}: ok (1 mount)", f"{volumes}: ok (1 volume definition)"]
    says(moord, READY, "check", "-f", good, volumes)
    says(moord, READY, "check", good)
    volumes.write_text(NEW + "---\ntype: fleet\nname: x\n")
    assert f"{volumes}:8:7: " in says(moord, INVALID, "check", "-f", volumes)[1]


def test_status_shows_tasks_and_one_in_full(moord, data):
    assert "No tasks" in says(moord, READY, "status")[0]
    says(moord, READY, "attach", "--task", "run", "missing,data:/data")
    out, _ = says(moord, READY, "status")
    assert re.search(r"run +ready +/data +data", out)
    out, _ = says(moord, READY, "status", "run")
    assert "not_found" in out
    assert "chosen" in out
    task = json.loads(says(moord, READY, "status", "run", "-o", "json")[0])
    assert without_seconds(task) == without_seconds(moord.task("run"))
    assert "no task 'other'" in says(moord, FAILED, "status", "other")[1]


def test_volumes_and_events_tell_what_is_and_what_was(moord, data):
    says(moord, READY, "attach", "--task", "run", "data:/data")
    assert re.search(rf"data +local +here +here/data .* {moord.stage('data')} +run", says(moord, READY, "volumes")[0])
    says(moord, READY, "release", "--task", "run")
    events = [json.loads(line) for line in says(moord, READY, "events", "-o", "json")[0].splitlines()]
    states = [event["event"] for event in events if event.get("task") == "run"]
    assert states == ["task.preparing", "task.ready", "task.releasing", "task.released"]


def test_events_are_followed(moord, data):
    with running(moord, "events", "--follow", "-o", "json", stdout=subprocess.PIPE) as following:
        moord.ready("run", ["data:/data"])
        for line in following.stdout:
            if json.loads(line)["event"] == "task.ready":
                break
        assert interrupted(following) in (-signal.SIGINT, 128 + signal.SIGINT)


def test_status_is_watched(moord, data):
    with running(moord, "status", "--watch", "-o", "json", stdout=subprocess.PIPE) as watching:
        assert json.loads(watching.stdout.readline()) == {"tasks": []}
        moord.ready("run", ["data:/data"])
        for line in watching.stdout:
            tasks = json.loads(line)["tasks"]
            if tasks and tasks[0]["state"] == "ready":
                break
        moord.stop()
        node.wait_for_end(watching.pid)
        assert watching.wait() == UNREACHABLE
    moord.start()


@pytest.mark.parametrize(
    "command", [[], ["attach"], ["release"], ["status"], ["explain"], ["identity"], ["volumes"], ["events"], ["check"]]
)
def test_every_command_has_help_with_its_exit_statuses(new_moord, command):
    out, err = says(new_moord(), READY, *command, "--help")
    assert err == ""
    assert "Exit status" in out


# ---- on a terminal


class Screen:
    """The other end of a terminal of 100 columns."""

    def __init__(self):
        self._far, self.near = pty.openpty()
        node.fcntl.ioctl(self.near, 0x5414, node.struct.pack("HHHH", 24, 100, 0, 0))  # TIOCSWINSZ, ioctl_tty(2)
        self.text = ""

    def read_until(self, pattern):
        end = time.monotonic() + node.PATIENCE
        while not re.search(pattern, self.text):
            assert time.monotonic() < end, f"no {pattern!r} in {self.text[-1000:]!r}"
            if node.ready_to_read(self._far, 1):
                self.text += os.read(self._far, 4096).decode()

    def close(self):
        os.close(self._far)
        os.close(self.near)


@pytest.fixture
def screen():
    made = Screen()
    yield made
    made.close()


def test_on_a_terminal_the_stage_and_the_seconds_are_shown_in_one_line(moord, held_mkfs, screen):
    definitions = moord.home / "new.yaml"
    definitions.write_text(NEW)
    arguments = ["attach", "--task", "run", "new:/data", "--definitions", definitions]
    with running(moord, *arguments, stdin=screen.near, stdout=screen.near, stderr=screen.near) as attaching:
        held_mkfs.wait_for_start()
        screen.read_until(r"/data +new +making a file system +\d+\.\d s")
        screen.read_until(r"\x1b\[1A\r/data")  # one line up, and over it
        held_mkfs.go_on()
        node.wait_for_end(attaching.pid)
        assert attaching.wait() == READY
    screen.read_until(r"/data +new +mounted at \S+ \(ext4, ")


def test_ctrl_c_ends_the_waiting_and_the_goal_stands(moord, held_mkfs, screen):
    definitions = moord.home / "new.yaml"
    definitions.write_text(NEW)
    arguments = ["attach", "--task", "run", "new:/data", "--definitions", definitions]
    with running(moord, *arguments, stdin=screen.near, stdout=screen.near, stderr=screen.near) as attaching:
        held_mkfs.wait_for_start()
        assert interrupted(attaching) == 128 + signal.SIGINT
        screen.read_until("interrupted; the goal of task 'run' stands")
    assert moord.get("/v1/tasks/run").json["state"] == "preparing"
    held_mkfs.go_on()
    assert moord.task("run")["state"] == "ready"


def test_what_cannot_be_printed_is_a_failure(moord, data):
    """Whoever reads the binds from it must not take half of them for all."""
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [MOORCTL, "attach", "--task", "run", "data:/data", "-o", "docker"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=node.PATIENCE,
            env=environment(moord),
        )
    assert done.returncode == FAILED
    assert "standard output" in done.stderr


def test_a_definition_of_the_request_is_sent_along(moord, data):
    """`definitions` of the goal file, for a region that is not this one."""
    goal = json.dumps({"volumes": ["data:/data"], "definitions": [definition("data", region="there")]})
    assert "wrong_region" in says(moord, FAILED, "explain", "-f", "-", stdin=goal)[0]
