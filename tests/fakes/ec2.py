"""A fake EC2: the part of the query API that attaches volumes, with what goes wrong in the real one.

    with Ec2(plug=disks.plug, unplug=disks.unplug) as cloud:
        key = cloud.new_key()
        instance = cloud.ebs.instance(zone="us-east-1a")
        volume = cloud.ebs.volume("data", zone="us-east-1a")
        cloud.fault("AttachVolume", THROTTLED, times=2)
        …
        cloud.wait_for("AttachVolume", 3)
        assert cloud.counts() == {"DescribeVolumes": 1, "AttachVolume": 3}

Faults of the wire and of the API are in server.py and below; how an accepted AttachVolume goes on is ebs.Attaching. The
region is the one that a request was signed for, so one fake serves them all.
"""

import base64
import re
import secrets
import uuid
from urllib.parse import parse_qsl

import ec2_xml
import keys
from ebs import ZONE_IDS, ApiError, Ebs, now
from server import Answer, FakeServer, Refuse

_VERSION = "2016-11-15"
_MOST_FILTER_VALUES = 200  # "Filter" in the API's reference


def _answer(status, text, request_id, then=lambda: None):
    headers = {
        "x-amzn-RequestId": request_id,
        "Cache-Control": "no-cache, no-store",
        "Content-Type": "text/xml;charset=UTF-8",
        "Server": "AmazonEC2",
    }
    if status != 200:
        headers["Connection"] = "close"  # as the real one does
    return Answer(status, text, headers, chunked=True, then=then)


def refuse(code, message, status=400, **headers):
    """A fault: nothing is done, and this error is the answer."""

    def answer():
        request_id = str(uuid.uuid4())
        made = _answer(status, ec2_xml.error(code, message, request_id), request_id)
        made.headers.update(headers)
        return made

    return Refuse(answer)


THROTTLED = refuse("RequestLimitExceeded", "Request limit exceeded.", 503)
INTERNAL_ERROR = refuse("InternalError", "An internal error has occurred", 500)
UNAVAILABLE = refuse("Unavailable", "The service is unavailable. Please try again shortly.", 503)
SERVICE_UNAVAILABLE = refuse("ServiceUnavailable", "Service is unable to handle request.", 503)
# What a load balancer before the service says.
BAD_GATEWAY = Refuse(Answer(502, "<html><body><h1>502 Bad Gateway</h1></body></html>", {"Content-Type": "text/html"}))


def _numbered(parameters, name):
    """VolumeId.1, VolumeId.2, … in their order."""
    found = {int(m[1]): value for key, value in parameters.items() if (m := re.fullmatch(rf"{name}\.(\d+)", key))}
    return [found[number] for number in sorted(found)]


def _filters(parameters):
    """[(name, values)] of Filter.N.Name and Filter.N.Value.M."""
    numbers = sorted({int(m[1]) for key in parameters if (m := re.match(r"Filter\.(\d+)\.", key))})
    filters = [(parameters.get(f"Filter.{n}.Name"), _numbered(parameters, rf"Filter\.{n}\.Value")) for n in numbers]
    if sum(len(values) for _, values in filters) > _MOST_FILTER_VALUES:
        raise ApiError("FilterLimitExceeded", "The maximum number of filter values specified on a single call is 200")
    return filters


def _like(pattern, text):
    """Filters know * and ?, and a backslash before them ("List and filter", EC2 User Guide)."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    regex = "".join({"*": ".*", "?": "."}.get(part) or re.escape(part[-1]) for part in parts)
    return re.fullmatch(regex, text, re.DOTALL) is not None


def _values(volume, name):
    """What a volume has to compare with a filter."""
    if name.startswith("tag:"):
        return [volume.tags[name[4:]]] if name[4:] in volume.tags else []
    known = {
        "volume-id": [volume.id],
        "tag-key": list(volume.tags),
        "availability-zone": [volume.zone],
        "status": [volume.status],
        "attachment.instance-id": [a.instance for a in volume.attachments],
        "attachment.status": [a.state for a in volume.attachments],
        "attachment.device": [a.device for a in volume.attachments],
    }
    if name not in known:
        raise ApiError("InvalidParameterValue", f"The filter '{name}' is invalid")
    return known[name]


def _fits(volume, filters):
    return all(any(_like(p, value) for p in patterns for value in _values(volume, name)) for name, patterns in filters)


class Ec2(FakeServer):
    def __init__(self, plug=None, unplug=None, up=True):
        self.ebs = Ebs(plug, unplug)
        self.keys = {}
        self.page_sizes = []  # of DescribeVolumes, in turn, 0 for an empty one; what is left is the last page
        self._pages = {}  # token → (question, volumes that are left, page number)
        self._started = now()
        super().__init__(up)

    def new_key(self, **more):
        """A key that is good here; see keys.new_key."""
        key = keys.new_key(**more)
        self.keys[key.access_key_id] = key
        return key

    # ---- HTTP

    def name_of(self, request):
        parameters = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        return parameters.pop("Action", ""), parameters

    def answer(self, call):
        request_id = str(uuid.uuid4())
        actions = {
            "DescribeVolumes": self._describe_volumes,
            "DescribeInstances": self._describe_instances,
            "AttachVolume": self._attach_volume,
            "DetachVolume": self._detach_volume,
        }
        with self.changed:
            try:
                self._check(call, actions)
                region = keys.authenticate(call.request, self.keys, call.name)
                content, then = actions[call.name](call.parameters, region)
            except ApiError as error:
                return _answer(error.status, ec2_xml.error(error.code, error.message, request_id), request_id)
        return _answer(200, ec2_xml.response(call.name, request_id, content), request_id, self._locked(then))

    def _locked(self, then):
        def run():
            with self.changed:
                then()
                self.changed.notify_all()

        return run

    @staticmethod
    def _check(call, actions):
        content_type = call.request.headers.get("Content-Type", "").split(";")[0]
        if call.request.method != "POST" or content_type != "application/x-www-form-urlencoded":
            raise ApiError("InvalidRequest", "this fake takes a POST with a form, as moord and botocore send it")
        if call.parameters.get("Version") != _VERSION or call.name not in actions:
            raise ApiError(
                "InvalidAction",
                f"The action {call.name} is not valid for this web service. (Version {_VERSION} is known here.)",
            )

    # ---- actions: (content, what comes after the answer)

    def _describe_volumes(self, parameters, region):
        ids, filters = _numbered(parameters, "VolumeId"), _filters(parameters)
        question = ids, filters, region
        if ids and "MaxResults" in parameters:
            raise ApiError(
                "InvalidParameterCombination", "The parameter volumeSet cannot be used with the parameter maxResults"
            )
        most = int(parameters.get("MaxResults", 1000))
        if not 5 <= most <= 1000:
            raise ApiError(
                "InvalidParameterValue", f"Value ( {most} ) for parameter maxResults is invalid. Expecting 5 to 1000."
            )
        if token := parameters.get("NextToken"):
            asked, left, page = self._pages.pop(token, (None, [], 0))
            if asked != question:
                raise ApiError("InvalidParameterValue", "Unable to parse pagination token")
        else:
            wanted = [self.ebs.find(volume_id, region) for volume_id in ids] or list(self.ebs.volumes.values())
            left, page = [v for v in wanted if v.region == region and _fits(v, filters)], 0
        size = self.page_sizes[page] if page < len(self.page_sizes) else len(left)
        now_shown, left = left[: min(size, most)], left[min(size, most) :]
        content = {"volumeSet": [self._volume(each) for each in now_shown]}
        if left or page < len(self.page_sizes):
            content["nextToken"] = base64.b64encode(secrets.token_bytes(61)).decode()
            self._pages[content["nextToken"]] = (question, left, page + 1)
        return content, lambda: None

    def _volume(self, volume):
        status, attachments = self.ebs.look(volume)
        return ec2_xml.volume(volume, status, attachments, ZONE_IDS.get(volume.zone))

    def _describe_instances(self, parameters, region):
        ids, filters = _numbered(parameters, "InstanceId"), _filters(parameters)
        if any(name != "instance-id" for name, _ in filters):
            raise ApiError("InvalidParameterValue", "this fake filters instances by instance-id only")
        wanted = [self.ebs.find_instance(each, region) for each in ids] or self.ebs.instances.values()
        shown = [i for i in wanted if i.region == region and all(i.id in values for _, values in filters)]
        return {
            "reservationSet": [ec2_xml.reservation(i, self.ebs.devices_of(i), self._started) for i in shown]
        }, lambda: None

    def _attach_volume(self, parameters, region):
        volume_id = parameters.get("VolumeId")
        attachment, then = self.ebs.attach(volume_id, parameters.get("InstanceId"), parameters.get("Device"), region)
        # The answer says `attaching`, however far it is already.
        return {**ec2_xml.attachment(volume_id, attachment), "status": "attaching"}, then

    def _detach_volume(self, parameters, region):
        volume_id = parameters.get("VolumeId")
        attachment = self.ebs.detach(volume_id, parameters.get("InstanceId"), parameters.get("Device"), region)
        return {**ec2_xml.attachment(volume_id, attachment), "status": "detaching"}, lambda: None
