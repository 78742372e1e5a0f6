"""What is declared of a route: who may enter, what comes in, what goes out, and what can be refused."""

from dataclasses import dataclass

from marshmallow import Schema as MarshmallowSchema

from tandem.kernel import errors
from tandem.kernel.access import PUBLIC, Audience
from tandem.kernel.errors import Problem
from tandem.kernel.http.replies import JSON, Dump


@dataclass(frozen=True)
class Route:
    """One way into the platform, and everything that is true of it.

    `bulk`: its body is a batch. It may be as large as an upload, and what one item holds that cannot be taken (a NUL,
    a number out of reach) is answered for that item and does not refuse the others.
    """

    method: str
    audience: Audience
    allow: str
    takes: MarshmallowSchema | None = None
    gives: MarshmallowSchema | None = None
    query: MarshmallowSchema | None = None
    status: int = 200
    many: bool = False
    problems: tuple[type[Problem], ...] = ()
    idempotent: bool = False
    versioned: bool = False
    open: bool = False
    across: bool = False
    upload: tuple[str, ...] = ()
    raw: bool = False
    bulk: bool = False
    mimetype: str = JSON
    dump: Dump | None = None

    @property
    def refuses(self) -> dict[int, list[type[Problem]]]:
        """Every problem this route can answer with, by status."""
        refused: list[type[Problem]] = [errors.NotFound, errors.Unavailable, errors.TooManyRequests, *self.problems]
        if self.allow != PUBLIC:
            refused += [errors.Unauthenticated, errors.Forbidden]
        if self.takes is not None or self.raw or self.upload:
            refused += [errors.Malformed, errors.Invalid, errors.BodyTooLarge, errors.UnsupportedMediaType]
        if self.takes is not None:
            refused.append(errors.MemberRepeated)
        if self.query is not None or self.many:
            refused.append(errors.Invalid)
        if self.method != "GET":
            refused += [errors.TransitionRefused, errors.Invalid]
        if self.idempotent:
            refused += [errors.IdempotencyKeyRequired, errors.IdempotencyKeyReused, errors.StillRunning]
        if self.versioned:
            refused += [errors.VersionConflict, errors.PreconditionRequired]
        by_status: dict[int, list[type[Problem]]] = {}
        for problem in dict.fromkeys(refused):
            by_status.setdefault(problem.status, []).append(problem)
        return by_status
