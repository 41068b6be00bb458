"""Our signatures are those of botocore, over generated requests."""

import datetime
import json
import os
import pathlib
import random
import string
import subprocess
from unittest import mock
from urllib.parse import quote

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

BIN = pathlib.Path(os.environ["MOORING_BIN"])
SEED = 20150830
COUNT = 400

SEGMENTS = ["", ".", "..", "a", "volumes", "-._~", "a b", "ünïcode", "日本", "a+b=c", "100%", "%41", "a;b,c:d@e!$&'()*"]
TEXTS = ["", "1", "10", "9", "a b", "a+b", "ü", "日本/語", "a=b&c", "%", "~tilde", "-._", "\t\n", "x" * 300]


def path(rng):
    if rng.random() < 0.2:
        return rng.choice(["", "/", "//", "/.", "/..", "/../", "/a/..", "/a/."])
    segments = [quote(rng.choice(SEGMENTS), safe=rng.choice(["", "~", "!$&'()*+,;=:@"])) for _ in range(rng.randint(1, 5))]
    return "/" + "/".join(segments) + rng.choice(["", "/", "//"])


def query(rng):
    def pair():
        name, value = quote(rng.choice(TEXTS), safe="-_.~"), quote(rng.choice(TEXTS), safe="-_.~")
        return rng.choice([f"{name}={value}", f"{name}={value}", f"{name}=", name, f"={value}", "Filter.1.Name=tag%3AName"])

    pairs = [pair() for _ in range(rng.randint(0, 6))]
    pairs += rng.sample(pairs, rng.randint(0, len(pairs)))  # repeated ones
    return rng.choice(["", "?"]) if not pairs else "?" + "&".join(pairs)


def headers(rng):
    values = ["x", "", "two  spaces", "  around  ", "\ttab\tin", '"a   b"', "a,b"]
    names = ["Content-Type", "Accept", "X-Amz-Target", "x-custom", "X-CUSTOM", "My-Header1", "Zz", "If-Match", "Range"]
    return [[rng.choice(names), rng.choice(values)] for _ in range(rng.randint(0, 6))]


def secret(rng, length):
    return "".join(rng.choices(string.ascii_letters + string.digits + "+/=", k=length))


def generated():
    rng = random.Random(SEED)
    for _ in range(COUNT):
        host = rng.choice(["ec2.us-east-1.amazonaws.com", "STS.eu-west-1.amazonaws.com", "127.0.0.1", "[fd00:ec2::23]"])
        port = rng.choice(["", "", ":443", ":80", ":8443"])
        body = rng.choice(["", "Action=DescribeVolumes&Version=2016-11-15", "ü日本\n\0", secret(rng, 100) * rng.randint(1, 1000)])
        when = datetime.datetime(2000, 1, 1) + datetime.timedelta(seconds=rng.randrange(2**31))
        yield {
            "method": rng.choice(["GET", "POST", "PUT", "DELETE"]),
            "url": rng.choice(["https", "https", "http"]) + "://" + host + port + path(rng) + query(rng),
            "headers": headers(rng),
            "body": body,
            "access_key": "AKIA" + secret(rng, 16),
            "secret": secret(rng, 40),
            "token": rng.choice(["", secret(rng, 20), secret(rng, 1500)]),
            "region": rng.choice(["us-east-1", "eu-west-1", "us-gov-west-1", "cn-north-1"]),
            "service": rng.choice(["ec2", "sts"]),
            "time": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


def botocores(asked):
    request = AWSRequest(method=asked["method"], url=asked["url"], data=asked["body"].encode())
    for name, value in asked["headers"]:
        request.headers.add_header(name, value)
    credentials = Credentials(asked["access_key"], asked["secret"], asked["token"] or None)
    frozen = datetime.datetime.strptime(asked["time"], "%Y-%m-%dT%H:%M:%SZ")
    with mock.patch.object(botocore.auth, "get_current_datetime", lambda *_, **__: frozen):
        botocore.auth.SigV4Auth(credentials, asked["service"], asked["region"]).add_auth(request)
    return request.headers["Authorization"]


def ours(requests):
    lines = "".join(json.dumps(request) + "\n" for request in requests)
    done = subprocess.run([BIN / "sign_request"], input=lines, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def requests():
    return list(generated())


def test_signatures_are_those_of_botocore(requests):
    signatures = ours(requests)
    assert len(signatures) == COUNT
    for request, signature in zip(requests, signatures):
        assert signature == botocores(request), {key: str(value)[:300] for key, value in request.items()}


def test_the_requests_are_as_odd_as_they_should_be(requests):
    urls = [request["url"] for request in requests]
    for odd in ("%20", "//", "/../", "%25", "=&", "&=", "%E6%97%A5"):
        assert sum(odd in url.split("://")[1] for url in urls) > 5, odd
    assert any(len(request["body"]) > 50_000 for request in requests)
    assert any(not request["token"] for request in requests) and any(len(request["token"]) > 1000 for request in requests)
    names = [[name.lower() for name, _ in request["headers"]] for request in requests]
    assert sum(len(set(of_one)) < len(of_one) for of_one in names) > 20
