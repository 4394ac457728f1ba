"""What AWS answers when it does not do what it is asked, sorted into what a person does about it."""

from __future__ import annotations

from typing import Any

from botocore import exceptions

from provisioning.run import ExitCode, RunError

_CREDENTIALS = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidToken",
        "MissingAuthenticationToken",
        "OptInRequired",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "Forbidden", "UnauthorizedOperation", "AuthorizationError", "403"}
)
_THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
    }
)
_NO_CREDENTIALS: tuple[type[Exception], ...] = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.ProfileNotFound,
    exceptions.TokenRetrievalError,
    exceptions.SSOError,
)
_NO_ANSWER: tuple[type[Exception], ...] = (exceptions.HTTPClientError, exceptions.ConnectionError)


class AwsError(RunError):
    """A question to AWS has no answer. Its subclasses say why."""

    code = "E-AWS"
    exit_code = ExitCode.CLOUD
    cause = "AWS refused the request for the reason that it gives."
    remedy = "Read AWS's reason above; ./inv preflight looks for the common ones. Then go on with --resume."


class NoCredentials(AwsError):
    """AWS does not know who asks: there are no credentials, or they are wrong or expired."""

    code = "E-AWS-CREDENTIALS"
    cause = "No profile is chosen, the session has ended, the keys were revoked, or this machine's clock is wrong."
    remedy = "aws sso login (or aws configure), export AWS_PROFILE=…, then ./inv preflight"


class AccessDenied(AwsError):
    """The credentials are right, and their owner may not do this. The text names the action."""

    code = "E-AWS-DENIED"
    cause = "The user's or role's policy, a permissions boundary or a service control policy does not allow the action."
    remedy = "Let an administrator of the account allow the action that is named, then ./inv preflight"


class Throttled(AwsError):
    """AWS asks to be asked more slowly, after all retries."""

    code = "E-AWS-THROTTLED"
    transient = True
    cause = "Other programs use up the account's rate of requests."
    remedy = "Go on with --resume in a minute."


class Unreachable(AwsError):
    """AWS does not answer, or something in between does."""

    code = "E-AWS-UNREACHABLE"
    exit_code = ExitCode.CONNECTION
    transient = True
    cause = "This machine has no way to the internet, a proxy is in between, or the region does not exist."
    remedy = "curl -sI https://sts.amazonaws.com must answer; then go on with --resume."


class AwsSaid(AwsError):
    """AWS refused for a reason of its own; `reason` is its error code."""

    def __init__(self, text: str, reason: str = "") -> None:
        super().__init__(text)
        self.reason = reason


def classified(error: Exception, service: str, action: str) -> AwsError:
    """The error that boto raised, as one of the classes above. ``action`` is AWS's name for what was asked."""
    if isinstance(error, _NO_CREDENTIALS):
        return NoCredentials(str(error))
    if isinstance(error, exceptions.ClientError):
        return _refused(error.response.get("Error", {}), error.response.get("ResponseMetadata", {}), service, action)
    if isinstance(error, _NO_ANSWER):
        return Unreachable(f"{service} {action}: {error}")
    return AwsSaid(f"{service} {action}: {error}")


def _refused(said: dict[str, Any], metadata: dict[str, Any], service: str, action: str) -> AwsError:
    reason = str(said.get("Code", ""))
    text = f"{service} {action}: {reason}: {said.get('Message', '')}".rstrip(": ")
    if reason in _CREDENTIALS:
        return NoCredentials(text)
    if reason in _DENIED:
        return AccessDenied(f"{text} (the action {service}:{action})")
    if reason in _THROTTLED:
        return Throttled(text)
    if int(metadata.get("HTTPStatusCode", 0)) >= 500:
        return Unreachable(text)
    return AwsSaid(text, reason)
