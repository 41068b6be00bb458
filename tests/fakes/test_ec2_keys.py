"""The fake EC2 takes only requests that were signed with a key it knows, whoever signs."""

import dataclasses
import datetime
import http.client

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from conftest import client_for
from ebs import now
from test_ec2 import refused

FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
BODY = b"Action=DescribeVolumes&Version=2016-11-15"


def signed_request(cloud, key, body=BODY, **more):
    request = AWSRequest("POST", f"{cloud.url}/", headers={**FORM, **more}, data=body)
    SigV4Auth(Credentials(key.access_key_id, key.secret_access_key, key.token), "ec2", "us-east-1").add_auth(request)
    return request


def send(cloud, request, body=BODY):
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port)
    try:
        connection.request("POST", "/", body, dict(request.headers))
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize("of_a_role", [True, False])
def test_takes_what_botocore_signs(cloud, of_a_role):
    key = cloud.new_key(of_a_role=of_a_role)
    client_for(cloud, key).describe_volumes()
    status, text = send(cloud, signed_request(cloud, key, **{"X-Other": "a  b ", "User-Agent": "moord"}))
    assert status == 200
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<DescribeVolumesResponse xmlns=')


def test_refuses_what_was_changed_after_it_was_signed(cloud):
    key = cloud.new_key()
    assert send(cloud, signed_request(cloud, key), BODY.replace(b"Volumes", b"Instances"))[0] == 401
    for name, value in [
        ("X-Amz-Security-Token", "other"),
        ("X-Other", "other"),
        ("Content-Type", FORM["Content-Type"][:33]),
    ]:
        request = signed_request(cloud, key, **{"X-Other": "mine"})
        del request.headers[name]
        request.headers[name] = value
        status, text = send(cloud, request)
        assert status == 401
        assert "<Code>AuthFailure</Code><Message>AWS was not able to validate the provided access credentials" in text


def test_refuses_other_keys_and_unsigned_requests(cloud):
    key = cloud.new_key()
    wrong_secret = dataclasses.replace(key, secret_access_key="wrong")
    wrong_id = dataclasses.replace(key, access_key_id="ASIAWRONG")
    no_token = dataclasses.replace(key, token=None)
    for wrong in wrong_secret, wrong_id, no_token:
        assert refused(client_for(cloud, wrong).describe_volumes)[:2] == (401, "AuthFailure")
    status, text = send(cloud, AWSRequest("POST", "/", headers=FORM))
    assert status == 400
    assert "AWSAccessKeyId" in text


def test_says_that_a_key_has_expired(cloud):
    key = cloud.new_key()
    client = client_for(cloud, key)
    key.expired = True
    assert refused(client.describe_volumes) == (400, "RequestExpired", "Request has expired.")
    key.expired_as = "ExpiredToken"
    assert refused(client.describe_volumes)[1] == "ExpiredToken"
    key.expired = False
    client.describe_volumes()
    key.expires = now() - datetime.timedelta(seconds=1)
    assert refused(client.describe_volumes)[1] == "ExpiredToken"


def test_says_what_a_key_may_not_do(cloud):
    key = cloud.new_key(may={"DescribeVolumes"})
    client = client_for(cloud, key)
    client.describe_volumes()
    status, code, text = refused(client.attach_volume, VolumeId="vol-1", InstanceId="i-1", Device="/dev/sdf")
    assert (status, code) == (403, "UnauthorizedOperation")
    assert "ec2:AttachVolume" in text
