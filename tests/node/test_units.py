"""The units, as they are installed: what systemd itself says of them. How they run is tested in a machine of its own (vm/)."""

import re
import subprocess

import node
import pytest
from daemon import BINARY

_BUILD = BINARY.parents[1]
# What gives a service a mount namespace, in which its mounts would be hidden from the host (systemd.exec(5)).
_HIDING = (
    "PrivateTmp PrivateDevices PrivateMounts PrivateNetwork PrivateIPC ProtectSystem ProtectHome ProtectKernelTunables "
    "ProtectKernelModules ProtectKernelLogs ProtectControlGroups ProtectProc ProcSubset ReadWritePaths ReadOnlyPaths "
    "InaccessiblePaths ExecPaths NoExecPaths BindPaths BindReadOnlyPaths TemporaryFileSystem RootDirectory RootImage "
    "DynamicUser LogNamespace MountFlags"
).split()


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The units, with the programs of this build."""
    root = tmp_path_factory.mktemp("root")
    node.run("cmake", "--install", _BUILD, "--prefix", root)
    units = root / "lib" / "systemd" / "system"
    for unit in units.glob("*.service"):
        unit.write_text(re.sub(r"^ExecStart=\S*/(\w+)", rf"ExecStart={BINARY.parent}/\1", unit.read_text(), flags=re.M))
    return units


def keys(unit):
    return re.findall(r"^(\w+)=", unit.read_text(), re.M)


def test_systemd_finds_nothing_wrong(installed):
    units = sorted(installed.iterdir())
    assert [unit.name for unit in units] == ["moord.service", "moord.socket", "mooring-mounts.service"]
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, check=False)
    # It also speaks of units of this machine.
    assert not [line for line in done.stderr.splitlines() if "moor" in line], done.stderr


def test_what_moord_mounts_is_not_hidden_from_the_host(installed):
    assert not set(keys(installed / "moord.service")) & set(_HIDING)


@pytest.mark.parametrize(("unit", "most"), [("moord.service", 46), ("mooring-mounts.service", 15)])
def test_what_a_service_may_do_is_little(installed, unit, most):
    node.run("systemd-analyze", "security", "--offline=true", f"--threshold={most}", installed / unit)


def test_nothing_is_stopped_with_moord(installed):
    text = (installed / "moord.service").read_text()
    assert "\nKillMode=process\n" in text  # a mkfs or e2fsck is not broken off
    assert not re.search(r"^Exec(Stop|StopPost|Reload|StartPre)=", text, re.M)
