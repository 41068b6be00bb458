"""Disks that are plugged in and pulled out."""

import os

import pytest
from conftest import client_for
from disks import Disks
from ec2 import Ec2

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: loop devices")


@pytest.fixture
def disks(tmp_path):
    made = Disks(tmp_path)
    yield made
    assert made.plugged() == {}


def test_an_attached_volume_is_a_disk_until_it_is_detached(disks):
    with Ec2(disks.plug, disks.unplug) as cloud:
        ec2 = client_for(cloud, cloud.new_key())
        instance, volume = cloud.ebs.instance(), cloud.ebs.volume("data")
        disks.make(volume.id, files=["hello"])
        ec2.attach_volume(VolumeId=volume.id, InstanceId=instance.id, Device="/dev/xvdba")
        cloud.wait_until(lambda: volume.of(instance.id).state == "attached")
        assert list(disks.plugged()) == [volume.id]
        ec2.detach_volume(VolumeId=volume.id)
        assert disks.plugged() == {}
        assert volume.status == "available"


def test_a_disk_that_is_open_stays_and_the_volume_is_busy_until_it_is_closed(disks):
    with Ec2(disks.plug, disks.unplug) as cloud:
        ec2 = client_for(cloud, cloud.new_key())
        instance, volume = cloud.ebs.instance(), cloud.ebs.volume("data")
        disks.make(volume.id)
        ec2.attach_volume(VolumeId=volume.id, InstanceId=instance.id, Device="/dev/xvdba")
        cloud.wait_until(lambda: volume.of(instance.id).state == "attached")
        with open(disks.plugged()[volume.id], "rb"):
            ec2.detach_volume(VolumeId=volume.id)
            (seen,) = ec2.describe_volumes(VolumeIds=[volume.id])["Volumes"]
            assert [attachment["State"] for attachment in seen["Attachments"]] == ["busy"]
        ec2.describe_volumes(VolumeIds=[volume.id])
        assert volume.status == "available"


def test_the_disks_of_other_instances_do_not_come_here(disks):
    with Ec2(disks.plug, disks.unplug) as cloud:
        ec2 = client_for(cloud, cloud.new_key())
        volume = cloud.ebs.volume("data", attached_to="i-other")
        disks.make(volume.id)
        ec2.detach_volume(VolumeId=volume.id)
        assert volume.status == "available"
