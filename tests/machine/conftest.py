"""As root, with build/packages there (packaging/build.sh): python -m pytest tests/machine; .ci/run does so."""

import json
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "node"))

import machine  # noqa: E402
import node  # noqa: E402


def pytest_configure():
    node.enter_private_mount_namespace()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    beds = getattr(item, "beds", [])
    if report.when == "call" and report.failed and beds and beds[-1].leader:
        command = ["journalctl", "--no-pager", "-u", "moord", "-u", "moord.socket", "-u", "mooring-mounts"]
        report.sections.append(("journal", beds[-1].call(*command, check=False).stdout))


@pytest.fixture
def volumes(tmp_path):
    """The directory of the volumes, of which nothing is lost with a machine."""
    directory = tmp_path / "volumes"
    directory.mkdir()
    yield directory
    # By their inodes: the paths are those of the machine.
    images = {(file.stat().st_dev, file.stat().st_ino) for file in directory.rglob("*")}
    listed = node.run("losetup", "--json", "--output", "NAME,BACK-MAJ:MIN,BACK-INO")
    for loop in json.loads(listed or '{"loopdevices": []}')["loopdevices"]:
        number = os.makedev(*map(int, loop["back-maj:min"].split(":")))
        if (number, int(loop["back-ino"])) in images:
            node.run("losetup", "--detach", loop["name"])


@pytest.fixture
def boot(request, volumes):
    """boot(files) starts a machine; it ends with the test."""
    request.node.beds = beds = []

    def start(files=()):
        bed = machine.Machine(files, {volumes: "/var/lib/mooring/local"})
        beds.append(bed)
        return bed.__enter__()

    yield start
    for bed in beds:
        bed.__exit__()
