"""The fakes against clients that others wrote: boto3, botocore. No root is needed, but for the disks."""

import boto3
import botocore.config
import pytest
from ec2 import Ec2


def client_for(cloud, key, region="us-east-1"):
    """A boto3 client that asks once and hides nothing."""
    config = botocore.config.Config(retries={"total_max_attempts": 1}, proxies={})
    return boto3.client("ec2", region_name=region, endpoint_url=cloud.url, config=config, **key.boto())


@pytest.fixture
def cloud():
    with Ec2() as made:
        yield made


@pytest.fixture
def ec2(cloud):
    return client_for(cloud, cloud.new_key())
