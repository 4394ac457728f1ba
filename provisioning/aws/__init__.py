"""The AWS account as this program asks it: bounded calls, errors by class, quotas, the CDN's cache, DNS records.

Called by the preflight, the phases and the teardown. What Terraform makes is made by Terraform, not from here.
"""

from provisioning.aws.account import Account, Identity
from provisioning.aws.errors import AccessDenied, AwsError, AwsSaid, NoCredentials, Throttled, Unreachable

__all__ = [
    "AccessDenied",
    "Account",
    "AwsError",
    "AwsSaid",
    "Identity",
    "NoCredentials",
    "Throttled",
    "Unreachable",
]
