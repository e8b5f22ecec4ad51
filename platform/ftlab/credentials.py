"""Keep credentials out of what people read: messages, tags, pages and logs."""

import re

HIDDEN = "***"
# No part of a text is scanned from two beginnings, so that a megabyte from a damaged file takes milliseconds.
_IN_ADDRESS = re.compile(r"(?<=[A-Za-z0-9+.-])://[^\s/?#'\"]*@")
_IN_QUERY = re.compile(
    r"([?&;](?=[\w.-]*?(?:password|passwd|secret|token|access_?key|signature|credential))[\w.-]++=)[^\s&;#'\"]+",
    re.IGNORECASE,
)


def without_credentials(text: str) -> str:
    """Return a text with the users, passwords and secret query parameters of its addresses replaced by asterisks.

    >>> without_credentials("http://ann:pa55@host:5000 and s3://key:secret@bucket?region=x&secret_key=y did not answer")
    'http://***@host:5000 and s3://***@bucket?region=x&secret_key=*** did not answer'
    """
    return _IN_QUERY.sub(rf"\1{HIDDEN}", _IN_ADDRESS.sub(f"://{HIDDEN}@", text))
