"""What EC2 refuses, delays, loses and forgets: the right verdict, in bounded time, with no more calls than it takes."""

import math

import pytest
from daemon import detail, mount, verdicts
from ebs import Attaching, Attachment
from ec2 import BAD_GATEWAY, INTERNAL_ERROR, SERVICE_UNAVAILABLE, THROTTLED, UNAVAILABLE, refuse
from server import CutOff, Hang, HangUp, Lost, Truncated

PATIENT = {"attach": "30s", "device": "1s"}


@pytest.fixture
def two(aws):
    """The candidate that is in trouble, and the one that is good."""
    return aws.volume("first"), aws.volume("spare")


def falls_back(aws, first, spare, expected):
    """The first cannot be had, and nothing of it remains; then the spare one is taken. Why, in words."""
    task = aws.moord.ready("run", [mount(["first", "spare"], "/data")])
    assert verdicts(task) == {"first": expected, "spare": "chosen"}, task
    assert aws.nothing_left_of(first)
    assert list(aws.disks.plugged()) == [spare.id]
    why = detail(task, "first")
    assert why
    return why


# ---- what DescribeVolumes tells is not even tried


def test_another_zone(aws, moord):
    first, spare = aws.volume("first", zone="us-east-1b"), aws.volume("spare")
    why = falls_back(aws, first, spare, "wrong_zone")
    assert ("use1-az6" in why and "use1-az4" in why) or ("us-east-1b" in why and "us-east-1a" in why)
    assert aws.cloud.count("AttachVolume") == 1


def test_attached_to_another_instance(aws, moord):
    first, spare = aws.volume("first", attached_to="i-0other"), aws.volume("spare")
    assert "i-0other" in falls_back(aws, first, spare, "in_use")
    assert first.holders == ["i-0other"]
    assert aws.cloud.count("AttachVolume") == 1


@pytest.mark.parametrize("state", ["running", "stopped", "terminated"])
def test_the_holder_is_told_with_its_state(aws, moord, state):  # rule 20
    holder = aws.ebs.instance(state=state)
    first, spare = aws.volume("first", attached_to=holder.id), aws.volume("spare")
    why = falls_back(aws, first, spare, "in_use")
    assert holder.id in why
    assert state in why


@pytest.mark.parametrize("state", ["creating", "error"])
def test_a_volume_that_is_not_ready(aws, moord, state):
    first, spare = aws.volume("first", state=state), aws.volume("spare")
    assert first.id in falls_back(aws, first, spare, "not_ready")
    assert aws.cloud.count("AttachVolume") == 1


# ---- what only AttachVolume tells


@pytest.mark.parametrize(
    ("code", "message", "verdict"),
    [
        ("VolumeInUse", "{id} is already attached to an instance", "in_use"),
        (
            "InvalidVolume.ZoneMismatch",
            "The volume '{id}' is not in the same availability zone as instance 'i-1'",
            "wrong_zone",
        ),
        ("InvalidVolume.NotFound", "The volume '{id}' does not exist.", "not_found"),
        ("IncorrectState", "{id} is not 'available'.", "not_ready"),
        ("UnsupportedOperation", "The instance configuration for this AWS Marketplace product is…", "attach_failed"),
    ],
)
def test_refused_by_attach_volume(aws, moord, two, code, message, verdict):
    first, spare = two
    trouble = refuse(code, message.format(id=first.id))
    aws.cloud.fault("AttachVolume", trouble, when=lambda call: call.parameters["VolumeId"] == first.id)
    why = falls_back(aws, first, spare, verdict)
    assert code in why or first.id in why
    assert [call.parameters["VolumeId"] for call in aws.cloud.called("AttachVolume")] == [first.id, spare.id]


def test_somebody_else_was_faster(aws, moord, two):
    first, spare = two

    class TakenByAnother:
        def play(self, exchange):
            first.attachments.append(Attachment("i-0other", "/dev/sdf", "attached"))
            exchange.send(exchange.do())

    aws.cloud.fault("AttachVolume", TakenByAnother(), times=1)
    assert "i-0other" in falls_back(aws, first, spare, "in_use")
    assert first.holders == ["i-0other"]
    assert aws.cloud.count("DetachVolume") == 0


def test_no_place_for_another_disk(aws, moord, two):
    aws.instance.limit = 0
    task = moord.failed("run", [mount(["first", "spare"], "/data")])
    assert verdicts(task) == {"first": "no_slot", "spare": "no_slot"}
    assert "You may attach up to" in detail(task, "first")
    assert all(aws.nothing_left_of(volume) for volume in two)


# ---- device names


class NameTaken:
    """The name that is asked for first belongs to the image."""

    def __init__(self, instance):
        self._instance = instance

    def play(self, exchange):
        self._instance.taken.add(exchange.call.parameters["Device"])
        exchange.send(exchange.do())


def test_a_device_name_that_is_taken_is_not_asked_for_again(aws, moord, two):
    aws.cloud.fault("AttachVolume", NameTaken(aws.instance), times=2)
    moord.ready("one", ["first:/data"])
    names = aws.devices_asked()
    assert len(names) == len(set(names)) == 3
    moord.ready("two", ["spare:/data"])
    assert len(set(aws.devices_asked())) == 4


def test_names_that_are_attached_already_are_found_out(aws, moord):
    """As after a start of moord on an instance that has disks of others: the first collision tells of all."""
    volume = aws.volume("data")
    letters = "abcdefghijklmnopqrstuvwxyz"
    for device in [f"/dev/xvdb{letter}" for letter in letters[:20]]:
        aws.ebs.volume(f"other-{device[-1]}").attachments.append(Attachment(aws.instance.id, device, "attached"))
    moord.ready("run", ["data:/data"])
    assert aws.attached_here(volume)
    assert aws.cloud.count("AttachVolume") <= 3


# ---- attachments that come to nothing


def test_a_stuck_attach_is_undone_and_its_name_avoided(aws, moord, two):
    first, spare = two
    aws.ebs.attach_as(Attaching.STUCK, first.id)
    assert "attaching" in falls_back(aws, first, spare, "device_missing")
    assert aws.cloud.count("DetachVolume") == 1
    stuck, good = aws.devices_asked()
    assert stuck != good
    moord.release("run")
    # It rests for an hour.
    aws.ebs.attach_as_usual()
    moord.ready("again", ["first:/data"])
    assert stuck not in aws.devices_asked()[1:]


def test_a_name_under_which_no_disk_came_is_not_used_even_when_no_other_is_left(aws, moord):  # rule 19
    volume = aws.volume("data")
    aws.ebs.attach_as(Attaching.STUCK, volume.id)
    moord.failed("run", ["data:/data"])
    [stuck] = aws.devices_asked()
    aws.ebs.attach_as_usual()
    aws.instance.limit = 200
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = [f"/dev/xvd{first}{second}" for first in "bcd" for second in letters] + [
        f"/dev/sd{x}" for x in letters[5:16]
    ]
    for name in set(names) - {stuck}:
        aws.ebs.volume(f"other-{name[5:]}").attachments.append(Attachment(aws.instance.id, name, "attached"))
    task = moord.failed("again", ["data:/data"])
    assert verdicts(task) == {"data": "no_slot"}
    assert "no device name is left" in detail(task, "data")
    assert stuck not in aws.devices_asked()[1:]


def test_an_attach_that_falls_back_is_not_waited_for(aws, two):
    first, spare = two
    aws.moord.config["timeouts"] = PATIENT
    aws.moord.start()
    aws.ebs.attach_as(Attaching.FALLS_BACK, first.id)
    falls_back(aws, first, spare, "attach_failed")


def test_attached_but_no_disk_comes(aws, moord, two):
    first, spare = two
    aws.ebs.attach_as(Attaching.NO_DISK, first.id)
    falls_back(aws, first, spare, "device_missing")
    assert aws.cloud.count("DetachVolume") == 1


def test_a_stuck_attach_without_another_candidate_fails_the_task_and_is_undone(aws, moord):
    volume = aws.volume("data")
    aws.ebs.attach_as(Attaching.STUCK)
    task = moord.failed("run", ["data:/data"])
    assert verdicts(task) == {"data": "device_missing"}
    assert aws.nothing_left_of(volume)


def test_an_attachment_that_is_not_listed_yet_is_waited_for(aws):
    aws.moord.config["timeouts"] = PATIENT
    aws.moord.start()
    volume = aws.volume("data")
    aws.ebs.listed_after = math.inf
    aws.ebs.attach_as(Attaching.WHEN_TOLD)
    assert aws.moord.put("run", ["data:/data"], wait=None).status == 202
    aws.cloud.wait_for_answer("AttachVolume")
    asked = aws.cloud.count("DescribeVolumes")
    aws.cloud.wait_for_answer("DescribeVolumes", asked + 1)  # it says: available, not attached
    aws.ebs.arrive(volume.id)
    task = aws.moord.task("run")
    assert task["state"] == "ready", task
    assert aws.cloud.count("AttachVolume") == 1
    aws.moord.release("run")
    assert aws.nothing_left_of(volume)


# ---- detach


def test_a_release_waits_until_the_volume_is_available_to_others(aws, moord):
    volume = aws.volume("data")
    moord.ready("run", ["data:/data"])
    aws.ebs.detaching_calls = 3
    aws.cloud.forget_calls()
    moord.release("run")
    assert volume.status == "available"
    assert aws.cloud.count("DetachVolume") == 1
    moord.ready("again", ["data:/data"])


def test_a_detach_that_takes_too_long_is_busy_and_goes_on(aws, moord):
    volume = aws.volume("data")
    moord.ready("run", ["data:/data"])
    aws.ebs.detaching_calls = math.inf
    assert moord.delete("run", wait="0s").status in (200, 202)
    moord.wait_for("task.busy", "run")
    task = moord.get("/v1/tasks/run").json
    assert "detaching" in task["mounts"][0]["blocked_by"], task
    volume.attachments.clear()  # at last
    moord.wait_for("task.released", "run")
    assert aws.nothing_left_of(volume)


def test_detached_by_somebody_else_it_is_released_all_the_same(aws, moord):
    volume = aws.volume("data")
    moord.ready("run", ["data:/data"])
    volume.attachments.clear()  # EC2 forgot it; the disk is still there
    moord.delete("run", wait="0s")
    aws.cloud.wait_for_answer("DetachVolume")
    aws.disks.unplug(volume.id)
    if moord.get("/v1/tasks/run").status != 404:
        moord.wait_for("task.released", "run")
    assert aws.nothing_left_of(volume)


@pytest.mark.parametrize("trouble", [THROTTLED, INTERNAL_ERROR, Lost(), HangUp(), Truncated()])
def test_a_detach_with_a_bad_answer_is_tried_again(aws, moord, trouble):
    volume = aws.volume("data")
    moord.ready("run", ["data:/data"])
    aws.cloud.fault("DetachVolume", trouble, times=1)
    moord.release("run")
    assert aws.nothing_left_of(volume)
    assert aws.cloud.count("DetachVolume") == 2


# ---- bad answers that pass


@pytest.mark.parametrize("action", ["DescribeVolumes", "AttachVolume"])
@pytest.mark.parametrize("trouble", [THROTTLED, INTERNAL_ERROR, SERVICE_UNAVAILABLE, UNAVAILABLE, BAD_GATEWAY])
def test_a_refusal_that_passes_is_asked_again(aws, two, action, trouble):
    aws.moord.config["timeouts"] = PATIENT
    aws.moord.start()
    aws.cloud.fault(action, trouble, times=2)
    task = aws.moord.ready("run", [mount(["first", "spare"], "/data")])
    assert verdicts(task)["first"] == "chosen"
    assert aws.cloud.count(action) == 3
    assert aws.cloud.count("DescribeVolumes" if action == "AttachVolume" else "AttachVolume") <= 2


@pytest.mark.parametrize("trouble", [HangUp(), CutOff(), Lost(), Truncated()])
def test_a_describe_that_does_not_arrive_whole_is_asked_again(aws, moord, two, trouble):
    aws.cloud.fault("DescribeVolumes", trouble, times=1)
    moord.ready("run", [mount(["first", "spare"], "/data")])
    assert aws.counts() == {"DescribeVolumes": 2, "AttachVolume": 1}


@pytest.mark.parametrize("trouble", [Lost(), CutOff(), Truncated()])
@pytest.mark.parametrize("listed_after", [0, 2])
def test_an_attachment_whose_answer_was_lost_is_found_to_be_ours(aws, trouble, listed_after):
    aws.moord.config["timeouts"] = PATIENT
    aws.moord.start()
    volume = aws.volume("data")
    aws.ebs.listed_after = listed_after
    aws.cloud.fault("AttachVolume", trouble, times=1)
    task = aws.moord.ready("run", ["data:/data"])
    assert verdicts(task) == {"data": "chosen"}
    assert volume.holders == [aws.instance.id]
    aws.moord.release("run")
    assert aws.nothing_left_of(volume)  # so it was ours


def test_an_attach_that_was_never_done_is_done_again(aws, moord):
    volume = aws.volume("data")
    aws.cloud.fault("AttachVolume", HangUp(), times=1)
    moord.ready("run", ["data:/data"])
    assert aws.cloud.count("AttachVolume") == 2
    assert aws.attached_here(volume)


# ---- bad answers for ever


@pytest.mark.parametrize("trouble", [THROTTLED, INTERNAL_ERROR, HangUp(), Truncated()])
def test_an_api_that_does_not_answer_is_given_up(aws, moord, two, trouble):
    fault = aws.cloud.fault("DescribeVolumes", trouble)
    task = moord.failed("run", [mount(["first", "spare"], "/data")])
    assert verdicts(task) == {"first": "backend_unavailable", "spare": "backend_unavailable"}
    assert "EC2" in detail(task, "first")
    assert 2 <= fault.played <= 10
    assert aws.counts() == {"DescribeVolumes": fault.played}


def test_an_api_that_is_not_there_is_given_up(aws, two):
    aws.moord.start()
    aws.cloud.down()
    task = aws.moord.failed("run", [mount(["first", "spare"], "/data")])
    assert verdicts(task) == {"first": "backend_unavailable", "spare": "backend_unavailable"}
    aws.cloud.up()
    aws.moord.ready("run", [mount(["first", "spare"], "/data")])


def test_a_backend_that_fails_at_the_first_candidate_is_not_asked_for_the_next(aws, two):
    aws.moord.config["timeouts"] = PATIENT
    aws.moord.start()
    aws.cloud.fault("AttachVolume", THROTTLED)
    task = aws.moord.failed("run", [mount(["first", "spare"], "/data")])
    assert verdicts(task) == {"first": "backend_unavailable", "spare": "backend_unavailable"}
    assert {call.parameters["VolumeId"] for call in aws.cloud.called("AttachVolume")} == {two[0].id}


@pytest.mark.slow
def test_a_hanging_describe_is_given_up(aws, moord, two):
    fault = aws.cloud.fault("DescribeVolumes", Hang())
    task = moord.failed("run", [mount(["first", "spare"], "/data")])
    assert verdicts(task) == {"first": "backend_unavailable", "spare": "backend_unavailable"}
    assert 1 <= fault.played <= 4


@pytest.mark.slow
def test_a_hanging_attach_makes_room_for_the_next_candidate(aws, moord, two):
    first, spare = two
    aws.cloud.fault("AttachVolume", Hang(), when=lambda call: call.parameters["VolumeId"] == first.id)
    task = moord.ready("run", [mount(["first", "spare"], "/data")])
    assert verdicts(task)["first"] in ("timed_out", "backend_unavailable")
    assert verdicts(task)["spare"] == "chosen"
    assert aws.attached_here(spare)
    moord.wait_until_gone("first")
    assert aws.nothing_left_of(first)
