"""moord against moto's EC2, as a user of boto3 sees it: candidates of two regions, on a node that was told neither."""

import pytest
from bed import aws_definition
from daemon import detail, mount, verdicts

EU, US = "my-aws-eu-west-1-volume", "my-aws-us-east-1-volume"


@pytest.fixture
def volumes(moto, disks):
    """name → volume id; both have a disk, so that the wrong one could be taken."""
    made = {}
    for name, zone in (EU, "eu-west-1a"), (US, "us-east-1a"):
        volume = moto.client(zone[:-1]).create_volume(
            Size=1,
            AvailabilityZone=zone,
            TagSpecifications=[{"ResourceType": "volume", "Tags": [{"Key": "Name", "Value": name}]}],
        )
        made[name] = volume["VolumeId"]
        disks.make(volume["VolumeId"], files=["hello"])
    return made


def seen(moto, region, volume_id):
    """What boto3 sees: the state, and instance → state of the attachment."""
    (volume,) = moto.client(region).describe_volumes(VolumeIds=[volume_id])["Volumes"]
    return volume["State"], {each["InstanceId"]: each["State"] for each in volume["Attachments"]}


def attach_use_and_release(moord, moto, here, volumes, disks, **more):
    """A task with both candidates, from its start to its end; the task as it was when it was ready."""
    task = moord.ready("run-42", [mount([EU, US], "/volume_data")], **more)
    (found,) = task["mounts"]
    assert found["volume"] == US
    assert (found["backend"], found["region"], found["zone"]) == ("aws", "us-east-1", "us-east-1a")
    assert found["volume_id"] == volumes[US]
    assert found["device"] == disks.plugged()[volumes[US]]
    assert task["binds"] == [{"source": str(moord.stage(US)), "target": "/volume_data", "read_only": False}]
    assert (moord.stage(US) / "hello").read_text() == "hello"
    (moord.stage(US) / "written").write_text("here")

    assert seen(moto, "us-east-1", volumes[US]) == ("in-use", {here.id: "attached"})
    assert seen(moto, "eu-west-1", volumes[EU]) == ("available", {})

    moord.release("run-42")
    assert seen(moto, "us-east-1", volumes[US]) == ("available", {})
    assert disks.plugged() == {}
    assert not moord.stage(US).exists()
    return task


def test_defined_volumes_of_two_regions(moord_of_moto, moto, here, volumes, disks):
    definitions = [
        aws_definition(EU, volumes[EU], region="eu-west-1"),
        aws_definition(US, volumes[US], region="us-east-1"),
    ]
    task = attach_use_and_release(moord_of_moto, moto, here, volumes, disks, definitions=definitions)
    assert verdicts(task) == {EU: "wrong_region", US: "chosen"}
    assert "eu-west-1" in detail(task, EU)
    assert "us-east-1" in detail(task, EU)


def test_volumes_that_are_discovered_by_their_tag(moord_of_moto, moto, here, volumes, disks):
    task = attach_use_and_release(moord_of_moto, moto, here, volumes, disks)
    assert verdicts(task) == {EU: "not_found", US: "chosen"}
    assert EU in detail(task, EU)


def test_what_was_written_is_there_the_next_time(moord_of_moto, moto, here, volumes, disks):
    for _ in range(2):
        attach_use_and_release(moord_of_moto, moto, here, volumes, disks)
    moord_of_moto.ready("again", [f"{US}:/volume_data"])
    assert (moord_of_moto.stage(US) / "written").read_text() == "here"


def test_what_somebody_else_attached_is_used_and_stays_attached(moord_of_moto, moto, here, volumes, disks):
    moto.client("us-east-1").attach_volume(VolumeId=volumes[US], InstanceId=here.id, Device="/dev/sdf")
    task = moord_of_moto.ready("run-42", [f"{US}:/volume_data"])
    assert verdicts(task) == {US: "chosen"}
    moord_of_moto.release("run-42")
    assert seen(moto, "us-east-1", volumes[US]) == ("in-use", {here.id: "attached"})
    disks.unplug(volumes[US])


def test_identity_is_that_of_the_metadata(moord_of_moto, here):
    identity = moord_of_moto.get("/v1/identity").json
    assert identity["provider"] == "aws"
    assert (identity["region"], identity["zone"], identity["zone_id"]) == ("us-east-1", "us-east-1a", "use1-az4")
    assert identity["instance_id"] == here.id
