"""A fake instance metadata service of EC2, version 2 only (EC2 User Guide, "Access instance metadata").

Calls are named by their path below /latest/ ("dynamic/instance-identity/document"), and "token" for the PUT. What a
container behind too low a hop limit sees is `imds.fault("token", Hang())`.
"""

import json
import secrets
import time

from ebs import ZONE_IDS, now, region_of
from server import Answer, FakeServer, Refuse

_TOKEN_PATH = "/latest/api/token"
_ROLES = "meta-data/iam/security-credentials"
_DOCUMENT = "dynamic/instance-identity/document"
_LONGEST = 21600  # seconds


def _page(status, title, **headers):
    text = (
        '<?xml version="1.0" encoding="iso-8859-1"?>\n'
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"\n'
        '\t"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">\n'
        '<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">\n'
        f" <head>\n  <title>{status} - {title}</title>\n </head>\n <body>\n  <h1>{status} - {title}</h1>\n"
        " </body>\n</html>\n"
    )
    return Answer(status, text, {"Content-Type": "text/html", "Server": "EC2ws", **headers})


INTERNAL_ERROR = Refuse(lambda: _page(500, "Internal Server Error"))
UNAUTHORIZED = Refuse(lambda: _page(401, "Unauthorized"))
FORBIDDEN = Refuse(lambda: _page(403, "Forbidden"))  # it is switched off for this instance


class Imds(FakeServer):
    def __init__(self, instance, account="123456789012", up=True):
        self.instance = instance  # an ebs.Instance
        self.account = account
        self.domain, self.partition = "amazonaws.com", "aws"
        self.role = None  # name of the instance profile's role
        self.key = None  # its credentials of this moment
        self.problem = None  # (code, message) instead of credentials
        self.tokens = {}  # token → time.monotonic() of its end
        super().__init__(up)

    # ---- what a test sets up

    def give(self, role, key):
        """A role, or new credentials for it; the key says when they expire."""
        with self.changed:
            self.role, self.key, self.problem = role, key, None

    def forget_tokens(self):
        """As if it had been restarted: tokens that were given are refused."""
        with self.changed:
            self.tokens.clear()

    def secrets(self):
        """Every token that it ever gave; what may be read nowhere."""
        return [call.given for call in self.called("token") if hasattr(call, "given")]

    # ---- HTTP

    def name_of(self, request):
        if request.path == _TOKEN_PATH:
            return ("token" if request.method == "PUT" else "token by " + request.method), {}
        return request.path.removeprefix("/latest/"), {}

    def answer(self, call):
        with self.changed:
            if call.name == "token":
                return self._give_token(call)
            token = call.request.headers.get("X-aws-ec2-metadata-token")
            if call.request.method != "GET" or self.tokens.get(token, 0) < time.monotonic():
                return _page(401, "Unauthorized")
            text = self._texts().get(call.name.rstrip("/"))
            if text is None:
                return _page(404, "Not Found")
            return Answer(200, text, {"Content-Type": "text/plain", "Server": "EC2ws"})

    def _give_token(self, call):
        headers = call.request.headers
        if "X-Forwarded-For" in headers:  # it came through a proxy
            return _page(403, "Forbidden")
        seconds = headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        if not seconds.isdecimal() or not 1 <= int(seconds) <= _LONGEST:
            return _page(400, "Bad Request")
        call.given = f"AQAE{secrets.token_urlsafe(40)}=="
        self.tokens[call.given] = time.monotonic() + int(seconds)
        return Answer(
            200,
            call.given,
            {
                "X-Aws-Ec2-Metadata-Token-Ttl-Seconds": seconds,
                "Content-Type": "text/plain",
                "Server": "EC2ws",
            },
        )

    def _texts(self):
        here = self.instance
        texts = {
            _DOCUMENT: json.dumps(self._document(), indent=2),
            "meta-data/instance-id": here.id,
            "meta-data/instance-type": here.type,
            "meta-data/placement/availability-zone": here.zone,
            "meta-data/placement/availability-zone-id": ZONE_IDS.get(here.zone),
            "meta-data/placement/region": here.region,
            "meta-data/services/domain": self.domain,
            "meta-data/services/partition": self.partition,
        }
        if self.role:
            texts[_ROLES] = self.role
            texts[f"{_ROLES}/{self.role}"] = json.dumps(self._credentials(), indent=2)
        return texts

    def _document(self):
        here = self.instance
        return {
            "accountId": self.account,
            "architecture": "x86_64",
            "availabilityZone": here.zone,
            "billingProducts": None,
            "devpayProductCodes": None,
            "marketplaceProductCodes": None,
            "imageId": "ami-0123456789abcdef0",
            "instanceId": here.id,
            "instanceType": here.type,
            "kernelId": None,
            "pendingTime": "2024-05-01T10:00:00Z",
            "privateIp": "10.0.0.1",
            "ramdiskId": None,
            "region": region_of(here.zone),
            "version": "2017-09-30",
        }

    def _credentials(self):
        at = f"{now():%Y-%m-%dT%H:%M:%SZ}"
        if self.problem:
            return {"Code": self.problem[0], "Message": self.problem[1], "LastUpdated": at}
        return {
            "Code": "Success",
            "LastUpdated": at,
            "Type": "AWS-HMAC",
            "AccessKeyId": self.key.access_key_id,
            "SecretAccessKey": self.key.secret_access_key,
            "Token": self.key.token,
            "Expiration": f"{self.key.expires:%Y-%m-%dT%H:%M:%SZ}",
        }
