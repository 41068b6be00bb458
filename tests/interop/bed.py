"""What the tests of the AWS backend stand on: fakes or moto, disks that are loop devices, and the words for them."""

import contextlib
import json
import pathlib
import subprocess
import sys

import boto3
import botocore.config
import node
from daemon import definition

_HERE = pathlib.Path(__file__).parent
ROLE = "node-role"
# Short, so that what never comes is given up soon. Nothing asserts how long anything took.
TIMEOUTS = {"attach": "2s", "device": "1s"}


def configure(moord, imds, endpoint, disks, hints):
    """Turns a moord of tests/node into one that finds itself on AWS, by the fake metadata alone."""
    moord.config["identity"] = {"provider": "aws", "metadata": imds.url, "hints_root": str(hints)}
    moord.config["backends"] = {"aws": {"endpoint": endpoint, "stand_in": str(disks.directory)}}
    moord.config["timeouts"] = dict(TIMEOUTS)
    moord.config["log"] = {"level": "debug"}
    moord.region = imds.instance.region
    return moord


def located(moord):
    """Waits until it knows where it is: a task without volumes waits for that, too."""
    moord.ready("located", [f"{moord.home}/nothing:/nothing"])
    moord.release("located")
    return moord


def aws_definition(name, volume_id, region="us-east-1", **more):
    return definition(name, region=region, backend="aws", volume_id=volume_id, **more)


class Aws:
    """A fake AWS with one instance, on which a moord runs (not started yet)."""

    def __init__(self, cloud, imds, disks, moord, key):
        self.cloud, self.ebs, self.imds, self.disks, self.moord = cloud, cloud.ebs, imds, disks, moord
        self.instance, self.key = imds.instance, key

    def volume(self, name, fs="ext4", files=("hello",), image=True, **more):
        """A volume with a file in it, tagged with its name; `more` as of Ebs.volume."""
        volume = self.ebs.volume(name, **more)
        if image:
            self.disks.make(volume.id, fs, volume.size, files if fs == "ext4" else ())
        return volume

    def counts(self):
        """How often moord called each action of EC2 since the start, or since cloud.forget_calls()."""
        return self.cloud.counts()

    def devices_asked(self):
        """The device names of all AttachVolume, in their order."""
        return [call.parameters["Device"] for call in self.cloud.called("AttachVolume")]

    def attached_here(self, volume):
        return volume.of(self.instance.id) is not None

    def nothing_left_of(self, volume):
        """Neither attached, nor plugged in, nor mounted, nor a place for it."""
        name = volume.tags["Name"]
        return (
            not self.attached_here(volume)
            and volume.id not in self.disks.plugged()
            and not self.moord.is_mounted(name)
            and not self.moord.stage(name).exists()
        )

    def secrets(self):
        """What nobody may read anywhere: of every key, and the tokens of the metadata service."""
        keys = [self.key, self.imds.key, *self.cloud.keys.values()]
        return [secret for key in keys for secret in key.secrets()] + self.imds.secrets()


class Moto:
    """moto's server in a process of its own."""

    def __init__(self, disks):
        self._process = subprocess.Popen(
            [sys.executable, _HERE / "moto_server.py", "--disks", disks.directory],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = None

    def __enter__(self):
        assert node.ready_to_read(self._process.stdout), "moto's server does not start"
        self.url = f"http://127.0.0.1:{json.loads(self._process.stdout.readline())['port']}"
        return self

    def __exit__(self, *_):
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        node.wait_for_end(self._process.pid)
        self._process.stdout.close()
        assert self._process.wait() == 0

    def client(self, region):
        return boto3.client(
            "ec2",
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=botocore.config.Config(retries={"total_max_attempts": 1}, proxies={}),
        )
