"""The XML of the EC2 query API, version 2016-11-15, as its reference shows it: names, order, and indentation."""

from xml.sax.saxutils import escape

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"


def _element(name, content, depth):
    """Content: text, True or False, a dict of elements, a list (each one an <item>), or None for no element at all."""
    pad = "    " * depth
    if content is None:
        return ""
    if isinstance(content, bool):
        content = str(content).lower()
    if isinstance(content, list):
        content = [("item", each) for each in content]
    elif isinstance(content, dict):
        content = list(content.items())
    else:
        text = escape(str(content))
        return f"{pad}<{name}>{text}</{name}>\n" if text else f"{pad}<{name}/>\n"
    inner = "".join(_element(key, value, depth + 1) for key, value in content)
    return f"{pad}<{name}>\n{inner}{pad}</{name}>\n" if inner else f"{pad}<{name}/>\n"


def response(action, request_id, content):
    inner = _element("requestId", request_id, 1) + "".join(_element(key, value, 1) for key, value in content.items())
    return f'{_HEAD}<{action}Response xmlns="{_NAMESPACE}">\n{inner}</{action}Response>'


def error(code, message, request_id):
    return (
        f"{_HEAD}<Response><Errors><Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
        f"</Errors><RequestID>{request_id}</RequestID></Response>"
    )


def _time(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def attachment(volume_id, its):
    return {
        "volumeId": volume_id,
        "instanceId": its.instance,
        "device": its.device,
        "status": its.state,
        "attachTime": _time(its.time),
    }


def volume(its, status, attachments, zone_id):
    return {
        "volumeId": its.id,
        "size": its.size,
        "snapshotId": "",
        "availabilityZone": its.zone,
        "availabilityZoneId": zone_id,
        "status": status,
        "createTime": _time(its.created),
        "attachmentSet": [{**attachment(its.id, each), "deleteOnTermination": False} for each in attachments],
        "tagSet": _tags(its.tags),
        "volumeType": its.type,
        "iops": 3000,
        "encrypted": False,
        "multiAttachEnabled": its.multi_attach,
    }


def _tags(tags):
    return [{"key": key, "value": value} for key, value in tags.items()] or None


def _mapping(device, volume_id, status, moment):
    ebs = {"volumeId": volume_id, "status": status, "attachTime": _time(moment), "deleteOnTermination": False}
    return {"deviceName": device, "ebs": ebs}


def instance(its, devices, created):
    """devices: device → (volume id, attachment)."""
    codes = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
    mappings = [_mapping("/dev/xvda", its.root, "attached", created)]
    mappings += [_mapping(device, volume_id, a.state, a.time) for device, (volume_id, a) in devices.items()]
    return {
        "instanceId": its.id,
        "imageId": "ami-0123456789abcdef0",
        "instanceState": {"code": codes[its.state], "name": its.state},
        "privateDnsName": "ip-10-0-0-1.ec2.internal",
        "instanceType": its.type,
        "launchTime": _time(created),
        "placement": {"availabilityZone": its.zone, "groupName": "", "tenancy": "default"},
        "architecture": "x86_64",
        "rootDeviceType": "ebs",
        "rootDeviceName": "/dev/xvda",
        "blockDeviceMapping": mappings,
    }


def reservation(its, devices, created):
    return {
        "reservationId": "r-0123456789abcdef0",
        "ownerId": "123456789012",
        "groupSet": [],
        "instancesSet": [instance(its, devices, created)],
    }
