# Copyright: Contributors to the wxgov.sagemaker project
# SPDX-License-Identifier: GPL-3.0-or-later
"""What CloudTrail does and stock moto does not: one probe a mend."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.emulators.aws.clouds import ACCOUNT, REGION, Cloud, error_code
from tests.unit.emulators.aws.probes_events import open_queue
from tests.unit.emulators.aws.probes_sagemaker import group
from tests.unit.emulators.aws.probes_sqs import receive

TRAIL = "probe-trail"


def trail(cloud: Cloud, logging: bool = True, region: str = REGION, **options: Any) -> Any:
    """A client of CloudTrail with a trail."""
    cloud.client("s3").create_bucket(Bucket="probe-bucket")
    cloudtrail = cloud.client("cloudtrail", region=region)
    cloudtrail.create_trail(Name=TRAIL, S3BucketName="probe-bucket", **options)
    if logging:
        cloudtrail.start_logging(Name=TRAIL)
    return cloudtrail


def listening_queue(cloud: Cloud, account: str = ACCOUNT) -> tuple[Any, str]:
    """(client, QueueUrl) of a queue that gets every SageMaker event of the account."""
    events = cloud.client("events", account)
    pattern = json.dumps({"source": ["aws.sagemaker"]})
    rule_arn = events.put_rule(Name="probe", EventPattern=pattern)["RuleArn"]
    scoped = _Scoped(cloud, account)
    sqs, url, arn = open_queue(scoped, rule_arn, "probe.fifo", ContentBasedDeduplication="true")
    target = {"Id": "1", "Arn": arn, "SqsParameters": {"MessageGroupId": "registry"}}
    events.put_targets(Rule="probe", Targets=[target])
    return sqs, url


class _Scoped:
    """A cloud seen from one account."""

    def __init__(self, cloud: Cloud, account: str) -> None:
        self._cloud = cloud
        self._account = account

    def client(self, service: str, account: str = ACCOUNT, region: str = REGION) -> Any:
        return self._cloud.client(service, self._account, region)

    def client_with(self, service: str, keys: Any) -> Any:
        return self._cloud.client_with(service, keys)

    def wait(self, seconds: float) -> None:
        self._cloud.wait(seconds)


def heard(sqs: Any, url: str) -> list[dict[str, Any]]:
    """The details of all events in the queue, each taken out."""
    details = []
    while messages := receive(sqs, url):
        for message in messages:
            details.append(json.loads(message["Body"])["detail"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return details


def mend_trail_name_is_taken_once(cloud: Cloud) -> None:
    cloudtrail = trail(cloud, IsMultiRegionTrail=True)
    code = error_code(cloudtrail.create_trail, Name=TRAIL, S3BucketName="probe-bucket")
    assert code == "TrailAlreadyExistsException"
    assert cloudtrail.describe_trails()["trailList"][0]["IsMultiRegionTrail"] is True


def mend_trail_is_deleted_by_arn(cloud: Cloud) -> None:
    cloudtrail = trail(cloud)
    cloudtrail.delete_trail(Name=cloudtrail.describe_trails()["trailList"][0]["TrailARN"])
    assert cloudtrail.describe_trails()["trailList"] == []


def mend_trails_are_described_by_name(cloud: Cloud) -> None:
    cloudtrail = trail(cloud)
    assert len(cloudtrail.describe_trails(trailNameList=[TRAIL])["trailList"]) == 1
    assert cloudtrail.describe_trails(trailNameList=["another"])["trailList"] == []


def mend_missing_trail_is_not_deleted(cloud: Cloud) -> None:
    assert error_code(cloud.client("cloudtrail").delete_trail, Name="missing") == "TrailNotFoundException"


def mend_sagemaker_calls_reach_eventbridge(cloud: Cloud) -> None:
    trail(cloud)
    sqs, url = listening_queue(cloud)
    group(cloud)
    assert [detail["eventName"] for detail in heard(sqs, url)] == ["CreateModelPackageGroup"]
