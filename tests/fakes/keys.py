"""Keys that a fake cloud knows, and whether a request was really signed with one (Signature Version 4, by botocore)."""

import dataclasses
import datetime
import hashlib
import hmac
import re
import secrets

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from ebs import ApiError, now

# Older requests than this are refused ("Create a signed AWS API request", IAM User Guide).
_STALE = datetime.timedelta(minutes=5)
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>\w+)/(?P<date>\d{8})/(?P<region>[\w-]+)/(?P<service>\w+)/aws4_request, ?"
    r"SignedHeaders=(?P<headers>[\w;-]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclasses.dataclass
class Key:
    access_key_id: str
    secret_access_key: str
    token: str | None = None
    may: set | None = None  # the actions that it may do; None: all
    expires: datetime.datetime = dataclasses.field(default_factory=lambda: now() + datetime.timedelta(hours=6))
    expired: bool = False  # to the API, whatever the time
    expired_as: str = "RequestExpired"  # what EC2 says; ExpiredToken is what others say

    def secrets(self):
        """What may be read nowhere."""
        return [self.secret_access_key] + ([self.token] if self.token else [])

    def boto(self):
        """As arguments of a boto3 client."""
        return {
            "aws_access_key_id": self.access_key_id,
            "aws_secret_access_key": self.secret_access_key,
            "aws_session_token": self.token,
        }


def new_key(of_a_role=True, **more):
    # The first letters tell the kind ("IAM identifiers", IAM User Guide).
    key_id = ("ASIA" if of_a_role else "AKIA") + secrets.token_hex(8).upper()
    # With the characters that base64 has and URLs do not like.
    token = f"IQoJb3JpZ2luX2Vj+/{secrets.token_hex(60)}==" if of_a_role else None
    return Key(key_id, f"{secrets.token_hex(18)}/+aB", token, **more)


class _ExactHeaders(SigV4Auth):
    """Signs the headers that the request has, whichever they are."""

    def headers_to_sign(self, request):
        headers = HTTPHeaders()
        for name, value in request.headers.items():
            headers[name.lower()] = value
        return headers


def _signature(request, key, found):
    names = found["headers"].split(";")
    if any(request.headers.get(name) is None for name in names):
        return ""
    signer = _ExactHeaders(
        Credentials(key.access_key_id, key.secret_access_key, key.token), found["service"], found["region"]
    )
    signed = AWSRequest(
        method=request.method,
        url=f"http://{request.headers['Host']}{request.path}",
        headers={name: ",".join(request.headers.get_all(name)) for name in names},
        data=request.body,
    )
    signed.context["timestamp"] = request.headers.get("X-Amz-Date", "")
    text = signer.string_to_sign(signed, signer.canonical_request(signed))
    return signer.signature(text, signed)


_NOT_VALID = "AWS was not able to validate the provided access credentials"


def authenticate(request, keys, action, service="ec2"):
    """The region that a request was signed for. Raises ApiError when its key, or its signature, is not good for it."""
    found = _AUTHORIZATION.fullmatch(request.headers.get("Authorization", ""))
    if not found:
        raise ApiError("MissingParameter", "The request must contain the parameter AWSAccessKeyId")
    key = keys.get(found["key"])
    signed = found["headers"].split(";")
    whole = {"host", "x-amz-date"} | ({"x-amz-security-token"} if key and key.token else set())
    checksum = request.headers.get("X-Amz-Content-SHA256", hashlib.sha256(request.body).hexdigest())
    if (
        key is None
        or found["service"] != service
        or not whole.issubset(signed)
        or signed != sorted(signed)
        or checksum != hashlib.sha256(request.body).hexdigest()
        or request.headers.get("X-Amz-Security-Token") != key.token
        or found["date"] != request.headers["X-Amz-Date"][:8]
        or not hmac.compare_digest(_signature(request, key, found), found["signature"])
    ):
        raise ApiError("AuthFailure", _NOT_VALID, 401)
    _must_be_fresh(request, key)
    if key.may is not None and action not in key.may:
        raise ApiError(
            "UnauthorizedOperation",
            f"You are not authorized to perform this operation. User: arn:aws:sts::123456789012:assumed-role/node is "
            f"not authorized to perform: {service}:{action} because no identity-based policy allows it",
            403,
        )
    return found["region"]


def _must_be_fresh(request, key):
    sent = datetime.datetime.strptime(request.headers["X-Amz-Date"] + "+0000", "%Y%m%dT%H%M%SZ%z")
    if abs(now() - sent) > _STALE:
        raise ApiError("RequestExpired", f"Request has expired. Timestamp date is {sent:%Y-%m-%dT%H:%M:%SZ}")
    if key.expired or now() >= key.expires:
        texts = {
            "RequestExpired": "Request has expired.",
            "ExpiredToken": "The security token included in the request is expired",
        }
        raise ApiError(key.expired_as, texts[key.expired_as])
