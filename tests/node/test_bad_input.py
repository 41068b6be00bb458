"""What is wrong is refused with a sentence that says so, and changes nothing on the machine."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor

import node
import pytest
from daemon import definition, mount


@pytest.fixture
def unchanged(moord, scratch):
    """Whatever the test does to moord, nothing may change but its log and its ledger."""
    node.make_image(moord.image("vol"), "ext4")
    moord.mount_root.mkdir()

    def look():
        return node.snapshot(scratch)["loop devices"], node.snapshot(moord.mount_root), node.snapshot(moord.local)

    before = look()
    yield moord
    assert look() == before
    assert moord.get("/v1/tasks").json == {"tasks": []}
    assert moord.get("/livez").text == "ok\n"


GOOD = mount("vol", "/data")


def volumes(*mounts):
    return json.dumps({"volumes": list(mounts)})


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("{", "1:2"),
        ("", "nothing"),
        ("[]", "mapping"),
        ("\xff\xfe", "UTF-8"),
        ('{"volumes": ["vol:/data"]} {}', ""),
        ("[" * 10000, "deep"),
        (json.dumps({"volums": [GOOD]}), "did you mean 'volumes'"),
        (volumes({"name": "vol", "pathh": "/data"}), "did you mean 'path'"),
        (volumes({**GOOD, "frobnicate": 1}), "unknown key 'frobnicate'"),
        (volumes(mount("vol", "/data/../etc")), "'..'"),
        (volumes(mount("vol", "data")), "not absolute"),
        (volumes(mount("vol", "/")), "'/'"),
        (volumes(GOOD, mount("vol", "/other")), "named twice"),
        (volumes(mount(["vol", "vol"], "/other")), "named twice"),
        (volumes(GOOD, mount("other", "//data/")), "path of two mounts"),
        (volumes(mount([], "/data")), "empty list"),
        (volumes(), "empty"),
        (volumes(mount("vol-${{ dstack.node_rank }}", "/data")), "dstack.node_rank"),
        (volumes(mount("vol-${{ nobody }}", "/data")), "unknown variable 'nobody'"),
        (volumes(mount("vol-${{ open", "/data")), "'}}'"),
        (volumes({**GOOD, "options": ["noatime,suid"]}), "comma"),
        (volumes({**GOOD, "options": ["noatime\nsuid"]}), "control character"),
        (volumes({**GOOD, "options": "noatime"}), "list"),
        (volumes({**GOOD, "fs": "ntfs"}), "ext4"),
        (volumes({**GOOD, "prefer": "best"}), "cheapest"),
        (volumes({**GOOD, "timeout": "soon"}), "duration"),
        (volumes({**GOOD, "timeout": "0s"}), "more than 0"),
        (volumes({**GOOD, "read_only": "yes"}), "true or false"),
        (volumes({**GOOD, "instance_path": "/cache"}), "'instance_path' and 'name'"),
        (volumes(mount("../vol", "/data")), "'../vol'"),
        (volumes(mount("a/b", "/data")), "'/'"),
        (volumes(mount("a\nb", "/data")), "\\n"),
        (volumes(mount("v" * 300, "/data")), "too long"),
        (volumes(mount("", "/data")), "empty"),
        (volumes("vol"), "one ':'"),
        (volumes(mount("vol", "/" + "x" * 300)), "300"),
        (json.dumps({"volumes": [GOOD], "owner": {"pid": 0}}), "'pid'"),
        (json.dumps({"volumes": [GOOD], "owner": {"pid": 1}}), "more than 1"),
        (json.dumps({"volumes": [GOOD], "definitions": [{"name": "vol"}]}), "'backend'"),
        (json.dumps({"volumes": [GOOD], "definitions": [definition("vol"), definition("vol")]}), "defined twice"),
        (json.dumps({"volumes": [GOOD], "definitions": [definition("vol", size="big")]}), "size"),
        (json.dumps({"volumes": [GOOD], "definitions": [definition("vol", init_fs="sure")]}), "true or false"),
        (json.dumps({"volumes": [GOOD], "definitions": [definition("vol", price=-1)]}), "'price'"),
    ],
    ids=lambda value: "".join(c if c.isalnum() else "." for c in value[:40]),
)
def test_a_goal_that_is_wrong_is_refused_and_says_why(unchanged, body, says):
    body = body.encode("latin-1" if "\xff" in body else "utf-8")
    for method, path in (("PUT", "/v1/tasks/run?wait=60s"), ("POST", "/v1/explain")):
        answer = unchanged.request(method, path, body)
        assert answer.status == 422, answer
        assert answer.headers["Content-Type"] == "application/problem+json"
        problem = answer.json
        assert problem["type"] == "urn:mooring:problem:invalid-goal"
        assert problem["status"] == 422
        assert says in " ".join(error["detail"] for error in problem["errors"]) + problem["detail"], problem
        assert all(error["line"] >= 0 and error["column"] >= 0 for error in problem["errors"])
        assert "\n" not in problem["detail"]


def test_all_errors_are_told_at_once(unchanged):
    answer = unchanged.request(
        "PUT",
        "/v1/tasks/run",
        "volumes:\n  - name: vol\n    path: data\n  - name: vol\n    pth: /x\n",
        content_type="application/yaml",
    )
    assert answer.status == 422
    assert [(e["line"], e["column"]) for e in answer.json["errors"]] == [(3, 11), (4, 11), (5, 5)]


@pytest.mark.parametrize("text", ["volumes: [", "volumes: *nothing", "a: b: c", "\tx", "&a [*a, *a]", "--- {}\n--- {}"])
def test_what_is_not_yaml_is_refused(unchanged, text):
    answer = unchanged.request("PUT", "/v1/tasks/run", text, content_type="application/yaml")
    assert answer.status == 422 and answer.json["errors"], answer


@pytest.mark.parametrize("name", ["a/b", "..", "-x", "a\nb", "x" * 300, "ä", " "])
def test_a_task_name_that_is_not_valid_is_refused(unchanged, name):
    answer = unchanged.put(name, [GOOD])
    assert answer.status in (404, 422) if name == ".." else answer.status == 422, answer
    assert answer.status == 404 or "task" in answer.json["detail"]
    assert len(answer.json["detail"]) < 400
    assert "\n" not in answer.json["detail"]


@pytest.mark.parametrize("wait", ["soon", "-1s", "1", "99999999999999999999s"])
def test_a_wait_that_cannot_be_read_is_refused(unchanged, wait):
    answer = unchanged.request("PUT", f"/v1/tasks/run?wait={wait}", {"volumes": [GOOD]})
    assert answer.status == 400
    assert wait in answer.json["detail"]


def test_a_body_that_is_too_large_is_refused(unchanged):
    body = volumes({**GOOD, "name": "v" * (1024 * 1024)})
    answer = unchanged.request("PUT", "/v1/tasks/run", body)
    assert answer.status == 413
    assert "1048576" in answer.json["detail"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_of_another_type_is_refused(unchanged, content_type):
    answer = unchanged.request("PUT", "/v1/tasks/run", volumes(GOOD), content_type=content_type)
    assert answer.status == 415
    assert "application/json" in answer.json["detail"]


def test_headers_that_are_too_large_are_refused(unchanged):
    answer = unchanged.request("GET", "/livez", headers={"X-Long": "x" * 20000})
    assert answer.status == 431
    assert "16384" in answer.json["detail"]


def talk(moord, data):
    """Sends bytes as they are, and reads until the other side closes."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(node.PATIENCE)
        connection.connect(str(moord.socket_path))
        connection.sendall(data)
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


@pytest.mark.parametrize(
    "data", [b"\0\1\2\3\r\n\r\n", b"GET\r\n\r\n", b"GET livez HTTP/1.1\r\n\r\n", b"\r\n" * 100 + b"x y\r\n\r\n"]
)
def test_what_is_not_http_is_refused(unchanged, data):
    assert talk(unchanged, data).startswith(b"HTTP/1.1 400 "), data


@pytest.mark.slow
def test_a_request_that_does_not_come_to_its_end_is_given_up(unchanged):
    """Ten seconds, for all of them at once."""
    begun = [b"GET /livez HT", b"PUT /v1/tasks/run HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"]
    with ThreadPoolExecutor(len(begun)) as pool:
        answers = list(pool.map(lambda data: talk(unchanged, data), begun))
    assert answers == [b""] * len(begun)  # closed, without an answer to half a question


def test_a_client_that_goes_away_in_the_middle_harms_nobody(unchanged):
    for data in (b"", b"PUT /v1/ta", b"PUT /v1/tasks/run HTTP/1.1\r\nContent-Length: 100\r\n\r\n{"):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(unchanged.socket_path))
            connection.sendall(data)


# ---- traps in the file system


def test_a_symbolic_link_where_a_mount_point_belongs_is_not_followed(moord):
    node.make_image(moord.image("vol"), "ext4")
    target = moord.home / "elsewhere"
    target.mkdir()
    moord.mount_root.mkdir()
    moord.stage("vol").symlink_to(target)
    before = node.snapshot(target)
    candidate = moord.failed("run", [GOOD])["mounts"][0]["candidates"][0]
    assert candidate["verdict"] == "mount_failed"
    assert "symbolic link" in candidate["detail"]
    assert node.snapshot(target) == before
    assert moord.stage("vol").is_symlink()
    assert target.stat().st_mode & 0o7777 == 0o755
    assert not node.is_immutable(target)
    assert node.loop_devices(moord.local) == {}
    moord.stage("vol").unlink()
    moord.ready("run", [GOOD])


def test_a_mount_of_somebody_else_at_the_place_of_a_volume_is_left_alone(moord):
    node.make_image(moord.image("vol"), "ext4")
    moord.stage("vol").mkdir(parents=True)
    node.mount("theirs", moord.stage("vol"), "tmpfs")
    try:
        (moord.stage("vol") / "theirs").write_text("theirs")
        candidate = moord.failed("run", [GOOD])["mounts"][0]["candidates"][0]
        assert candidate["verdict"] == "mount_failed"
        assert str(moord.stage("vol")) in candidate["detail"]
        assert (moord.stage("vol") / "theirs").read_text() == "theirs"
        assert node.loop_devices(moord.local) == {}
    finally:
        node.unmount(moord.stage("vol"))
        moord.stage("vol").rmdir()


def test_files_at_the_place_of_a_volume_are_not_hidden(moord):
    node.make_image(moord.image("vol"), "ext4")
    moord.stage("vol").mkdir(parents=True)
    precious = moord.stage("vol") / "precious"
    precious.write_text("precious")
    candidate = moord.failed("run", [GOOD])["mounts"][0]["candidates"][0]
    assert candidate["verdict"] == "mount_failed"
    assert "not empty" in candidate["detail"]
    assert precious.read_text() == "precious"
    precious.unlink()
    moord.stage("vol").rmdir()


def test_an_image_that_is_no_file_is_refused(moord):
    for name, make in (
        ("link", lambda path: path.symlink_to("/etc/passwd")),
        ("fifo", node.os.mkfifo),
        ("folder", node.os.mkdir),
        ("empty", lambda path: path.touch()),
    ):
        moord.image(name).parent.mkdir(parents=True, exist_ok=True)
        make(moord.image(name))
        candidate = moord.failed(name, [f"{name}:/data"])["mounts"][0]["candidates"][0]
        assert candidate["verdict"] in ("attach_failed", "unsafe_filesystem") and candidate["detail"], (name, candidate)
    assert node.loop_devices(moord.local) == {}
