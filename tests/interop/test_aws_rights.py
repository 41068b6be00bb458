"""What moord attached it detaches, whatever EC2's lists say meanwhile; what others attached it leaves alone (rules 11, 18)."""

import subprocess

import pytest
from daemon import detail, mount, verdicts
from ebs import Attaching, Attachment
from ec2 import THROTTLED
from server import Held

# The time that an attach may take is long here: what ends these tests must be an answer or an event.
PATIENT = {"attach": "30s", "device": "1s"}


@pytest.fixture
def patient(aws):
    aws.moord.config["timeouts"] = PATIENT
    return aws.moord.start()


def taken_by_hand(aws, volume, describing):
    """AttachVolume is refused, because somebody has just attached the volume to this very instance."""

    class Taken:
        def play(self, exchange):
            volume.attachments.append(Attachment(aws.instance.id, "/dev/sdf", "attached"))
            aws.disks.plug(volume.id)
            aws.cloud.fault("DescribeVolumes", describing)
            exchange.send(exchange.do())

    aws.cloud.fault("AttachVolume", Taken(), times=1)


def test_a_release_while_it_attaches_takes_back_what_is_not_listed_yet(aws, patient):
    volume = aws.volume("data")
    aws.ebs.listed_after = 2
    aws.ebs.attach_as(Attaching.WHEN_TOLD)
    patient.put("run", ["data:/data"], wait=None)
    aws.cloud.wait_for_answer("AttachVolume")
    patient.release("run")
    assert aws.cloud.count("DetachVolume") == 1
    assert not aws.attached_here(volume)


def test_so_does_a_release_while_the_answer_is_under_way(aws, patient):
    volume = aws.volume("data")
    aws.ebs.listed_after = 2
    aws.ebs.attach_as(Attaching.WHEN_TOLD)
    done = Held()
    aws.cloud.fault("AttachVolume", done, times=1)
    patient.put("run", ["data:/data"], wait=None)
    aws.cloud.wait_until(lambda: aws.attached_here(volume))
    patient.delete("run", wait="0s")
    done.let_go()
    assert patient.delete("run").status == 200
    assert not aws.attached_here(volume)


def test_a_run_after_a_crash_takes_back_what_is_not_listed_yet(aws, patient):
    volume = aws.volume("data")
    aws.ebs.attach_as(Attaching.WHEN_TOLD)
    with subprocess.Popen(["sleep", "infinity"]) as owner:
        patient.put("run", ["data:/data"], wait=None, owner={"pid": owner.pid})
        aws.cloud.wait_for_answer("AttachVolume")
        patient.kill()
        owner.kill()
    volume.seen_late = [("available", []), 2]
    patient.start()
    patient.wait_until_gone("data")
    assert not aws.attached_here(volume)


@pytest.mark.parametrize("describing", [THROTTLED, Held(done=True)])
def test_what_somebody_attached_here_in_that_moment_stays_theirs(aws, patient, describing):
    volume = aws.volume("data")
    taken_by_hand(aws, volume, describing)
    patient.put("run", ["data:/data"], wait=None)
    aws.cloud.wait_for_answer("AttachVolume")
    patient.delete("run", wait="0s")
    aws.cloud.mend()
    if isinstance(describing, Held):
        describing.let_go()
    patient.delete("run")
    patient.stop()
    patient.start()  # nor does a later run take it for its own
    if patient.volume("data"):
        patient.wait_until_gone("data")
    assert aws.cloud.count("DetachVolume") == 0
    assert aws.attached_here(volume)
    aws.ebs.detach(volume.id, None, None, "us-east-1")


def test_a_disk_on_its_way_out_is_not_used(aws, patient):
    volume = aws.volume("data")
    aws.disks.plug(volume.id)
    leaving = Attachment(aws.instance.id, "/dev/sdf", "detaching")
    leaving.calls_left = 2
    volume.attachments.append(leaving)
    task = patient.failed("run", ["data:/data"])  # EC2 has done with it, but the kernel goes on showing it
    assert verdicts(task) == {"data": "not_ready"}
    assert aws.cloud.count("AttachVolume") == 0
    patient.release("run")
    aws.disks.unplug(volume.id)
    patient.ready("run", ["data:/data"])
    assert aws.cloud.count("AttachVolume") == 1


def test_a_volume_that_became_multi_attach_is_neither_checked_nor_mounted_for_writing(aws, patient):
    volume = aws.volume("data")
    patient.ready("run", ["data:/data"])
    patient.kill()
    subprocess.run(["umount", str(patient.stage("data"))], check=True)
    aws.disks.unplug(volume.id)
    volume.attachments.clear()
    volume.multi_attach = True
    volume.attachments.append(Attachment("i-0other", "/dev/sdf", "attached"))
    patient.start()
    task = patient.task("run")
    assert verdicts(task) == {"data": "unsafe_filesystem"}
    assert "multi-attach" in detail(task, "data")
    assert aws.cloud.count("AttachVolume") == 1


def test_a_multi_attach_volume_whose_answer_was_lost_is_not_taken_for_that_of_its_other_holder(aws, patient):
    volume = aws.volume("data", multi_attach=True, attached_to="i-0other")
    aws.ebs.listed_after = 1
    done = Held()
    aws.cloud.fault("AttachVolume", done, times=1)
    patient.put("run", [mount("data", "/data", read_only=True)], wait=None)
    aws.cloud.wait_until(lambda: aws.attached_here(volume))
    done.let_go()
    assert patient.task("run")["state"] == "ready"
    patient.release("run")
    assert not aws.attached_here(volume)


def test_releases_while_it_waits_for_the_device_use_up_no_names(aws, patient):
    aws.volume("data")
    aws.ebs.attach_as(Attaching.WHEN_TOLD)
    more_than_there_are = 90
    for number in range(more_than_there_are):
        patient.put(f"run{number}", ["data:/data"], wait=None)
        aws.cloud.wait_for_answer("AttachVolume", number + 1)
        patient.release(f"run{number}")
