"""What a test can make go wrong, as a client sees it."""

import http.client
import threading

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError
from botocore.parsers import ResponseParserError
from conftest import client_for
from ec2 import BAD_GATEWAY, INTERNAL_ERROR, SERVICE_UNAVAILABLE, THROTTLED, UNAVAILABLE, Ec2
from server import CutOff, Hang, HangUp, Held, Lost, Truncated
from test_ec2 import attach, refused


@pytest.fixture
def volume(cloud):
    cloud.ebs.instance("i-1")
    return cloud.ebs.volume("data")


@pytest.mark.parametrize(
    ("trouble", "status", "code"),
    [
        (THROTTLED, 503, "RequestLimitExceeded"),
        (INTERNAL_ERROR, 500, "InternalError"),
        (UNAVAILABLE, 503, "Unavailable"),
        (SERVICE_UNAVAILABLE, 503, "ServiceUnavailable"),
    ],
)
def test_refusals_come_as_often_as_told_and_nothing_is_done(cloud, ec2, volume, trouble, status, code):
    fault = cloud.fault("AttachVolume", trouble, times=2)
    for _ in range(2):
        assert refused(lambda: attach(ec2, volume))[:2] == (status, code)
    assert fault.played == 2
    assert volume.attachments == []
    attach(ec2, volume)
    assert [call.status for call in cloud.called("AttachVolume")] == [status, status, 200]


def test_an_answer_that_is_no_xml(cloud, ec2):
    cloud.fault("DescribeVolumes", BAD_GATEWAY, times=1)
    with pytest.raises(ClientError, match="502"):
        ec2.describe_volumes()


@pytest.mark.parametrize(
    ("trouble", "done", "seen"),
    [
        (HangUp(), False, ConnectionClosedError),
        (Lost(), True, ConnectionClosedError),
        (CutOff(), True, ConnectionClosedError),
        (Truncated(), True, ResponseParserError),
    ],
)
def test_answers_that_do_not_come_whole(cloud, ec2, volume, trouble, done, seen):
    cloud.fault("AttachVolume", trouble, times=1)
    with pytest.raises(seen):
        attach(ec2, volume)
    if done:
        cloud.wait_until(lambda: [a.state for a in volume.attachments] == ["attached"])
    else:
        assert volume.attachments == []
    ec2.describe_volumes()


def test_a_hanging_call_holds_up_nobody_else(cloud, ec2):
    cloud.fault("DescribeVolumes", Hang(), times=1)
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port)
    body = "Action=DescribeVolumes&Version=2016-11-15"
    connection.request("POST", "/", body, {"Content-Type": "application/x-www-form-urlencoded"})
    cloud.wait_for("DescribeVolumes")
    ec2.describe_volumes()
    assert [call.status for call in cloud.calls] == [None, 200]
    cloud.close()
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        connection.getresponse()


def test_a_held_call_is_done_and_answered_when_it_is_let_go(cloud, ec2, volume):
    held = Held()
    cloud.fault("AttachVolume", held, times=1)
    caller = threading.Thread(target=attach, args=(ec2, volume))
    caller.start()
    cloud.wait_until(lambda: volume.attachments)
    assert cloud.called("AttachVolume")[0].status is None
    held.let_go()
    caller.join()
    assert cloud.called("AttachVolume")[0].status == 200


def test_faults_end_when_the_test_says_so(cloud, ec2):
    fault = cloud.fault("*", THROTTLED)
    assert refused(ec2.describe_volumes)[0] == 503
    assert refused(ec2.describe_instances)[0] == 503
    fault.end()
    ec2.describe_volumes()
    cloud.fault("DescribeVolumes", THROTTLED)
    cloud.mend()
    ec2.describe_volumes()


def test_connections_are_kept(cloud, ec2):
    for _ in range(3):
        ec2.describe_volumes()
    assert {call.request.connection for call in cloud.calls} == {1}


def test_is_down_until_it_is_up_and_can_go_down_again():
    with Ec2(up=False) as cloud:
        key = cloud.new_key()
        for _ in range(2):
            with pytest.raises(EndpointConnectionError):
                client_for(cloud, key).describe_volumes()
            cloud.up()
            client_for(cloud, key).describe_volumes()
            cloud.down()
