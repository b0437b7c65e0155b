"""The exceptions of this package, named as Chroma's are.

Each is a `ChromaError`, and of the built-in class that fits where there is one, so that programs
written for Chroma find what they catch:

    >>> import viridian
    >>> client = viridian.EphemeralClient()
    >>> try:
    ...     client.get_collection("nothing-of-that-name")
    ... except viridian.errors.NotFoundError as error:
    ...     error.code()
    404
"""


class ChromaError(Exception):
    """What can go wrong with a call. `code()` is the HTTP status that a server answers with."""

    trace_id = None
    _status = 400

    def code(self):
        """The HTTP status of such an error."""
        return self._status

    def message(self):
        """What was wrong, as a sentence."""
        return ", ".join(str(argument) for argument in self.args)

    @classmethod
    def name(cls):
        """The error's name on the wire."""
        return cls.__name__


class InvalidArgumentError(ChromaError, ValueError):
    """The request can never work: its values are not allowed."""

    @classmethod
    def name(cls):
        return "InvalidArgument"


class InvalidDimensionException(InvalidArgumentError):
    """A vector is not of the collection's length."""

    @classmethod
    def name(cls):
        return "InvalidDimension"


class InvalidUUIDError(InvalidArgumentError):
    """A text that should be a UUID is none."""

    @classmethod
    def name(cls):
        return "InvalidUUID"


class InvalidHTTPVersion(ChromaError):
    """A server speaks another protocol."""


class DuplicateIDError(ChromaError):
    """An id comes twice in one call."""

    @classmethod
    def name(cls):
        return "DuplicateID"


class NotFoundError(ChromaError):
    """What the call names does not exist."""

    _status = 404


class InternalError(ChromaError):
    """The database failed; or, as in Chroma, a name is taken (`UniqueConstraintError`)."""

    _status = 500


class UniqueConstraintError(InternalError):
    """The name is taken."""

    _status = 409


class IDAlreadyExistsError(UniqueConstraintError):
    """A record of that id exists."""

    @classmethod
    def name(cls):
        return "IDAlreadyExists"


class DataLossError(InternalError):
    """Bytes on the disk are wrong."""


class AuthorizationError(ChromaError):
    """The caller did not say who it is, or may not do this."""

    _status = 401


class ChromaAuthError(ChromaError):
    """The caller may not do this."""

    _status = 403

    @classmethod
    def name(cls):
        return "AuthError"


class FailedPreconditionError(ChromaError, RuntimeError):
    """The call is right but the state is not: a closed client, a directory in use, a fork."""

    _status = 412


class BatchSizeExceededError(ChromaError):
    """More records than one call may have."""

    _status = 413


class RateLimitError(ChromaError):
    """A queue, a quota or the disk is full: to be tried again after a pause."""

    _status = 429


class QuotaError(ChromaError):
    """A quota is used up."""


class VersionMismatchError(ChromaError):
    """Two versions do not fit together."""

    _status = 500


class UnimplementedError(ChromaError, NotImplementedError):
    """Not offered here."""

    _status = 501


class UnavailableError(ChromaError, ConnectionError):
    """Nobody answers; a write may have happened or not."""

    _status = 503


class DeadlineError(ChromaError, TimeoutError):
    """It took longer than the caller allowed."""

    _status = 504


_BY_CODE = {
    "invalid_argument": InvalidArgumentError,
    "unprocessable": InvalidArgumentError,
    "not_found": NotFoundError,
    "already_exists": UniqueConstraintError,
    "failed_precondition": FailedPreconditionError,
    "unauthenticated": AuthorizationError,
    "permission_denied": AuthorizationError,
    "resource_exhausted": RateLimitError,
    "unavailable": UnavailableError,
    "deadline_exceeded": DeadlineError,
    "data_loss": DataLossError,
    "unimplemented": UnimplementedError,
}


def from_code(code, message):
    """The exception for an error of the library, whose code's name is `code`."""
    return _BY_CODE.get(code, InternalError)(message)
