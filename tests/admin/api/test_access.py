"""Credentials and tokens through the API: made, shown once, ended; each change in the audit."""

from store.open import Store
from tests.admin.api.conftest import Api


async def test_a_credential(api: Api, store: Store) -> None:
    """Its password is shown once and works; it ends by its name."""
    body = {"name": "class manager", "from_domains": ["club.example"], "networks": ["192.0.2.0/24"], "rate": 5}
    made = await api.ask("/credentials", method="POST", scope="admin", body=body)
    assert made.status == 201
    found = await store.credentials.check(made.json["user"], made.json["password"], "192.0.2.1")
    assert found is not None
    assert (found.name, found.from_domains, found.rate) == ("class manager", ("club.example",), 5)
    assert (await api.ask("/credentials", method="POST", scope="admin", body=body)).status == 409
    bad = await api.ask("/credentials", method="POST", scope="admin", body={"name": "b", "networks": ["x"]})
    assert (bad.status, bad.json["detail"]) == (422, "'x' does not appear to be an IPv4 or IPv6 network.")
    listed = await api.ask("/credentials", scope="admin")
    assert made.json["password"] not in listed.text
    assert [it["name"] for it in listed.json["items"]] == ["class manager"]
    path = "/credentials/class%20manager"
    assert (await api.ask(path, method="DELETE", scope="admin")).status == 204
    assert (await api.ask(path, method="DELETE", scope="admin")).status == 404
    assert await store.credentials.check(made.json["user"], made.json["password"], "192.0.2.1") is None
    assert [it.action for it in await store.audit.list()] == ["credential.revoke", "credential.add"]


async def test_a_token(api: Api, store: Store) -> None:
    """It is shown once and works as far as its scopes go; it can end itself."""
    body = {"name": "a/b", "scopes": ["admin"], "expires_at": "2027-01-01T00:00:00+01:00"}
    made = await api.ask("/tokens", method="POST", scope="admin", body=body)
    assert (made.status, made.json["expires_at"]) == (201, "2026-12-31T23:00:00Z")
    api.tokens["new"] = made.json["token"]
    listed = await api.ask("/tokens", scope="new")
    assert [it["name"] for it in listed.json["items"]] == ["a/b", "admin", "read", "send"]
    assert made.json["token"] not in listed.text
    assert (await api.ask("/tokens", method="POST", scope="admin", body=body)).status == 409
    over = {**body, "name": "c", "expires_at": "2020-01-01T00:00:00Z"}
    assert (await api.ask("/tokens", method="POST", scope="admin", body=over)).status == 409
    assert (await api.ask("/tokens/a%2Fb", method="DELETE", scope="new")).status == 204
    assert (await api.ask("/tokens", scope="new")).status == 401
    assert [it.action for it in await store.audit.list()] == ["token.revoke", "token.add"]
