"""moorctl wait: what is ordered after the mounts of the instance waits for them with it."""

import socket
import subprocess

import node
import pytest
from daemon import mount
from test_moorctl import DEGRADED, FAILED, INVALID, NEW, READY, TIMED_OUT, UNREACHABLE, moorctl, running, says


@pytest.fixture
def host(new_moord):
    moord = new_moord()
    moord.config["volumes"] = [mount("data", str(moord.home / "host" / "data"))]
    return moord


def test_it_returns_when_the_mounts_of_the_host_are_there(host):
    node.make_image(host.image("data"), "ext4")
    host.start()
    out, err = says(host, READY, "wait", "--task", "host")
    assert "data" in out and "mounted at" in out and err == ""


def test_where_the_host_has_none_there_is_nothing_to_wait_for(moord):
    assert "nothing to wait for" in says(moord, READY, "wait", "--task", "host")[0]


def test_a_failed_host_is_waited_for_until_it_can_be_had(host):
    host.start()
    assert host.task("host")["state"] == "failed"
    with running(host, "wait", "--task", "host", stdout=subprocess.PIPE) as waiting:
        node.make_image(host.image("data"), "ext4")  # moord tries again
        assert waiting.wait(node.PATIENCE) == READY
        assert "mounted at" in waiting.stdout.read()


def test_a_host_that_cannot_be_had_in_time_is_4_and_says_why(host):
    host.start()
    err = says(host, TIMED_OUT, "wait", "--task", "host", "--timeout", "100ms")[1]
    assert "not_found" in err and "task 'host' is not ready after 0.1 s (failed)" in err and "moord goes on with it" in err, err


def test_another_task_is_waited_for_as_long_as_it_is_on_its_way(moord, held_mkfs):
    definitions = moord.home / "new.yaml"
    definitions.write_text(NEW)
    says(moord, READY, "attach", "--task", "run", "new:/data", "--definitions", definitions, "--no-wait")
    held_mkfs.wait_for_start()
    assert "preparing" in says(moord, TIMED_OUT, "wait", "--task", "run", "--timeout", "100ms")[1]
    with running(moord, "wait", "--task", "run", stdout=subprocess.PIPE) as waiting:
        held_mkfs.go_on()
        assert waiting.wait(node.PATIENCE) == READY


def test_a_task_that_failed_and_one_that_is_not_there_are_1(moord):
    moord.failed("run", ["missing:/data"])
    assert "task 'run' is failed" in says(moord, FAILED, "wait", "--task", "run")[1]
    assert "there is no task 'other'" in says(moord, FAILED, "wait", "--task", "other")[1]
    says(moord, INVALID, "wait", "--task", "../other")
    says(moord, INVALID, "wait")


def test_what_was_left_out_is_5_with_strict(moord, data):
    assert moord.put("run", [f"{data}:/data", mount("missing", "/more", optional=True)]).json["state"] == "degraded"
    says(moord, READY, "wait", "--task", "run")
    assert "an optional mount was left out" in says(moord, DEGRADED, "wait", "--task", "run", "--strict")[1]


def test_a_moord_that_systemd_has_not_started_yet_is_waited_for_no_longer_than_asked(moord):
    moord.stop()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(moord.socket_path))
        listening.listen()
        assert "has not answered in time" in says(moord, TIMED_OUT, "wait", "--task", "host", "--timeout", "200ms")[1]
    moord.socket_path.unlink()
    moord.start()


def test_without_moord_it_is_3(moord):
    moord.stop()
    assert moorctl(moord, "wait", "--task", "host").returncode == UNREACHABLE
    moord.start()
