"""Why a model did not answer.

::

    ModelError
    ├── KeyRefused         401, 403: the key, the region or the model's list
    ├── QuotaExhausted     no credit left; never retried
    ├── NoSuchModel        404: retired or misspelt; says what there is
    ├── ContextOverflow    the prompt does not fit: fold and try again
    ├── RequestRefused     any other 400: a bug of ours, or a host's rule that we do not know
    ├── Filtered           the host's content filter stopped it
    └── Unreachable        connections, time-outs, overload: still failing after every retry
"""


class ModelError(Exception):
    """A failure of the model's side; its text is one sentence with the way out."""


class KeyRefused(ModelError):
    """The host refuses the key."""


class QuotaExhausted(ModelError):
    """The account has no credit left."""


class NoSuchModel(ModelError):
    """The host does not have this model."""


class ContextOverflow(ModelError):
    """The prompt and the answer do not fit into the model's window."""


class RequestRefused(ModelError):
    """The host refuses the request's form."""


class Filtered(ModelError):
    """The host's content filter stopped the answer."""


class Unreachable(ModelError):
    """The host could not be reached, or did not answer in time, after every retry."""
