"""A call of the API as its handler sees it, and the routes that lead to handlers."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tandem.stripe_sandbox.books import Books
from tandem.stripe_sandbox.storage import Json
from tandem.stripe_sandbox.wire.parameters import Shape, merged_metadata


@dataclass(frozen=True)
class Call:
    """Whose books, which ids the URL named, which parameters were given."""

    books: Books
    ids: dict[str, str]
    params: Json

    @property
    def stable_key(self) -> str | None:
        """What a new object of this call is called in every run of the same story, if the caller said."""
        metadata = self.params.get("metadata") or {}
        told = metadata.get("tandem_story") or metadata.get("tandem_key") or self.books.work.idempotency_key
        return str(told) if told else None

    def metadata(self, old: dict[str, str] | None = None) -> dict[str, str]:
        """The object's metadata after this call."""
        old = old or {}
        return merged_metadata(old, self.params["metadata"]) if "metadata" in self.params else old

    def given(self, *names: str) -> Json:
        """Those of the named parameters that the caller gave."""
        return {name: self.params[name] for name in names if name in self.params}


Handler = Callable[[Call], Any]


@dataclass(frozen=True)
class Route:
    """A method and a path with ``{names}``, what may be passed, and who answers."""

    method: str
    path: str
    handler: Handler
    shape: Shape

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The path as a regular expression with a group per name."""
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path) + r"\Z")
