"""The loaded application around a command: whoever holds the machine acts, and a refusal is words with a way out."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Final

import click

from tandem.kernel import i18n, identity
from tandem.kernel.errors import Problem

COMMAND_LINE: Final = identity.Actor("command_line", None, "operator")
"""Who acts in the audit trail: somebody at the machine itself, whom only the machine's own log can name."""
REFUSED: Final = 2


@contextmanager
def application(*, as_json: bool = False, language: i18n.Language = "en") -> Iterator[None]:
    """The application's context, in which the command line acts. A Problem ends the command with exit code 2."""
    # By name, as gunicorn does: no arrow points from the platform up to the roof.
    with import_module("wsgi").app.app_context(), problems_told(as_json=as_json, language=language):
        before = identity.current_actor()
        identity.act_as(COMMAND_LINE)
        try:
            yield
        finally:
            identity.act_as(before)


@contextmanager
def problems_told(*, as_json: bool, language: i18n.Language = "en") -> Iterator[None]:
    """A Problem is told, with its mend and its facts, and ends the command with exit code 2."""
    spoken = i18n.language.set(language)
    try:
        yield
    except Problem as problem:
        _tell(problem, as_json=as_json)
        raise click.exceptions.Exit(REFUSED) from problem
    finally:
        i18n.language.reset(spoken)


def _tell(problem: Problem, *, as_json: bool) -> None:
    body = problem.body()
    if as_json:
        click.echo(json.dumps(body, ensure_ascii=False, indent=2))
        return
    click.echo(f"Error: {body['title']}. {body.get('mend', '')}", err=True)
    facts = {name: value for name, value in body.items() if name not in {"type", "title", "status", "mend"}}
    if facts:
        click.echo(json.dumps(facts, ensure_ascii=False), err=True)
