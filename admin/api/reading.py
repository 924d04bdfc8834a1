"""
Reads query and body into models. What is wrong is a Problem that says where and what would be right.

Bounds: octets of a body, 20 levels of JSON, no number that is none (NaN), no compressed body (W8, W18).
"""

import asyncio
import json
from collections.abc import Iterable
from typing import Any, TypeVar, get_args, get_origin

from aiohttp import web
from pydantic import BaseModel, ValidationError

from admin.api.problems import Problem
from admin.api.route import JSON, Route

DEPTH = 20  # levels of JSON
_LARGE = 256 * 1024  # octets from which JSON is read in a thread
_UNDERSTOOD = "The request is understood, but not all of it can be."
M = TypeVar("M", bound=BaseModel)


def query(model: type[M], given: Iterable[tuple[str, str]]) -> M:
    """Read the query. Problem 422 for a name that is not known, a value that cannot be, or one that is there twice."""
    values: dict[str, Any] = {}
    for name, value in given:
        field = model.model_fields.get(name)
        if field is not None and _is_list(field.annotation):
            values.setdefault(name, []).append(value)
        elif name in values:
            raise Problem(422, _UNDERSTOOD, [{"at": f"query.{name}", "detail": "is there twice"}])
        else:
            values[name] = value
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise Problem(422, _UNDERSTOOD, _told("query", error)) from None


async def body(route: Route, request: web.Request) -> Any:
    """Read the body: an instance of the route's model, or bytes where the route takes another type than JSON."""
    if not route.takes_body:
        return None
    if "Content-Encoding" in request.headers:
        raise Problem(415, "A body must not be compressed.")
    if request.content_type != route.accepts:
        raise Problem(415, f"The body must be {route.accepts}.", headers={"Accept": route.accepts})
    raw = await _raw(request, route.largest_body)
    if route.body is None:
        return raw
    if len(raw) < _LARGE:
        return _parse(route.body, raw)
    return await asyncio.to_thread(_parse, route.body, raw)


async def _raw(request: web.Request, largest: int) -> bytes:
    if request.content_length is not None and request.content_length > largest:
        raise Problem(413, f"The body must not be larger than {largest} octets.")
    parts: list[bytes] = []
    octets = 0
    async for part in request.content.iter_any():
        octets += len(part)
        if octets > largest:
            raise Problem(413, f"The body must not be larger than {largest} octets.")
        parts.append(part)
    return b"".join(parts)


def _parse(model: type[BaseModel], raw: bytes) -> BaseModel:
    _check(raw)
    try:
        return model.model_validate_json(raw, strict=True)
    except ValidationError as error:
        raise Problem(422, _UNDERSTOOD, _told("body", error)) from None


def _check(raw: bytes) -> None:
    """Refuse what is no JSON, or too deep."""
    try:
        parsed = json.loads(raw.decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Problem(400, f"The body is not {JSON}.") from None
    level = [parsed]
    for _ in range(DEPTH):
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return
    raise Problem(400, f"The body has more than {DEPTH} levels.")


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _no_number(word: str) -> None:
    raise ValueError(word)


def _told(where: str, error: ValidationError) -> list[dict[str, str]]:
    """Say each mistake by its place. What was given is not repeated: it may be a secret."""
    return [
        {"at": ".".join([where, *map(str, each["loc"])]), "detail": each["msg"]}
        for each in error.errors(include_url=False, include_context=False, include_input=False)[:50]
    ]


def _is_list(annotation: Any) -> bool:
    return (get_origin(annotation) or annotation) in (list, tuple) or any(
        get_origin(each) in (list, tuple) for each in get_args(annotation)
    )
