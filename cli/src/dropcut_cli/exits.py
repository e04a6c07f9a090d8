"""How a verb ends: the exit codes, errors of one sentence, and what AWS's refusals mean to whoever ran it."""

import sys
from enum import IntEnum

NO_REGION = (
    "No AWS region is set, or it is none. Name it, for example --region eu-central-1; or --local for what `make up` "
    "started."
)
SIGN_IN = "Sign in (`aws sso login`, or `aws configure`), name the profile with --profile, then run this again."


class Exit(IntEnum):
    DONE = 0
    FAILED = 1
    USAGE = 2
    """The command line is wrong, or a question could not be asked."""
    DENIED = 4
    """No credentials, or no permission."""
    TEMPORARY = 5
    """The same command may go well later."""
    PAUSED = 8
    """Spending is paused, or the day's budget is reached."""
    NOTHING = 9
    """There is nothing to do."""
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
    from botocore import exceptions as aws  # noqa: PLC0415 - slow; whoever met its error has imported it

    if isinstance(error, aws.ClientError):
        return _refused(error.response, error.operation_name)
    if isinstance(error, aws.NoRegionError | aws.InvalidRegionError):
        return CommandError(NO_REGION, Exit.USAGE)
    if isinstance(error, aws.ConnectionError | aws.HTTPClientError):
        return CommandError(f"AWS did not answer: {error}. Check the network and --region.", Exit.TEMPORARY)
    without = (
        aws.NoCredentialsError, aws.PartialCredentialsError, aws.ProfileNotFound, aws.CredentialRetrievalError,
        aws.SSOError, aws.TokenRetrievalError, aws.ConfigParseError,
    )  # fmt: skip
    if isinstance(error, without):
        return CommandError(f"There are no AWS credentials to use: {error}. {SIGN_IN}", Exit.DENIED)
    if isinstance(error, aws.BotoCoreError):
        return CommandError(f"AWS could not be asked: {error}.")
    return _of_what_uses_it(error)


def _of_what_uses_it(error: Exception) -> CommandError | None:
    from boto3.exceptions import Boto3Error  # noqa: PLC0415 - the same
    from dropcut.adapters.state_table import ItemsNotReadError  # noqa: PLC0415

    again = isinstance(error, Boto3Error | ItemsNotReadError)
    return CommandError(f"AWS is busy ({error}). Run this again.", Exit.TEMPORARY) if again else None


def _refused(response: object, operation: str) -> CommandError:
    answer = response if isinstance(response, dict) else {}
    code = str(answer.get("Error", {}).get("Code", ""))
    message = str(answer.get("Error", {}).get("Message", "")).rstrip(".")
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _EXPIRED:
        return CommandError(f"These AWS credentials have expired. {SIGN_IN}", Exit.DENIED)
    if code in _WRONG_KEY:
        return CommandError(f"AWS refuses these credentials ({message or code}). {SIGN_IN}", Exit.DENIED)
    if code in _DENIED:
        return CommandError(f"You lack the permission for {operation}: {message}. Ask for it.", Exit.DENIED)
    if code in _BUSY or "Throttl" in code or status >= 500:
        return CommandError(f"AWS is busy ({operation}: {message or code}). Run this again.", Exit.TEMPORARY)
    return CommandError(f"AWS refused {operation}: {message or code}.")
