"""How a verb ends: the exit codes, errors of one sentence, and what AWS's refusals mean to whoever ran it."""

import sys
from enum import IntEnum
from typing import Any

NO_REGION = (
    "No AWS region is set, or it is none. Name it, for example --region eu-central-1 (or AWS_REGION=eu-central-1), or "
    "--local for what `make up` started."
)
SIGN_IN = (
    "Sign in (`aws sso login`, or `aws configure`), name the profile by --profile or AWS_PROFILE, then run this again."
)
LOOK_WHERE = "Check the network, and the region (--region, or AWS_REGION)."

LOOK_HERE = "What `make up` started has ended, or is broken: run `make down up`."


class Exit(IntEnum):
    DONE = 0
    FAILED = 1
    USAGE = 2  # the command line is wrong, or a question could not be asked
    DENIED = 4  # no credentials, or no permission
    TEMPORARY = 5  # the same command may go well later
    PAUSED = 8  # spending is paused, or the day's budget is reached
    NOTHING = 9  # there is nothing to do
    STOPPED = 130


class CommandError(Exception):
    """The verb cannot go on: a sentence with what to do, and the exit code."""

    def __init__(self, sentence: str, exit_code: Exit = Exit.FAILED) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
_WRONG_KEY = {
    "InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "InvalidAccessKeyId", "AuthFailure",
    "InvalidSignatureException", "IncompleteSignature", "MissingAuthenticationToken",
}  # fmt: skip
_DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "403", "Forbidden"}
_BUSY = {"SlowDown", "TooManyRequestsException", "RequestLimitExceeded", "ProvisionedThroughputExceededException"}


def explained(error: Exception) -> CommandError | None:
    """What an error of AWS or of the disk means; None when it is neither."""
    if isinstance(error, CommandError):
        return error
    if "botocore" in sys.modules and (said := _of_aws(error)):
        return said
    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        return CommandError(f"{name}{error.strerror or error}. Put that right, then run this again.")
    return None


def _of_aws(error: Exception) -> CommandError | None:
    """Whoever met such an error has imported what is slow to import."""
    from boto3.exceptions import Boto3Error
    from botocore import exceptions as aws
    from dropcut.adapters.state_table import ItemsNotReadError

    said, exit_code = "", Exit.FAILED
    match error:
        case aws.ClientError():
            said, exit_code = _refused(error)
        case aws.NoRegionError() | aws.InvalidRegionError():
            said, exit_code = NO_REGION, Exit.USAGE
        case aws.ConnectionError() | aws.HTTPClientError():
            said, exit_code = f"AWS did not answer: {error}. {LOOK_WHERE}", Exit.TEMPORARY
        case (
            aws.NoCredentialsError() | aws.PartialCredentialsError() | aws.CredentialRetrievalError()
            | aws.ProfileNotFound() | aws.ConfigParseError() | aws.SSOError() | aws.TokenRetrievalError()
        ):  # fmt: skip
            said, exit_code = f"There are no AWS credentials to use: {error}. {SIGN_IN}", Exit.DENIED
        case aws.BotoCoreError():
            said = f"AWS could not be asked: {error}."
        case Boto3Error() | ItemsNotReadError():
            said, exit_code = f"AWS is busy ({error}). Run this again.", Exit.TEMPORARY
    return CommandError(said, exit_code) if said else None


def _refused(error: Any) -> tuple[str, Exit]:
    """By the code of a `ClientError`."""
    operation, answer = error.operation_name, error.response.get("Error", {})
    code, message = str(answer.get("Code", "")), str(answer.get("Message", "")).rstrip(".")
    if code in _EXPIRED:
        return f"These AWS credentials have expired. {SIGN_IN}", Exit.DENIED
    if code in _WRONG_KEY:
        return f"AWS refuses these credentials ({message or code}). {SIGN_IN}", Exit.DENIED
    if code in _DENIED:
        return f"You lack the permission for {operation}: {message}. Ask for it.", Exit.DENIED
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _BUSY or "Throttl" in code or status >= 500:
        return f"AWS is busy ({operation}: {message or code}). Run this again.", Exit.TEMPORARY
    return f"AWS refused {operation}: {message or code}.", Exit.FAILED
