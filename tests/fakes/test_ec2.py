"""The fake EC2 answers as boto3 expects it of the real one."""

import math

import pytest
from botocore.exceptions import ClientError
from conftest import client_for
from ebs import Attaching


def refused(call, **arguments):
    """(HTTP status, code, message) of a call that has to fail."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    assert answer["ResponseMetadata"]["RequestId"]
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


def names(answer):
    return [tag["Value"] for volume in answer["Volumes"] for tag in volume["Tags"] if tag["Key"] == "Name"]


def by_name(*wanted):
    return [{"Name": "tag:Name", "Values": list(wanted)}]


def state(ec2, volume):
    """(state of the volume, states of its attachments)"""
    (seen,) = ec2.describe_volumes(VolumeIds=[volume.id])["Volumes"]
    return seen["State"], [attachment["State"] for attachment in seen["Attachments"]]


# ---- DescribeVolumes


def test_tells_all_of_a_volume(cloud, ec2):
    made = cloud.ebs.volume("data", zone="us-east-1b", size=500, tags={"a": "<&>", "b": ""}, multi_attach=True)
    (volume,) = ec2.describe_volumes(VolumeIds=[made.id])["Volumes"]
    assert (volume["VolumeId"], volume["Size"], volume["AvailabilityZone"]) == (made.id, 500, "us-east-1b")
    assert volume["State"] == "available"
    assert volume["Attachments"] == []
    assert volume["MultiAttachEnabled"] is True
    assert volume["AvailabilityZoneId"] == "use1-az6"
    tags = [{"Key": "Name", "Value": "data"}, {"Key": "a", "Value": "<&>"}, {"Key": "b", "Value": ""}]
    assert volume["Tags"] == tags


def test_filters_are_combined_and_their_values_are_alternatives(cloud, ec2):
    one, two = cloud.ebs.volume("one"), cloud.ebs.volume("two", zone="us-east-1b")
    cloud.ebs.volume("three", attached_to="i-other")
    assert names(ec2.describe_volumes(Filters=by_name("one", "two", "nobody"))) == ["one", "two"]
    both = [*by_name("one", "two"), {"Name": "availability-zone", "Values": ["us-east-1b"]}]
    assert names(ec2.describe_volumes(Filters=both)) == ["two"]
    ids = [{"Name": "volume-id", "Values": [one.id, two.id, "vol-0nothere"]}]
    assert names(ec2.describe_volumes(Filters=ids)) == ["one", "two"]
    held = [{"Name": "attachment.instance-id", "Values": ["i-other"]}]
    assert names(ec2.describe_volumes(Filters=held)) == ["three"]
    assert names(ec2.describe_volumes(Filters=[{"Name": "status", "Values": ["in-use"]}])) == ["three"]
    assert refused(ec2.describe_volumes, Filters=[{"Name": "colour", "Values": ["red"]}])[1] == "InvalidParameterValue"
    assert refused(ec2.describe_volumes, Filters=by_name(*[f"v{n}" for n in range(201)]))[1] == "FilterLimitExceeded"


def test_stars_in_a_filter_are_wild_unless_they_are_escaped(cloud, ec2):
    cloud.ebs.volume("data-1")
    cloud.ebs.volume("data-*")
    assert names(ec2.describe_volumes(Filters=by_name("data-*"))) == ["data-1", "data-*"]
    assert names(ec2.describe_volumes(Filters=by_name(r"data-\*"))) == ["data-*"]


def test_an_id_that_is_not_there_is_an_error_and_in_a_filter_it_is_not(cloud, ec2):
    volume = cloud.ebs.volume("data")
    status, code, text = refused(ec2.describe_volumes, VolumeIds=[volume.id, "vol-0123456789abcdef0"])
    assert (status, code, text) == (
        400,
        "InvalidVolume.NotFound",
        "The volume 'vol-0123456789abcdef0' does not exist.",
    )


def test_a_region_has_its_own_volumes(cloud, ec2):
    cloud.ebs.volume("here")
    there = cloud.ebs.volume("there", zone="eu-west-1a")
    assert names(ec2.describe_volumes()) == ["here"]
    assert refused(ec2.describe_volumes, VolumeIds=[there.id])[1] == "InvalidVolume.NotFound"
    assert names(client_for(cloud, cloud.new_key(), "eu-west-1").describe_volumes()) == ["there"]


def test_pages_may_be_empty_and_are_whole_together(cloud, ec2):
    for number in range(7):
        cloud.ebs.volume(f"v{number}")
    cloud.page_sizes = [0, 2, 0, 1]
    pages = list(ec2.get_paginator("describe_volumes").paginate(Filters=by_name("v*")))
    assert [len(page["Volumes"]) for page in pages] == [0, 2, 0, 1, 4]
    assert sorted(name for page in pages for name in names(page)) == [f"v{n}" for n in range(7)]
    cloud.page_sizes = []
    first = ec2.describe_volumes(MaxResults=5)
    assert len(first["Volumes"]) == 5
    assert len(ec2.describe_volumes(MaxResults=5, NextToken=first["NextToken"])["Volumes"]) == 2
    assert refused(ec2.describe_volumes, NextToken=first["NextToken"])[1] == "InvalidParameterValue"
    assert refused(ec2.describe_volumes, MaxResults=4)[1] == "InvalidParameterValue"
    ids = list(cloud.ebs.volumes)
    assert refused(ec2.describe_volumes, VolumeIds=ids, MaxResults=5)[1] == "InvalidParameterCombination"


def test_instances_are_found_by_id(cloud, ec2):
    cloud.ebs.instance("i-1")
    cloud.ebs.instance("i-2", state="stopped")
    cloud.ebs.instance("i-3", zone="eu-west-1a")

    def states(answer):
        found = [instance for each in answer["Reservations"] for instance in each["Instances"]]
        return {instance["InstanceId"]: instance["State"]["Name"] for instance in found}

    assert states(ec2.describe_instances()) == {"i-1": "running", "i-2": "stopped"}
    assert states(ec2.describe_instances(InstanceIds=["i-2"])) == {"i-2": "stopped"}
    by_id = [{"Name": "instance-id", "Values": ["i-2", "i-3", "i-4"]}]
    assert states(ec2.describe_instances(Filters=by_id)) == {"i-2": "stopped"}
    assert refused(ec2.describe_instances, InstanceIds=["i-4"])[1] == "InvalidInstanceID.NotFound"


# ---- attach and detach


@pytest.fixture
def instance(cloud):  # tests that only need one to be there use it by its id
    return cloud.ebs.instance("i-1", zone="us-east-1a")


def attach(ec2, volume, device="/dev/xvdba", instance="i-1"):
    return ec2.attach_volume(VolumeId=volume.id, InstanceId=instance, Device=device)


def test_attaches_and_detaches(cloud, ec2, instance):
    volume = cloud.ebs.volume("data")
    assert attach(ec2, volume)["State"] == "attaching"
    cloud.wait_until(lambda: volume.of("i-1").state == "attached")
    assert state(ec2, volume) == ("in-use", ["attached"])
    (seen,) = ec2.describe_instances(InstanceIds=["i-1"])["Reservations"][0]["Instances"]
    devices = {mapping["DeviceName"]: mapping["Ebs"]["VolumeId"] for mapping in seen["BlockDeviceMappings"]}
    assert devices == {"/dev/xvda": instance.root, "/dev/xvdba": volume.id}
    assert ec2.detach_volume(VolumeId=volume.id, InstanceId="i-1")["State"] == "detaching"
    assert state(ec2, volume) == ("available", [])
    assert refused(ec2.detach_volume, VolumeId=volume.id)[1:] == (
        "IncorrectState",
        f"Volume '{volume.id}' is in the 'available' state.",
    )
    assert cloud.counts() == {
        "AttachVolume": 1,
        "DescribeVolumes": 2,
        "DescribeInstances": 1,
        "DetachVolume": 2,
    }


def test_refuses_to_attach_as_the_real_one_does(cloud, ec2, instance):
    volume = cloud.ebs.volume("data")
    away = cloud.ebs.volume("away", zone="us-east-1b")
    taken = cloud.ebs.volume("taken", attached_to="i-other")
    new = cloud.ebs.volume("new", state="creating")

    def why(volume, **more):
        return refused(lambda: attach(ec2, volume, **more))[1:]

    assert why(away) == (
        "InvalidVolume.ZoneMismatch",
        f"The volume '{away.id}' is not in the same availability zone as instance 'i-1'",
    )
    assert why(taken) == ("VolumeInUse", f"{taken.id} is already attached to an instance")
    assert why(new) == ("IncorrectState", f"{new.id} is not 'available'.")
    assert why(volume, instance="i-2")[0] == "InvalidInstanceID.NotFound"
    assert why(volume, device="/dev/nvme1n1") == (
        "InvalidParameterValue",
        "Value (/dev/nvme1n1) for parameter device is invalid. /dev/nvme1n1 is not a valid EBS device name.",
    )
    assert why(volume, device="/dev/sda")[0] == "InvalidParameterValue"  # the root's point
    instance.taken.add("/dev/sdf")
    assert why(volume, device="/dev/xvdf") == (
        "InvalidParameterValue",
        "Invalid value '/dev/xvdf' for unixDevice. Attachment point /dev/xvdf is already in use",
    )
    instance.limit = 0
    assert why(volume)[0] == "AttachmentLimitExceeded"
    assert volume.attachments == []


def test_a_multi_attach_volume_goes_to_several_instances_but_once_to_each(cloud, ec2, instance):
    volume = cloud.ebs.volume("data", multi_attach=True, attached_to="i-other")
    attach(ec2, volume)
    assert refused(lambda: attach(ec2, volume, device="/dev/xvdbb"))[1] == "VolumeInUse"
    assert volume.holders == ["i-other", "i-1"]
    ec2.detach_volume(VolumeId=volume.id, InstanceId="i-1")
    assert volume.holders == ["i-other"]
    assert refused(ec2.detach_volume, VolumeId=volume.id, InstanceId="i-1")[1] == "InvalidAttachment.NotFound"


@pytest.mark.parametrize(
    ("how", "seen"),
    [
        (Attaching.STUCK, ("in-use", ["attaching"])),
        (Attaching.WHEN_TOLD, ("in-use", ["attaching"])),
        (Attaching.NO_DISK, ("in-use", ["attached"])),
    ],
)
def test_an_attach_that_does_not_come_to_its_end(cloud, ec2, instance, how, seen):
    volume = cloud.ebs.volume("data")
    cloud.ebs.attach_as(how, times=1)
    attach(ec2, volume)
    cloud.wait_until(lambda: volume.attachments[0].state == seen[1][0])
    assert state(ec2, volume) == seen
    if how == Attaching.WHEN_TOLD:
        cloud.ebs.arrive(volume.id)
        assert state(ec2, volume) == ("in-use", ["attached"])
    ec2.detach_volume(VolumeId=volume.id, InstanceId="i-1", Force=True)
    attach(ec2, volume, device="/dev/sdf")  # and the next one goes well
    cloud.wait_until(lambda: volume.of("i-1").state == "attached")


def test_an_attach_that_falls_back(cloud, ec2, instance):
    volume = cloud.ebs.volume("data")
    cloud.ebs.attach_as(Attaching.FALLS_BACK, times=1)
    attach(ec2, volume)
    cloud.wait_until(lambda: volume.attachments[0].falls_back)
    states = [state(ec2, volume) for _ in range(2)]
    assert states == [("in-use", ["attaching"]), ("available", ["detached"])]
    assert refused(ec2.detach_volume, VolumeId=volume.id)[1] == "IncorrectState"
    attach(ec2, volume)
    cloud.wait_until(lambda: volume.of("i-1") and volume.of("i-1").state == "attached")
    assert state(ec2, volume) == ("in-use", ["attached"])


def test_a_new_attachment_may_be_listed_late_and_an_old_one_for_longer(cloud, ec2, instance):
    volume = cloud.ebs.volume("data")
    cloud.ebs.listed_after, cloud.ebs.detaching_calls = 2, 2
    attach(ec2, volume)
    cloud.wait_until(lambda: volume.of("i-1").state == "attached")
    states = [state(ec2, volume) for _ in range(3)]
    assert states == [("available", []), ("available", []), ("in-use", ["attached"])]
    ec2.detach_volume(VolumeId=volume.id)
    states = [state(ec2, volume) for _ in range(3)]
    assert states == [("in-use", ["detaching"]), ("in-use", ["detaching"]), ("available", [])]
    cloud.ebs.detaching_calls = math.inf
    cloud.ebs.listed_after = 0
    attach(ec2, volume)
    cloud.wait_until(lambda: volume.of("i-1").state == "attached")
    ec2.detach_volume(VolumeId=volume.id)
    assert state(ec2, volume) == state(ec2, volume) == ("in-use", ["detaching"])
