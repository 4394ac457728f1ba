"""One AWS account on this machine: moto behind a gate that adds what moto leaves out. `AwsAccount` is where one begins.

The gate serves Service Quotas and CloudFront's policies, refuses what AWS refuses, lets things take their time, and
fails calls on demand. Tests use it; nothing else may.
"""

import os
from pathlib import Path

# moto reads both when it is imported.
os.environ["MOTO_AMIS_PATH"] = str(Path(__file__).with_name("images.json"))
os.environ["MOTO_ACM_VALIDATION_WAIT"] = "0"

from tests.doubles.aws.account import ACCOUNT, AwsAccount
from tests.doubles.aws.calls import Call
from tests.doubles.aws.faults import Faults

__all__ = ["ACCOUNT", "AwsAccount", "Call", "Faults"]
