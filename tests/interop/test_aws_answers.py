"""What a cloud refuses or never does is told by `moorctl status`, with what to do: nobody has to read a log."""

import node
import pytest
from daemon import BINARY
from ebs import Attaching
from ec2 import refuse
from server import Hang


def no_disk(aws, volume):
    aws.ebs.attach_as(Attaching.NO_DISK, volume.id)


def denied(aws, _):
    aws.cloud.fault("AttachVolume", refuse("UnauthorizedOperation", "You are not authorized.", 403))


def silent(aws, _):
    aws.cloud.fault("DescribeVolumes", Hang())


@pytest.mark.parametrize(
    ("trouble", "verdict", "seen", "action"),
    [
        (no_disk, "device_missing", "no such device came up", "dmesg"),
        (denied, "denied", "UnauthorizedOperation", "ec2:AttachVolume"),
        pytest.param(silent, "backend_unavailable", "did not answer", "firewall", marks=pytest.mark.slow),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_status_tells_what_the_cloud_did_not_do(aws, moord, trouble, verdict, seen, action):
    trouble(aws, aws.volume("data"))
    moord.failed("run", ["data:/data"])
    shown = node.run(BINARY.parent / "moorctl", "--socket", moord.socket_path, "status", "run")
    assert verdict in shown and seen in shown and action in shown, shown
