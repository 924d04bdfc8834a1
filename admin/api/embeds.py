"""The route that makes links to embeds. Who may read everything may hand out what it reads."""

from collections.abc import Sequence

from admin.api.models.base import when
from admin.api.models.embeds import EmbedIn, EmbedOut
from admin.api.problems import invalid
from admin.api.route import Call, Route
from admin.embeds.link import about_problem, link
from store.token_nouns import Scope


class EmbedRoutes:
    """Makes links."""

    def __init__(self, base_url: str, keys: Sequence[bytes], *, longest: float) -> None:
        """Build it. ``base_url``: scheme and host; ``keys``: the current one first; ``longest``: seconds."""
        self._base_url = base_url
        self._key = keys[0]
        self._longest = longest

    def routes(self) -> list[Route]:
        """Give the route."""
        return [
            Route(
                method="POST", path="/embeds", handler=self.make, scope=Scope.READ, group="Embeds",
                summary="Make a signed, expiring link to a view", body=EmbedIn, answer=EmbedOut, status=201,
                description="Whoever has the link sees what it names until it expires, and nothing else.",
            ),
        ]  # fmt: skip

    async def make(self, call: Call) -> EmbedOut:
        """Make one."""
        told: EmbedIn = call.body
        about = {name: value for name, value in told.model_dump(exclude={"view", "seconds"}).items() if value}
        if problem := about_problem(told.view, about):
            raise invalid("body", f"{problem}.")
        if told.seconds > self._longest:
            raise invalid("body.seconds", f"A link is good for {self._longest:g} seconds at most.")
        ends = int(call.now) + told.seconds
        about["exp"] = str(ends)
        badge = told.view == "badge"
        return EmbedOut(
            url=self._base_url + link(told.view, about, self._key, form=".svg" if badge else ""),
            json_url=None if badge else self._base_url + link(told.view, about, self._key, form=".json"),
            expires_at=when(float(ends)),
        )
