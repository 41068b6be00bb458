"""The HTTP API itself: routes, headers, events, the socket, and the end."""

import json
import os
import stat
import threading

import node
import pytest
from daemon import _UnixConnection, definition, mount, verdicts

NEW = definition("new", size="16MB", init_fs=True)


def test_the_socket_is_for_root_and_its_group_only(moord):
    status = os.lstat(moord.socket_path)
    assert stat.S_ISSOCK(status.st_mode)
    assert status.st_mode & 0o7777 == 0o660
    assert status.st_uid == 0


def test_who_asks_for_a_change_is_logged(moord, data):
    moord.ready("run", ["data:/data"])
    moord.release("run")
    lines = [line for line in moord.log().splitlines() if f"by uid=0 pid={os.getpid()}" in line]
    assert len(lines) == 2
    assert all("task=run" in line for line in lines)


def test_it_is_alive_and_ready(moord):
    assert (moord.get("/livez").status, moord.get("/livez").text) == (200, "ok\n")
    assert (moord.get("/readyz").status, moord.get("/readyz").text) == (200, "ok\n")
    checks = moord.get("/readyz?verbose").text.splitlines()
    assert checks == ["[+]identity ok", "[+]ledger ok", "[+]definitions ok", "[+]host mounts ok", "ready"]


def test_it_says_where_it_is(new_moord):
    moord = new_moord(region="Nowhere-1", instance="i-42", identity={"zone": "nowhere-1a"}).start()
    here = moord.get("/v1/identity").json
    assert here.pop("took") == 0  # nobody was asked
    assert here == {
        "provider": "local",
        "region": "Nowhere-1",
        "zone": "nowhere-1a",
        "instance_id": "i-42",
        "source": "configuration",
    }


def test_volumes_shows_what_is_defined_and_what_is_used(moord, data):
    moord.definitions.mkdir()
    (moord.definitions / "spare.yaml").write_text("type: volume\nname: spare\nbackend: local\nsize: 10GB\nprice: 0.1\n")
    moord.ready("run", ["data:/data"])
    spare, used = moord.volume("spare"), moord.volume("data")
    assert (spare["size"], spare["price"]) == (10_000_000_000, 0.1)
    assert spare["source"] == f"{moord.definitions}/spare.yaml:1"
    assert used["users"] == [{"task": "run", "path": "/data"}]
    assert used["attached_by_us"]
    assert used["mounted_at"] == str(moord.stage("data"))
    assert used["stage"] == "mounted"
    assert node.loop_devices(moord.local)[used["device"]] == str(moord.image("data"))


def test_a_task_says_where_each_volume_came_from(moord, data):
    [mounted] = moord.ready("run", ["data:/data"])["mounts"]
    assert (mounted["backend"], mounted["region"], mounted["volume_id"]) == ("local", "here", "here/data")
    assert mounted["size"] == node.SMALLEST["ext4"]
    assert mounted["source"] == str(moord.stage("data"))
    assert mounted["device"] in node.loop_devices(moord.local)
    assert 0 < mounted["used"] < mounted["capacity"] <= mounted["size"]
    assert set(mounted["stages"]) >= {"attach", "mount"}
    assert all(took >= 0 for took in mounted["stages"].values())


def test_tasks_are_listed(moord, data):
    assert moord.get("/v1/tasks").json == {"tasks": []}
    one = moord.ready("one", ["data:/data"])
    moord.failed("two", ["missing:/data"])
    tasks = moord.get("/v1/tasks").json["tasks"]
    assert [task["task"] for task in tasks] == ["one", "two"]
    assert tasks[0] == one


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/", "/v1/nothing", "/v1/tasks/run/more", "/livez/", "//livez", "/v1/tasks/"]
)
def test_a_path_with_nothing_at_it_is_not_found(moord, path):
    answer = moord.get(path)
    assert answer.status in (404, 422) if path == "/v1/tasks/" else answer.status == 404, answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["detail"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/v1/tasks", "GET"),
        ("DELETE", "/v1/volumes", "GET"),
        ("PUT", "/livez", "GET"),
        ("GET", "/v1/explain", "POST"),
        ("POST", "/v1/tasks/run", "GET, PUT, DELETE"),
        ("PATCH", "/v1/tasks/run", "GET, PUT, DELETE"),
        ("POST", "/v1/events", "GET"),
        ("POST", "/v1/identity", "GET"),
        ("PUT", "/readyz", "GET"),
    ],
)
def test_another_method_is_not_allowed_and_says_which_are(moord, method, path, allowed):
    answer = moord.request(method, path, {})
    assert answer.status == 405
    assert answer.headers["Allow"] == allowed


@pytest.mark.parametrize("path", ["/livez", "/v1/identity", "/v1/events", "/nothing"])
def test_the_head_of_an_answer_can_be_had_alone(moord, path):
    connection = _UnixConnection(moord.socket_path, node.PATIENCE)
    connection.request("GET", path + ("?follow=false" if path == "/v1/events" else ""))
    whole = connection.getresponse()
    whole.read()
    connection.request("HEAD", path)
    head = connection.getresponse()
    assert (head.status, head.headers["Content-Type"]) == (whole.status, whole.headers["Content-Type"])
    assert head.read() == b""
    connection.request("GET", "/livez")
    assert connection.getresponse().read() == b"ok\n"
    connection.close()


@pytest.mark.parametrize(
    ("method", "path", "says"),
    [
        ("DELETE", "/v1/tasks/run?forse=true", "did you mean 'force'"),
        ("DELETE", "/v1/tasks/run?force=maybe", "neither true nor false"),
        ("GET", "/v1/tasks/run?wiat=1s", "did you mean 'wait'"),
        ("GET", "/v1/tasks/run?force", "unknown parameter 'force'"),
        ("GET", "/livez?x", "unknown parameter 'x'"),
        ("GET", "/readyz?verbose=perhaps", "neither"),
    ],
)
def test_a_parameter_that_is_not_known_is_refused(moord, data, method, path, says):
    moord.ready("run", ["data:/data"])
    answer = moord.request(method, path)
    assert answer.status == 400
    assert says in answer.json["detail"]
    assert moord.task("run")["state"] == "ready"


def test_answers_are_not_cached_and_name_the_server(moord):
    answer = moord.get("/v1/tasks")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Server"].startswith("moord/")


def test_a_connection_serves_many_requests(moord):
    connection = _UnixConnection(moord.socket_path, node.PATIENCE)
    connection.connect()
    first = connection.sock
    for path in ("/livez", "/v1/tasks", "/nothing", "/livez"):
        connection.request("GET", path)
        connection.getresponse().read()
        assert connection.sock is first
    connection.close()


def test_a_task_name_may_be_percent_encoded(moord, data):
    answer = moord.request("PUT", "/v1/tasks/r%75n?wait=60s", {"volumes": ["data:/data"]})
    assert answer.json["task"] == "run"
    moord.release("run")


def test_a_goal_may_be_yaml_with_a_charset(moord, data):
    answer = moord.request(
        "PUT",
        "/v1/tasks/run?wait=60s",
        "volumes:\n- name: [missing, data]\n  path: /data\n",
        content_type="application/yaml; charset=utf-8",
    )
    assert answer.status == 200
    assert verdicts(answer.json)["data"] == "chosen"


def test_variables_are_filled_in(moord):
    node.make_image(moord.image("data-3"), "ext4")
    task = moord.ready("run", ["data-${{ dstack.node_rank }}:/data"], variables={"dstack.node_rank": 3})
    assert task["mounts"][0]["volume"] == "data-3"


def test_wait_comes_back_when_its_time_is_over(moord, held_mkfs):
    answer = moord.put("run", ["new:/data"], wait="100ms", definitions=[NEW])
    assert (answer.status, answer.json["state"]) == (202, "preparing")
    held_mkfs.wait_for_start()
    assert moord.task("run", wait="100ms")["state"] == "preparing"
    held_mkfs.go_on()
    assert moord.task("run")["state"] == "ready"


# ---- events


def test_events_tell_the_life_of_a_task_and_can_be_resumed(moord, data):
    moord.ready("run", ["data:/data"])
    moord.release("run")
    seen = list(moord.events(follow=False))
    numbers = [number for number, _, _ in seen]
    assert numbers == sorted(set(numbers))
    states = [(name, event["state"]) for _, name, event in seen if event.get("task") == "run"]
    assert [name for name, _ in states][-3:] == ["task.ready", "task.releasing", "task.released"]
    assert all(name == f"task.{state}" for name, state in states)
    assert all(event["time"] > 0 for _, _, event in seen)
    for place, number in enumerate(numbers):
        assert list(moord.events(after=number, follow=False)) == seen[place + 1 :]


def test_events_are_followed_as_they_happen(moord, data):
    stream = moord.events(after=moord.last_event())
    following = threading.Thread(target=lambda: seen.extend(take_until_released(stream)))
    seen = []
    following.start()
    moord.ready("run", ["data:/data"])
    moord.release("run")
    following.join(node.PATIENCE)
    assert not following.is_alive()
    assert seen[-1] == "task.released"
    assert "task.ready" in seen


def take_until_released(stream):
    for _, name, _ in stream:
        yield name
        if name == "task.released":
            return


def test_numbers_of_events_go_on_growing_after_a_restart(moord, data):
    moord.ready("run", ["data:/data"])
    last = moord.last_event()
    moord.kill()
    moord.start()
    assert moord.wait_for("task.ready", "run", after=last) > last


def test_a_last_event_id_that_is_no_number_is_refused(moord):
    answer = moord.request("GET", "/v1/events", headers={"Last-Event-ID": "yesterday"})
    assert answer.status == 400
    assert "Last-Event-ID" in answer.json["title"]


# ---- the end


@pytest.mark.parametrize("odd", ["7x", "7 8", "-1", "+7", "0x7"])
def test_a_last_event_id_with_something_behind_the_number_is_refused(moord, odd):
    assert moord.request("GET", "/v1/events?follow=false", headers={"Last-Event-ID": odd}).status == 400


def test_a_last_event_id_beyond_all_numbers_is_of_another_clock(moord, data):
    moord.put("run", [mount(data, "/data")])
    answer = moord.request("GET", "/v1/events?follow=false", headers={"Last-Event-ID": "9" * 40})
    assert answer.status == 200
    assert "event: " in answer.text


def test_sigterm_answers_those_who_wait_and_ends_the_event_streams(moord, held_mkfs):
    moord.put("run", ["new:/data"], wait=None, definitions=[NEW])
    held_mkfs.wait_for_start()
    waiting = _UnixConnection(moord.socket_path, node.PATIENCE)
    waiting.request("GET", "/v1/tasks/run?wait=10m")
    idle = _UnixConnection(moord.socket_path, node.PATIENCE)
    idle.connect()
    following = _UnixConnection(moord.socket_path, node.PATIENCE)
    following.request("GET", "/v1/events")
    stream = following.getresponse()
    assert moord.get("/livez").status == 200  # the requests before were accepted by now

    moord.terminate()
    response = waiting.getresponse()
    assert response.status == 200
    assert json.loads(response.read())["state"] == "preparing"
    stream.read()  # comes to its end
    assert idle.sock.recv(1) == b""
    for connection in (waiting, idle, following):
        connection.close()
    held_mkfs.go_on()  # what was begun is finished
    node.wait_for_end(moord.process.pid)
    assert moord.process.wait() == 0
    assert not moord.socket_path.exists()
    moord.start()
    assert moord.task("run")["state"] == "ready"


def test_after_sigterm_nothing_new_is_taken(moord):
    moord.stop()
    with pytest.raises((FileNotFoundError, ConnectionRefusedError)):
        moord.get("/livez")


def test_a_hundred_clients_at_once_are_all_answered(moord):
    connections = [_UnixConnection(moord.socket_path, node.PATIENCE) for _ in range(100)]
    for connection in connections:
        connection.request("GET", "/livez")
    assert [connection.getresponse().read() for connection in connections] == [b"ok\n"] * 100
    for connection in connections:
        connection.close()


def test_clients_beyond_the_limit_are_served_when_others_have_gone(moord):
    idle = [_UnixConnection(moord.socket_path, node.PATIENCE) for _ in range(128)]
    for connection in idle:
        connection.request("GET", "/livez")
        connection.getresponse().read()
    one_more = _UnixConnection(moord.socket_path, node.PATIENCE)
    one_more.request("GET", "/livez")
    for connection in idle:
        connection.close()
    assert one_more.getresponse().read() == b"ok\n"
    one_more.close()


def test_explain_says_that_a_volume_is_attached_here_already(moord, data):
    moord.ready("run", ["data:/data"])
    [candidate] = moord.explain([mount("data", "/data")])["mounts"][0]["candidates"]
    assert candidate["verdict"] == "chosen"
    assert "attached here" in candidate["detail"]
