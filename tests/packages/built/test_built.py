"""The packages that packaging/build.sh has made: what is in them, and what the distributions' own checkers say.

python -m pytest tests/packages/built; .ci/run does so.
"""

import pathlib
import re
import subprocess

import pytest

_TOP = pathlib.Path(__file__).parents[3]
_BUILT = _TOP / "build" / "packages"
_UNITS = ["moord.service", "moord.socket", "mooring-mounts.service"]


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def deb():
    [package] = _BUILT.glob("mooring_*.deb")
    return package


@pytest.fixture(scope="module")
def rpm():
    [package] = _BUILT.glob("mooring-*.rpm")
    return package


def files_of_deb(deb):
    return {line.split(None, 5)[5].removeprefix(".") for line in run("dpkg-deb", "-c", deb).splitlines() if line[0] != "d"}


@pytest.fixture(scope="module")
def control(deb, tmp_path_factory):
    directory = tmp_path_factory.mktemp("control")
    run("dpkg-deb", "-e", deb, directory)
    return directory


def test_lintian_has_nothing_against_the_deb(deb):
    run("lintian", "--fail-on", "error,warning", deb)


def test_both_have_the_same_files(deb, rpm):
    def plain(name):
        name = re.sub(r"^/lib/systemd", "/usr/lib/systemd", name)
        return name.replace("zsh/vendor-completions", "zsh/site-functions")

    own = {"/usr/share/doc/mooring/changelog.gz", "/usr/share/doc/mooring/copyright", "/usr/share/licenses/mooring/LICENSE"}
    of_rpm = {line.split(None, 8)[8] for line in run("rpm", "-qplv", rpm).splitlines() if line[0] != "d"}
    assert {plain(name) for name in files_of_deb(deb)} - own == of_rpm - own
    for name in ("/usr/sbin/moord", "/usr/bin/moorctl", "/etc/mooring/moord.yaml", "/usr/share/man/man8/moord.8.gz"):
        assert name in of_rpm
    assert {f"/usr/lib/systemd/system/{unit}" for unit in _UNITS} <= of_rpm


def test_the_configuration_is_kept_by_an_upgrade(control, rpm):
    assert (control / "conffiles").read_text().split() == ["/etc/mooring/moord.yaml"]
    assert run("rpm", "-qp", "--configfiles", rpm).split() == ["/etc/mooring/moord.yaml"]
    assert "noreplace" in run("rpm", "-qp", "--qf", "[%{FILENAMES} %{FILEFLAGS:fflags}\n]", rpm) or re.search(
        r"/etc/mooring/moord.yaml cn", run("rpm", "-qp", "--qf", "[%{FILENAMES} %{FILEFLAGS:fflags}\n]", rpm)
    )


def test_what_distributions_have_in_other_versions_is_linked_in(deb, rpm):
    needed = run("dpkg-deb", "-f", deb, "Depends") + run("rpm", "-qpR", rpm)
    assert not re.search("boost|yaml-cpp|spdlog|fmt|pugixml", needed), needed
    # glibc of Debian 12, Ubuntu 24.04, Fedora 37, EL 10 and later; not EL 9 (2.34).
    versions = {tuple(map(int, version.split("."))) for version in re.findall(r"GLIBC_([\d.]+)", needed)}
    assert max(versions) <= (2, 36)


def test_it_is_hardened(deb, tmp_path):
    run("dpkg-deb", "-x", deb, tmp_path)
    for program in ("usr/sbin/moord", "usr/bin/moorctl"):
        told = run("readelf", "-Wldh", tmp_path / program)
        assert "DYN (Position-Independent Executable file)" in told and "GNU_RELRO" in told and "NOW" in told
        assert "GNU_STACK      0x000000 0x0000000000000000 0x0000000000000000 0x000000 0x000000 RW " in told


@pytest.mark.parametrize("script", ["postinst", "prerm", "postrm"])
def test_scripts_of_the_deb_use_the_helpers_of_the_distribution(control, script):
    text = (control / script).read_text()
    lines = [line for line in text.splitlines() if re.search(r"\bsystemctl\b", line)]
    assert all("daemon-reload" in line for line in lines), lines
    assert not re.search(r"umount|userdel|groupdel|rm -r|/mnt/disks/mooring/\S", text.replace("' /mnt/disks/mooring/'", ""))


def test_an_upgrade_restarts_the_daemon_and_nothing_else(control):
    text = (control / "postinst").read_text()
    restarted = re.search(r"_dh_action=restart.*?deb-systemd-invoke \$_dh_action (.*?) >", text, re.S)[1]
    assert restarted == "'moord.service'"
    # It may wait for minutes.
    assert not re.search(r"deb-systemd-invoke .*mooring-mounts", text)


def test_a_purge_leaves_volumes(control):
    text = (control / "postrm").read_text()
    removed = re.search(r"rm -f (.*)", text)[1].split()
    assert all(re.fullmatch(r"/var/lib/mooring/(ledger\.db(-wal|-shm)?|lock)", name) for name in removed)
    assert "rmdir --ignore-fail-on-non-empty" in text


def test_scripts_of_the_rpm_do_what_is_expected(rpm):
    text = run("rpm", "-qp", "--scripts", rpm)
    assert "groupadd -r mooring" in text and "try-restart moord.service" in text and "preset" in text
    assert not re.search(r"umount|userdel|groupdel|rm -", text)
    assert not re.search(r"(stop|restart|--now).*mooring-mounts", text)  # containers depend on it
    program = re.compile(r"^(\w+) scriptlet \(using (\S+)\)", re.M)
    assert {shell for _, shell in program.findall(text)} == {"/bin/sh"}
