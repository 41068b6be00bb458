"""The fake metadata service gives botocore what the real one gives it."""

import http.client

import pytest
from botocore.utils import InstanceMetadataFetcher
from ebs import Instance
from imds import INTERNAL_ERROR, Imds
from keys import new_key
from server import Hang


@pytest.fixture
def imds():
    with Imds(Instance("i-1", "us-west-2-lax-1a")) as made:
        yield made


def ask(imds, method, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", imds.port)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def token(imds, ttl="60"):
    return ask(imds, "PUT", "/latest/api/token", X_aws_ec2_metadata_token_ttl_seconds=ttl)


def get(imds, path):
    return ask(imds, "GET", path, X_aws_ec2_metadata_token=token(imds)[1])


def test_gives_a_role_its_credentials(imds):
    key = new_key()
    imds.give("node-role", key)
    found = InstanceMetadataFetcher(base_url=imds.url, num_attempts=1).retrieve_iam_role_credentials()
    assert found["role_name"] == "node-role"
    assert (found["access_key"], found["secret_key"], found["token"]) == (
        key.access_key_id,
        key.secret_access_key,
        key.token,
    )
    assert found["expiry_time"] == f"{key.expires:%Y-%m-%dT%H:%M:%SZ}"
    assert imds.count("token") == 1


def test_without_a_role_there_are_no_credentials(imds):
    assert get(imds, "/latest/meta-data/iam/security-credentials/")[0] == 404
    assert InstanceMetadataFetcher(base_url=imds.url, num_attempts=1).retrieve_iam_role_credentials() == {}


def test_says_where_the_instance_is(imds):
    status, document = get(imds, "/latest/dynamic/instance-identity/document")
    assert status == 200
    assert '"region": "us-west-2"' in document
    assert '"availabilityZone": "us-west-2-lax-1a"' in document
    assert get(imds, "/latest/meta-data/placement/availability-zone-id") == (200, "usw2-lax1-az1")
    assert get(imds, "/latest/meta-data/services/domain") == (200, "amazonaws.com")
    assert get(imds, "/latest/meta-data/placement/availability-zone/") == (200, "us-west-2-lax-1a")
    assert get(imds, "/latest/meta-data/nothing")[0] == 404


def test_gives_nothing_without_a_token_of_its_own(imds):
    path = "/latest/meta-data/instance-id"
    assert ask(imds, "GET", path)[0] == 401
    assert ask(imds, "GET", path, X_aws_ec2_metadata_token="mine")[0] == 401
    good = token(imds)[1]
    assert ask(imds, "GET", path, X_aws_ec2_metadata_token=good) == (200, "i-1")
    assert imds.secrets() == [good]
    imds.forget_tokens()
    assert ask(imds, "GET", path, X_aws_ec2_metadata_token=good)[0] == 401
    assert token(imds, ttl="21601")[0] == 400
    proxied = {"X_Forwarded_For": "10.0.0.1", "X_aws_ec2_metadata_token_ttl_seconds": "60"}
    assert ask(imds, "PUT", "/latest/api/token", **proxied)[0] == 403


def test_behind_too_low_a_hop_limit_there_is_no_token(imds):
    imds.fault("token", Hang())
    connection = http.client.HTTPConnection("127.0.0.1", imds.port)
    connection.request("PUT", "/latest/api/token", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"})
    imds.wait_for("token")
    assert ask(imds, "GET", "/latest/meta-data/instance-id")[0] == 401
    assert imds.called("token")[0].status is None
    connection.close()


def test_trouble_of_its_own(imds):
    imds.fault("*", INTERNAL_ERROR, times=1)
    assert token(imds)[0] == 500
    assert token(imds)[0] == 200
    imds.down()
    with pytest.raises(ConnectionRefusedError):
        token(imds)
    imds.up()
    assert token(imds)[0] == 200
