"""The OpenAPI 3.1 document, made of the routes and their models."""

import json
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from admin.api.models.problem import ProblemOut
from admin.api.route import JSON, PREFIX, Route

_REF = "#/components/schemas/{model}"
_PROBLEM = "application/problem+json"
_WORDS = {
    400: "The body is no JSON, or too deep.",
    401: "No token, or one that is not in force.",
    403: "The token lacks the scope.",
    404: "There is none, or it is no longer kept.",
    409: "It is there already.",
    410: "It was there, and its time is over.",
    413: "The body is too large.",
    415: "Another media type is wanted, or the body is compressed.",
    422: "Something in path, query or body cannot be; `errors` says what.",
    429: "Too many requests; `Retry-After` says when to come back.",
    500: "Our fault.",
    503: "The store cannot be reached; try again.",
}
_ABOUT = (
    "What Homing knows of each mail, and a way to send more. Ids are texts: they have 64 bits. Times are UTC (RFC "
    "3339). Lists come in pages: hand `next` back as `cursor`. Errors are problems after RFC 9457."
)
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key within 24 hours means the same mail.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
}
_RATE_HEADERS = {
    name: {"schema": {"type": "integer"}, "description": about}
    for name, about in (
        ("RateLimit-Limit", "Requests a minute."),
        ("RateLimit-Remaining", "How many of them are left."),
        ("RateLimit-Reset", "Seconds until all are back."),
    )
}


def document(routes: list[Route]) -> str:
    """Give the document as JSON."""
    models = _models(routes)
    mapped, defs = models_json_schema(models, ref_template=_REF)
    schemas = {(model, mode): schema for (model, mode), schema in mapped.items()}
    components = defs.get("$defs", {})
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas, components)
    return json.dumps(
        {
            "openapi": "3.1.0",
            "info": {"title": "Homing", "version": "1", "description": _ABOUT, "license": {"name": "Apache-2.0"}},
            "servers": [{"url": PREFIX}],
            "paths": paths,
            "components": {
                "schemas": components,
                "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            },
        },
        ensure_ascii=False,
        indent=1,
    )


def _models(routes: list[Route]) -> list[tuple[type[BaseModel], Any]]:
    found: dict[tuple[type[BaseModel], str], None] = {(ProblemOut, "serialization"): None}
    for route in routes:
        found[route.query, "validation"] = None
        if route.body is not None:
            found[route.body, "validation"] = None
        if route.answer is not None:
            found[route.answer, "serialization"] = None
    return list(found)


def _operation(route: Route, schemas: dict[Any, Any], components: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": route.operation,
        "summary": route.summary,
        "tags": [route.group],
        "parameters": [
            *_path_parameters(route),
            *_query_parameters(route, schemas, components),
            *([_KEY] if route.keyed else []),
        ],
        "responses": _responses(route, schemas),
    }
    if route.description:
        told["description"] = route.description
    if route.scope is not None:
        told["security"] = [{"token": []}]
        told["x-scope"] = route.scope.value
    else:
        told["security"] = []
    if route.takes_body:
        about = {"schema": schemas[route.body, "validation"]} if route.body is not None else {}
        told["requestBody"] = {"required": True, "content": {route.accepts: about}}
    return told


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": "^[0-9]{1,19}$"}
            if name.endswith("_id")
            else {"type": "string", "minLength": 1, "maxLength": 320},
        }
        for name in route.names
    ]


def _query_parameters(route: Route, schemas: dict[Any, Any], components: dict[str, Any]) -> list[dict[str, Any]]:
    schema = schemas[route.query, "validation"]
    resolved = components[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    told = []
    for name, inner in resolved.get("properties", {}).items():
        about = {key: value for key, value in inner.items() if key not in ("title", "default", "description")}
        parameter = {"name": name, "in": "query", "required": name in resolved.get("required", ()), "schema": about}
        if inner.get("default") not in (None, "", []):
            about["default"] = inner["default"]
        if "description" in inner:
            parameter["description"] = inner["description"]
        told.append(parameter)
    return told


def _responses(route: Route, schemas: dict[Any, Any]) -> dict[str, Any]:
    errors = {422, 500, 503, *route.errors}
    if route.scope is not None:
        errors |= {401, 403, 429}
    if any(name.endswith("_id") for name in route.names):
        errors.add(404)
    if route.takes_body:
        errors |= {400, 413, 415}
    problem = {_PROBLEM: {"schema": schemas[ProblemOut, "serialization"]}}
    told: dict[str, Any] = {str(route.status if _has_content(route) else 204): _good(route, schemas)}
    if route.method == "GET" and route.answer is not None:
        told["304"] = {"description": "Not changed since the `ETag` in `If-None-Match`."}
    told |= {str(status): {"description": _WORDS[status], "content": problem} for status in sorted(errors)}
    return told


def _has_content(route: Route) -> bool:
    return route.answer is not None or route.produces != JSON


def _good(route: Route, schemas: dict[Any, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"description": "As asked."}
    if route.scope is not None:
        told["headers"] = _RATE_HEADERS
    if route.answer is not None:
        told["content"] = {JSON: {"schema": schemas[route.answer, "serialization"]}}
    elif route.produces != JSON:
        told["content"] = {route.produces: {"schema": {"type": "string"}}}
    return told
