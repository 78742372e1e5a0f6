"""What a route accepts, as data; reading turns a form's text into typed values or says no as Stripe does.

A shape is a dict of name -> Kind. A kind takes the raw text (or nested dict) and the parameter's full name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tandem.stripe_sandbox.wire.errors import ParameterInvalid

Reader = Callable[[Any, str], Any]
LARGEST_INTEGER = 2**53


@dataclass(frozen=True)
class Kind:
    """One parameter's type, and whether the call makes sense without it."""

    read: Reader
    required: bool = False
    empties: bool = True  # an empty string unsets an optional parameter

    def must(self) -> "Kind":
        """The same kind, refused when missing or empty."""
        return Kind(self.read, required=True, empties=False)


Shape = dict[str, Kind]


def read(shape: Shape, raw: Any, parent: str = "") -> dict[str, Any]:
    """Typed values of ``raw``; absent ones are absent, unset ones (empty string) are None.

    Raises ParameterInvalid with Stripe's code for the first thing wrong.
    """
    if not isinstance(raw, dict):
        raise ParameterInvalid("Invalid object", param=parent, code="parameter_invalid_object")
    for name in raw:
        if name not in shape:
            full = _full(parent, name)
            raise ParameterInvalid(f"Received unknown parameter: {full}", code="parameter_unknown", param=full)
    values: dict[str, Any] = {}
    for name, kind in shape.items():
        full = _full(parent, name)
        if name not in raw:
            if kind.required:
                raise ParameterInvalid(f"Missing required param: {full}.", code="parameter_missing", param=full)
        elif raw[name] == "":
            _allow_empty(kind, full)
            values[name] = None
        else:
            values[name] = kind.read(raw[name], full)
    return values


def _allow_empty(kind: Kind, full: str) -> None:
    if not kind.empties:
        raise ParameterInvalid(
            f"You passed an empty string for '{full}'. We assume empty values are an attempt to unset a "
            f"parameter; however '{full}' cannot be unset.",
            code="parameter_invalid_empty",
            param=full,
        )


def _full(parent: str, name: str) -> str:
    return f"{parent}[{name}]" if parent else name


def integer(least: int = -LARGEST_INTEGER, most: int = LARGEST_INTEGER) -> Kind:
    """A whole number between two bounds."""

    def reader(raw: Any, name: str) -> int:
        text = raw if isinstance(raw, str) else ""
        if not (text.isascii() and text.removeprefix("-").isdigit() and len(text) <= 17):
            raise ParameterInvalid(f"Invalid integer: {raw}", code="parameter_invalid_integer", param=name)
        value = int(text)
        if not least <= value <= most:
            bound = f"greater than or equal to {least}" if value < least else f"at most {most}"
            raise ParameterInvalid(f"This value must be {bound}.", code="parameter_invalid_integer", param=name)
        return value

    return Kind(reader, empties=False)


def text(longest: int = 5000) -> Kind:
    """A string of bounded length."""

    def reader(raw: Any, name: str) -> str:
        if not isinstance(raw, str):
            raise ParameterInvalid("Invalid string", code="parameter_invalid_string", param=name)
        if len(raw) > longest:
            raise ParameterInvalid(
                f"Invalid string: must be at most {longest} characters",
                code="parameter_invalid_string",
                param=name,
            )
        return raw

    return Kind(reader)


def boolean() -> Kind:
    """``true`` or ``false``."""

    def reader(raw: Any, name: str) -> bool:
        if raw not in ("true", "false"):
            raise ParameterInvalid(f"Invalid boolean: {raw}", code="parameter_invalid_boolean", param=name)
        return bool(raw == "true")

    return Kind(reader, empties=False)


def choice(*allowed: str) -> Kind:
    """One of a few words."""

    def reader(raw: Any, name: str) -> str:
        if raw not in allowed:
            words = ", ".join(allowed[:-1]) + (" or " if len(allowed) > 1 else "") + allowed[-1]
            raise ParameterInvalid(f"Invalid {name}: must be one of {words}", param=name)
        return str(raw)

    return Kind(reader)


def group(shape: Shape) -> Kind:
    """A nested hash of known parameters."""
    return Kind(lambda raw, name: read(shape, raw, name))


def open_hash() -> Kind:
    """A nested hash kept as it comes, for facts the sandbox stores but does not act on."""

    def reader(raw: Any, name: str) -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise ParameterInvalid("Invalid object", param=name, code="parameter_invalid_object")
        return raw

    return Kind(reader)


def list_of(kind: Kind, most: int = 100) -> Kind:
    """A list, written ``name[0]=…`` or ``name[]=…``."""

    def reader(raw: Any, name: str) -> list[Any]:
        if not isinstance(raw, dict) or not all(k.isascii() and k.isdigit() and len(k) < 6 for k in raw):
            raise ParameterInvalid("Invalid array", param=name, code="parameter_invalid_array")
        if len(raw) > most:
            raise ParameterInvalid(f"Array too long: at most {most} items", param=name, code="parameter_invalid_array")
        return [kind.read(raw[key], f"{name}[{key}]") for key in sorted(raw, key=int)]

    return Kind(reader)


def metadata() -> Kind:
    """Up to 50 keys of 40 characters with values of 500; an empty value deletes its key."""

    def reader(raw: Any, name: str) -> dict[str, str]:
        if not isinstance(raw, dict) or not all(isinstance(value, str) for value in raw.values()):
            raise ParameterInvalid("Invalid hash", param=name, code="parameter_invalid_hash")
        if len(raw) > 50:
            raise ParameterInvalid("Metadata can have up to 50 keys.", param=name)
        for key, value in raw.items():
            if len(key) > 40 or len(value) > 500:
                raise ParameterInvalid(
                    "Metadata keys can have up to 40 characters and values up to 500.",
                    param=f"{name}[{key[:40]}]",
                )
        return raw

    return Kind(reader)


def instants() -> Kind:
    """A moment, or a range of moments: ``created=…`` or ``created[gte]=…``; always read as a range."""
    moment = integer(least=0)
    bounds: Shape = dict.fromkeys(("gt", "gte", "lt", "lte"), moment)

    def reader(raw: Any, name: str) -> dict[str, int]:
        if isinstance(raw, dict):
            return read(bounds, raw, name)
        exact = moment.read(raw, name)
        return {"gte": exact, "lte": exact}

    return Kind(reader)


EXPAND: Shape = {"expand": list_of(text(200), most=20)}

PAGE: Shape = EXPAND | {
    "limit": integer(least=1, most=100),
    "starting_after": text(255),
    "ending_before": text(255),
}
"""What every list takes: https://docs.stripe.com/api/pagination"""


def merged_metadata(old: Mapping[str, str], change: Mapping[str, str] | None) -> dict[str, str]:
    """Metadata after an update: keys are merged, empty values delete, unsetting the hash clears it."""
    if change is None:
        return {}
    return {key: value for key, value in {**old, **change}.items() if value != ""}
