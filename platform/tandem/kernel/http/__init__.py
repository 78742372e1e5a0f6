"""The edge: one declaration per route says who may enter, what comes in, what goes out and what can be refused.

Behind the declaration every request walks the same way: identity, scope, access, parse, view, one commit, reply.
"""

from tandem.kernel.http.declarations import Route
from tandem.kernel.http.document import document_of
from tandem.kernel.http.edge import check_if_match, credential, register_tenant_kind
from tandem.kernel.http.faults import answer_problems
from tandem.kernel.http.routes import Api
from tandem.kernel.http.schemas import MoneyField, PageQuery, ProblemSchema, Schema, TextPair

__all__ = [
    "Api",
    "MoneyField",
    "PageQuery",
    "ProblemSchema",
    "Route",
    "Schema",
    "TextPair",
    "answer_problems",
    "check_if_match",
    "credential",
    "document_of",
    "register_tenant_kind",
]
