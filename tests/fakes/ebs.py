"""What a fake EC2 knows of volumes and instances, and the rules by which it attaches the ones to the others.

The words of errors are those of the real API, as public bug reports quote them; its documentation only has the codes.
"""

import dataclasses
import datetime
import math
import re
import secrets

# What devices may be called: EBS User Guide, "Device names for volumes on Amazon EC2 instances".
_DEVICE = re.compile(r"(/dev/)?(sd[a-z]([1-9]|1[0-5])?|xvd[a-z]|xvd[a-d][a-z])")

# Names differ between accounts, ids do not: nobody may take the one for the other.
ZONE_IDS = {
    "us-east-1a": "use1-az4",
    "us-east-1b": "use1-az6",
    "us-west-2a": "usw2-az2",
    "us-west-2-lax-1a": "usw2-lax1-az1",
    "eu-west-1a": "euw1-az3",
    "eu-west-1b": "euw1-az1",
}


class ApiError(Exception):
    def __init__(self, code, message, status=400):
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


class Attaching:
    """How an AttachVolume goes on after it was accepted."""

    AFTER_ANSWER = "the disk comes right after the answer"
    BEFORE_ANSWER = "the disk is there before the answer is"
    WHEN_TOLD = "the disk comes when the test calls arrive()"
    STUCK = "it stays `attaching`, and no disk comes"
    FALLS_BACK = "it is seen `attaching` once, then becomes `detached` by itself; no disk comes"
    NO_DISK = "it becomes `attached`, but no disk comes"


def new_id(prefix):
    return f"{prefix}-0{secrets.token_hex(8)}"


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def region_of(zone):
    """A Local Zone is not a region and a letter: us-west-2-lax-1a."""
    return re.match(r"[a-z]+(-[a-z]+)+-\d+", zone)[0]


@dataclasses.dataclass
class Attachment:
    instance: str
    device: str
    state: str
    time: datetime.datetime = dataclasses.field(default_factory=now)
    calls_left: float = 0  # while `detaching`: how many DescribeVolumes still see it
    falls_back: bool = False


@dataclasses.dataclass
class Volume:
    id: str
    size: int  # GiB
    zone: str
    tags: dict
    state: str = "available"  # or creating, deleting, error; in-use comes from the attachments
    type: str = "gp3"
    multi_attach: bool = False
    attachments: list = dataclasses.field(default_factory=list)
    created: datetime.datetime = dataclasses.field(default_factory=now)
    seen_late: tuple | None = None  # what DescribeVolumes still shows, and how often: [(state, attachments), calls]

    @property
    def region(self):
        return region_of(self.zone)

    @property
    def status(self):
        held = any(attachment.state != "detached" for attachment in self.attachments)
        return "in-use" if held else self.state

    def of(self, instance):
        """Its attachment to an instance; one that has fallen back is none."""
        return next((a for a in self.attachments if a.instance == instance and a.state != "detached"), None)

    @property
    def holders(self):
        return [attachment.instance for attachment in self.attachments if attachment.state != "detached"]


@dataclasses.dataclass
class Instance:
    id: str
    zone: str
    type: str = "m6i.large"
    state: str = "running"
    limit: int = 27  # of volumes besides the root
    root: str = dataclasses.field(default_factory=lambda: new_id("vol"))
    # Names that AttachVolume refuses although no mapping shows them: of the image, or of a stuck attachment.
    taken: set = dataclasses.field(default_factory=set)

    @property
    def region(self):
        return region_of(self.zone)


def _point(device):
    """/dev/sdf and xvdf are one attachment point."""
    return re.sub(r"^(/dev/)?(sd|xvd)", "", device)


class Ebs:
    """All volumes and instances of an account. `plug(volume id)` brings a disk; `unplug(volume id)` takes it away and
    says whether it has gone: False when something still has it open."""

    def __init__(self, plug=None, unplug=None):
        self.volumes = {}
        self.instances = {}
        self.detaching_calls = 0  # how many DescribeVolumes see a volume `detaching` before it is available
        self.listed_after = 0  # how many DescribeVolumes do not see a new attachment yet
        self._plug = plug or (lambda volume: None)
        self._unplug = unplug or (lambda volume: True)
        self._attaching = []  # [volume or None, how, times left]

    # ---- what a test sets up

    def volume(self, name=None, zone="us-east-1a", size=1, volume_id=None, tags=None, attached_to=None, **more):
        """A volume; `attached_to`: an instance that has it already."""
        tags = {**({"Name": name} if name else {}), **(tags or {})}
        volume = Volume(volume_id or new_id("vol"), size, zone, tags, **more)
        if attached_to:
            volume.attachments.append(Attachment(attached_to, "/dev/sdf", "attached"))
        self.volumes[volume.id] = volume
        return volume

    def instance(self, instance_id=None, zone="us-east-1a", **more):
        instance = Instance(instance_id or new_id("i"), zone, **more)
        self.instances[instance.id] = instance
        return instance

    def attach_as(self, how, volume=None, times=math.inf):
        """How the next AttachVolume go on, of one volume or of any."""
        self._attaching.append([volume, how, times])

    def attach_as_usual(self):
        self._attaching.clear()

    def arrive(self, volume_id):
        """The disk of a volume that is `attaching` comes now."""
        for attachment in self.volumes[volume_id].attachments:
            if attachment.state == "attaching":
                self._bring(volume_id, attachment)

    def _bring(self, volume_id, attachment):
        if attachment.instance in self.instances:  # the disks of others do not come here
            self._plug(volume_id)
        attachment.state = "attached"

    # ---- what the API does

    def find(self, volume_id, region):
        if not volume_id:
            raise ApiError("MissingParameter", "The request must contain the parameter volume")
        if not volume_id.startswith("vol-"):
            raise ApiError(
                "InvalidParameterValue", f"Value ({volume_id}) for parameter volumes is invalid. Expected: 'vol-...'."
            )
        volume = self.volumes.get(volume_id)
        if not volume or volume.region != region:
            raise ApiError("InvalidVolume.NotFound", f"The volume '{volume_id}' does not exist.")
        return volume

    def find_instance(self, instance_id, region):
        instance = self.instances.get(instance_id)
        if not instance or instance.region != region:
            raise ApiError("InvalidInstanceID.NotFound", f"The instance ID '{instance_id}' does not exist")
        return instance

    def devices_of(self, instance):
        """device → (volume id, attachment), the root aside."""
        return {
            attachment.device: (volume.id, attachment)
            for volume in self.volumes.values()
            for attachment in volume.attachments
            if attachment.instance == instance.id and attachment.state != "detached"
        }

    def attach(self, volume_id, instance_id, device, region):
        """The attachment, and what comes after the answer."""
        volume, instance = self.find(volume_id, region), self.find_instance(instance_id, region)
        if not _DEVICE.fullmatch(device or ""):
            raise ApiError(
                "InvalidParameterValue",
                f"Value ({device}) for parameter device is invalid. {device} is not a valid EBS device name.",
            )
        if volume.zone != instance.zone:
            raise ApiError(
                "InvalidVolume.ZoneMismatch",
                f"The volume '{volume.id}' is not in the same availability zone as instance '{instance.id}'",
            )
        if volume.state != "available":
            raise ApiError("IncorrectState", f"{volume.id} is not 'available'.")
        if volume.of(instance.id) or (volume.holders and not volume.multi_attach):
            raise ApiError("VolumeInUse", f"{volume.id} is already attached to an instance")
        taken = self.devices_of(instance)
        if _point(device) in map(_point, {*taken, *instance.taken, "/dev/xvda"}):
            raise ApiError(
                "InvalidParameterValue",
                f"Invalid value '{device}' for unixDevice. Attachment point {device} is already in use",
            )
        if len(taken) >= instance.limit:
            raise ApiError(
                "AttachmentLimitExceeded",
                f"You may attach up to {instance.limit} devices for this instance type. Please use a larger "
                "instance size to attach more volumes.",
            )
        return self._begin(volume, Attachment(instance.id, device, "attaching"))

    def _begin(self, volume, attachment):
        before = (volume.status, list(volume.attachments))
        volume.attachments = [a for a in volume.attachments if a.state != "detached"] + [attachment]
        if self.listed_after:
            volume.seen_late = [before, self.listed_after]
        how = self._next_attaching(volume)
        if how == Attaching.FALLS_BACK:
            return attachment, lambda: setattr(attachment, "falls_back", True)
        if how == Attaching.NO_DISK:
            return attachment, lambda: setattr(attachment, "state", "attached")
        if how in (Attaching.STUCK, Attaching.WHEN_TOLD):
            return attachment, lambda: None
        if how == Attaching.BEFORE_ANSWER:
            self._bring(volume.id, attachment)
            return attachment, lambda: None
        return attachment, lambda: self.arrive(volume.id)

    def _next_attaching(self, volume):
        for rule in self._attaching:
            if rule[0] in (None, volume.id) and rule[2] > 0:
                rule[2] -= 1
                return rule[1]
        return Attaching.AFTER_ANSWER

    def detach(self, volume_id, instance_id, device, region):
        volume = self.find(volume_id, region)
        if not volume.holders:
            raise ApiError("IncorrectState", f"Volume '{volume.id}' is in the '{volume.status}' state.")
        attachment = volume.of(instance_id or volume.holders[0])
        if not attachment or (device and _point(device) != _point(attachment.device)):
            raise ApiError(
                "InvalidAttachment.NotFound", f"The volume '{volume.id}' is not attached to instance '{instance_id}'."
            )
        volume.seen_late = None
        had_disk = attachment.instance in self.instances and attachment.state != "attaching"
        if had_disk and not self._unplug(volume.id):
            attachment.state = "busy"  # the guest still has it open (DetachVolume, API reference)
            return attachment
        attachment.state = "detaching"
        attachment.calls_left = self.detaching_calls
        if not attachment.calls_left:
            volume.attachments.remove(attachment)
        return attachment

    def look(self, volume):
        """(status, attachments) as the DescribeVolumes of this moment shows them."""
        if volume.seen_late and volume.seen_late[1] > 0:
            volume.seen_late[1] -= 1
            return volume.seen_late[0]
        seen = volume.status, [dataclasses.replace(attachment) for attachment in volume.attachments]
        for attachment in list(volume.attachments):
            if attachment.falls_back:
                attachment.state = "detached"
            if attachment.state == "busy" and self._unplug(volume.id):  # it goes when the guest lets go of it
                volume.attachments.remove(attachment)
            if attachment.state == "detaching":
                attachment.calls_left -= 1
                if attachment.calls_left <= 0:
                    volume.attachments.remove(attachment)
        return seen
