"""What keeps moord from starting, and how it says so; `moord --check`."""

import json
import sqlite3
import subprocess

import node
import pytest
from daemon import BINARY, definition, mount


@pytest.fixture
def down(new_moord):
    """A moord with a configuration, not started."""
    moord = new_moord()
    moord.write_config()
    return moord


def refuses(moord, status, *arguments):
    """It has to end by itself; what it says to stderr."""
    done = subprocess.run(
        [BINARY, "--config", moord.config_path, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=node.PATIENCE,
    )
    assert done.returncode == status, done
    assert done.stdout == ""
    return done.stderr


def test_a_second_moord_on_a_state_directory_refuses_and_the_first_goes_on(new_moord, moord):
    node.make_image(moord.image("data"), "ext4")
    task = moord.ready("run", ["data:/data"])
    second = new_moord("second", state_dir=str(moord.state_dir))
    second.write_config()
    complaint = refuses(second, 1)
    assert "another moord is running" in complaint
    assert str(moord.state_dir) in complaint
    assert moord.task("run") == task
    assert moord.is_mounted("data")
    assert not second.socket_path.exists()


def test_a_second_moord_with_the_same_configuration_does_not_take_the_socket(moord):
    assert "another moord is running" in refuses(moord, 1)
    assert moord.get("/livez").status == 200


def test_a_configuration_that_is_not_there_is_an_error(down):
    down.config_path.unlink()
    assert str(down.config_path) in refuses(down, 2)


def test_a_configuration_that_cannot_be_read_is_an_error(down):
    down.config_path.unlink()
    down.config_path.mkdir()
    complaint = refuses(down, 2)
    assert str(down.config_path) in complaint
    assert "cannot be read" in complaint


WRONG = """\
identity:
  provider: local
  regoin: here
mount_root: mnt
timeouts: {attach: soon}
volumes:
  - name: [vol, vol]
    path: /data
"""


@pytest.mark.parametrize("arguments", [[], ["--check"]])
def test_all_errors_of_a_configuration_are_told_with_their_places(down, arguments):
    down.config_path.write_text(WRONG)
    lines = refuses(down, 2, *arguments).splitlines()
    places = [line.removeprefix(f"{down.config_path}:").split(": ")[0] for line in lines]
    assert places == ["3:3", "4:13", "5:20", "7:17"], lines
    assert "did you mean 'region'?" in lines[0]
    assert "not absolute" in lines[1]
    assert "duration" in lines[2]
    assert "'vol' is named twice" in lines[3]
    assert not down.state_dir.exists()
    assert not down.socket_path.exists()


@pytest.mark.parametrize("root", ["/", "/usr/lib/mooring", "/etc", "/mnt", "/var"])
def test_a_mount_root_that_belongs_to_the_system_is_refused(down, root):
    down.config_path.write_text(json.dumps({**down.config, "mount_root": root}))
    assert "mount_root" in refuses(down, 2)


def test_a_provider_that_is_not_in_this_build_is_refused(down):
    down.config_path.write_text(json.dumps({**down.config, "identity": {"provider": "nimbus"}}))
    complaint = refuses(down, 2)
    assert "'nimbus'" in complaint
    assert "local" in complaint


def test_check_says_that_all_is_well_and_does_nothing(down):
    down.definitions.mkdir()
    (down.definitions / "a.yaml").write_text("type: volume\nname: a\nbackend: local\n")
    done = subprocess.run(
        [BINARY, "--config", down.config_path, "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "valid" in done.stdout
    assert "1 volume definition" in done.stdout
    assert not down.state_dir.exists()


def test_check_tells_what_is_wrong_in_definitions(down):
    down.definitions.mkdir()
    file = down.definitions / "a.yaml"
    file.write_text("type: volume\nname: a\nbackend: local\nprise: 1\n")
    assert refuses(down, 2, "--check").startswith(f"{file}:4:1: unknown key 'prise'")


def test_check_refuses_a_system_directory_as_a_host_path(down):
    down.config["volumes"] = [mount("data", "/data"), mount("more", "/etc")]
    down.write_config()
    assert refuses(down, 2, "--check") == "volumes: /etc is a system directory; choose one of your own, such as /data\n"


def test_an_option_that_does_not_exist_is_a_usage_error(down):
    assert "--frobnicate" in refuses(down, 2, "--frobnicate")


def test_a_ledger_of_a_later_version_is_refused_and_left_as_it_is(down):
    down.start()
    down.stop()
    ledger = down.state_dir / "ledger.db"
    with sqlite3.connect(ledger) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    complaint = refuses(down, 1)
    assert "later version" in complaint
    assert "99" in complaint
    assert str(ledger) in complaint
    with sqlite3.connect(ledger) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (99,)
    database.close()


def test_a_ledger_that_is_damaged_is_refused_and_left_as_it_is(down):
    down.state_dir.mkdir()
    ledger = down.state_dir / "ledger.db"
    ledger.write_bytes(b"this is no database" * 1000)
    before = node.digest(ledger)
    assert str(ledger) in refuses(down, 1)
    assert node.digest(ledger) == before


def test_a_database_of_something_else_is_refused_and_left_as_it_is(down):
    down.state_dir.mkdir()
    ledger = down.state_dir / "ledger.db"
    with sqlite3.connect(ledger) as database:
        database.execute("CREATE TABLE precious (text)")
        database.execute("INSERT INTO precious VALUES ('mine')")
    database.close()
    before = node.digest(ledger)
    complaint = refuses(down, 1)
    assert str(ledger) in complaint and "it is a database of something else" in complaint
    assert node.digest(ledger) == before


def test_something_else_at_the_path_of_the_socket_is_left_alone(down):
    down.socket_path.write_text("precious")
    complaint = refuses(down, 1)
    assert str(down.socket_path) in complaint
    assert "left alone" in complaint
    assert down.socket_path.read_text() == "precious"


def test_the_socket_of_an_earlier_run_is_replaced(down):
    down.start()
    down.kill()
    assert down.socket_path.is_socket()
    down.start()
    assert down.get("/livez").status == 200


def test_a_socket_path_that_is_too_long_is_refused(down):
    down.config["api"]["socket"] = str(down.home / ("s" * 100))
    down.write_config()
    assert "107" in refuses(down, 2)


def test_a_state_directory_that_is_a_file_is_refused(down):
    down.state_dir.write_text("precious")
    assert str(down.state_dir) in refuses(down, 1)
    assert down.state_dir.read_text() == "precious"


# ---- definitions


def test_definitions_are_read_again_when_they_have_changed(moord):
    node.make_image(moord.image("data"), "ext4")
    moord.definitions.mkdir()
    file = moord.definitions / "data.yaml"
    file.write_text("type: volume\nname: data\nbackend: local\nregion: there\n")
    assert moord.explain(["data:/data"])["mounts"][0]["candidates"][0]["verdict"] == "wrong_region"
    file.write_text(
        "type: volume\nname: data\nbackend: local\nregion: here\n---\ntype: volume\nname: new\nbackend: local\n"
        "size: 16MB\ninit_fs: true\n"
    )
    assert moord.explain(["data:/data"])["mounts"][0]["candidates"][0]["verdict"] == "chosen"
    moord.ready("run", ["data:/data", "new:/new"])
    file.unlink()
    assert moord.volume("new")["users"] == [{"task": "run", "path": "/new"}]
    moord.release("run")
    assert moord.volume("new") is None


def test_a_broken_definition_is_told_and_the_others_work(moord):
    node.make_image(moord.image("good"), "ext4")
    moord.definitions.mkdir()
    broken = moord.definitions / "broken.yaml"
    broken.write_text("type: volume\nname: broken\nbackend: local\nsize: huge\n")
    (moord.definitions / "good.yaml").write_text("type: volume\nname: good\nbackend: local\nprice: 0.1\n")
    known = moord.get("/v1/volumes").json
    assert [volume["name"] for volume in known["volumes"]] == ["good"]
    [problem] = known["problems"]
    assert problem.startswith(f"{broken}:4:7: ")
    assert "huge" in problem
    assert "[-]definitions" in moord.get("/readyz?verbose").text
    assert moord.get("/readyz").status == 200
    moord.ready("run", ["good:/data"])


def test_the_definitions_of_a_request_come_before_those_of_the_directory(moord):
    node.make_image(moord.image("data"), "ext4")
    moord.definitions.mkdir()
    (moord.definitions / "data.yaml").write_text("type: volume\nname: data\nbackend: local\nregion: there\n")
    moord.failed("run", ["data:/data"])
    moord.release("run")
    moord.ready("run", [mount("data", "/data")], definitions=[definition("data")])
