"""Manual pages, completions and the example of a configuration say what the programs say of themselves."""

import functools
import os
import pathlib
import re
import subprocess

import node
import pytest
import yaml
from daemon import BINARY

_PACKAGING = pathlib.Path(__file__).parents[2] / "packaging"
_MOORCTL = BINARY.parent / "moorctl"
_COMMANDS = ["attach", "release", "wait", "status", "explain", "identity", "volumes", "events", "check"]
_PAGES = ["moord.8", "moorctl.1", "moord.yaml.5", "mooring-volumes.5"]
_OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]+)")
_FOR_TESTS = {"--failpoints"}


def options(program, *command):
    """Those of its help, without what is printed below them."""
    text = node.run(program, *command, "--help").partition("Options:")[2]
    return {name for line in text.splitlines() if re.match(r"^ {2,}-", line) for name in _OPTION.findall(line)} - _FOR_TESTS


@functools.cache
def page(name):
    return (_PACKAGING / "man" / f"{name}.scd").read_text()


def section(text, title):
    """Of a page, by its headline; a headline may name several."""
    for part in re.split(r"^##? ", text, flags=re.M):
        head, _, body = part.partition("\n")
        if title in re.split(r", ", head):
            return body
    raise AssertionError(f"there is no section {title}")


def explained(text):
    """The options that a page explains."""
    return {name for line in text.splitlines() if line.startswith("*-") for name in _OPTION.findall(line)}


@pytest.mark.parametrize("name", _PAGES)
def test_a_page_is_made_without_a_warning(tmp_path, name):
    with open(_PACKAGING / "man" / f"{name}.scd") as source:
        made = subprocess.run(["scdoc"], stdin=source, capture_output=True, check=True).stdout
    (tmp_path / name).write_bytes(made)
    done = subprocess.run(["groff", "-Kutf8", "-Tutf8", "-man", "-ww", tmp_path / name], capture_output=True, check=True)
    assert done.stderr == b""
    assert not re.search(r"\*[a-z-]+\*", done.stdout.decode()), "what was to be bold is not"


def test_the_page_of_moord_has_its_options():
    assert explained(section(page("moord.8"), "OPTIONS")) == options(BINARY)


def test_the_page_of_moorctl_has_its_options():
    assert explained(section(page("moorctl.1"), "OPTIONS")) == options(_MOORCTL)


def test_the_page_of_moorctl_has_the_commands():
    assert _COMMANDS == re.findall(r"^  (\w+) ", node.run(_MOORCTL, "--help").partition("Subcommands:")[2], re.M)[: len(_COMMANDS)]


@pytest.mark.parametrize("command", _COMMANDS)
def test_the_page_of_moorctl_has_the_options_of_each_command(command):
    assert explained(section(page("moorctl.1"), command)) == options(_MOORCTL, command) - {"--help"}


def test_the_page_of_the_configuration_has_its_keys():
    """Each of the page is one, and each that the reader knows is there."""
    keys = re.findall(r"\*([a-z_.]+)\*", "\n".join(line for line in section(page("moord.yaml.5"), "KEYS").splitlines() if line.startswith("*")))
    source = (_PACKAGING.parent / "agent" / "goal" / "config.cpp").read_text()
    known = set(re.findall(r'(?:section|read_section|plain_text|read_directory|read_timeout|one_of|find)\((?:\w+, )*"(\w+)"', source))
    assert known == {part for key in keys for part in key.split(".")}


def uncommented(text):
    return re.sub(r"^# ?(?= *[a-z_]+:)", "", text, flags=re.M)


@pytest.mark.parametrize("change", [lambda text: text, uncommented], ids=["as it is", "uncommented"])
def test_the_example_of_a_configuration_is_valid(scratch, change):
    file = scratch / "moord.yaml"
    file.write_text(change((_PACKAGING / "config" / "moord.yaml").read_text()))
    assert "timeouts:\n  attach: 90s" in uncommented(file.read_text())
    assert "The configuration is valid" in node.run(BINARY, "--config", file, "--check")


def test_the_example_of_a_definition_is_valid():
    node.run(_MOORCTL, "check", _PACKAGING / "config" / "volume.yaml")


def test_what_cloud_init_writes_is_valid(scratch):
    data = yaml.safe_load((_PACKAGING / "cloud-init" / "user-data.yaml").read_text())
    files = {entry["path"]: entry["content"] for entry in data["write_files"]}
    (scratch / "volumes.d").mkdir()
    (scratch / "volumes.d" / "data.yaml").write_text(files["/etc/mooring/volumes.d/data.yaml"])
    config = scratch / "moord.yaml"
    config.write_text(files["/etc/mooring/moord.yaml"] + f"definitions: {scratch}/volumes.d\n")
    assert "2 volume definitions" in node.run(BINARY, "--config", config, "--check")


def test_cmake_and_debian_have_the_same_version():
    [version] = re.findall(r"^project\(mooring VERSION ([\d.]+) ", (_PACKAGING.parent / "CMakeLists.txt").read_text(), re.M)
    assert (_PACKAGING / "debian" / "changelog").read_text().startswith(f"mooring ({version}) ")


# ---- completions

_ENVIRONMENT = {**os.environ, "PATH": f"{BINARY.parent}:{os.environ['PATH']}"}


def bash(*words):
    script = """
        source "$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        "_$1"; printf '%s\\n' "${COMPREPLY[@]}"
    """
    command = ["bash", "-c", script, "bash", _PACKAGING / "completions" / "moorctl.bash", *words]
    return set(node.run(*command, env=_ENVIRONMENT).split())


def fish(*words):
    script = f"source {_PACKAGING}/completions/moorctl.fish; complete -C '{' '.join(words)}'"
    return {line.split("\t")[0] for line in node.run("fish", "--no-config", "-c", script, env=_ENVIRONMENT).splitlines()}


@pytest.mark.parametrize("shell", [bash, fish])
def test_a_shell_completes_commands(shell):
    assert set(_COMMANDS) <= shell("moorctl", "")
    assert shell("moorctl", "rel") == {"release"}


@pytest.mark.parametrize("shell", [bash, fish])
@pytest.mark.parametrize("command", _COMMANDS)
def test_a_shell_completes_the_options_of_each_command(shell, command):
    assert shell("moorctl", command, "--") == options(_MOORCTL, command) | {"--socket"}


@pytest.mark.parametrize("shell", [bash, fish])
def test_a_shell_completes_the_options_of_moord(shell):
    assert shell("moord", "--") == options(BINARY)


@pytest.mark.parametrize("shell", [bash, fish])
def test_a_shell_completes_what_can_be_printed(shell):
    assert shell("moorctl", "attach", "-o", "") == {"table", "json", "docker", "oci"}
    assert shell("moorctl", "status", "-o", "") == {"table", "json"}


def test_bash_completes_behind_an_equals_sign():
    assert bash("moorctl", "attach", "--output", "=") == {"table", "json", "docker", "oci"}
    assert bash("moorctl", "attach", "--output", "=", "do") == {"docker"}


@pytest.mark.parametrize("shell", [bash, fish])
def test_a_shell_completes_the_names_of_tasks(moord, data, shell, monkeypatch):
    monkeypatch.setitem(_ENVIRONMENT, "MOORING_SOCKET", str(moord.socket_path))
    moord.ready("run-42", [f"{data}:/data"])
    assert shell("moorctl", "release", "--task", "") == {"run-42"}
    assert shell("moorctl", "release", "--task", "run") == {"run-42"}


# What zsh would do needs a terminal; here, that it reads the script, and that the script knows what the programs do.
def test_zsh_can_read_its_script_which_has_all_options():
    script = _PACKAGING / "completions" / "_moorctl"
    node.run("zsh", "-n", script)
    text = script.read_text()
    known = {name for name in re.findall(r"(--[a-z][a-z-]+)", text)}
    wanted = options(BINARY) | options(_MOORCTL)
    for command in _COMMANDS:
        assert re.search(rf"\b{command}\b", text)
        wanted |= options(_MOORCTL, command)
    assert wanted == known
