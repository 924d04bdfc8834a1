"""``/why``: the story of one recipient in plain sentences."""

from admin.api.models.filters import LanguageQuery
from admin.api.models.views import StoryOut
from admin.api.outside import Outside
from admin.api.problems import missing
from admin.api.route import Call, Route
from admin.event_story import tell_event
from admin.story import tell
from admin.times import moment
from store.events import Event
from store.open import Store
from store.sentences import say
from store.token_nouns import Scope


class Why:
    """Tells what became of a recipient."""

    def __init__(self, store: Store, outside: Outside) -> None:
        self._store = store
        self._did_you_mean = outside.did_you_mean

    def routes(self) -> list[Route]:
        """Give the routes."""
        return [
            Route(
                method="GET", path="/why/{recipient_id}", handler=self.why, scope=Scope.READ, group="Recipients",
                summary="Get the story of one recipient in plain sentences", query=LanguageQuery, answer=StoryOut,
            ),
        ]  # fmt: skip

    async def why(self, call: Call) -> StoryOut:
        """Tell it."""
        found = await self._store.find.recipient(call.id("recipient_id"))
        if found is None:
            raise missing("recipient")
        row, language = found.recipient, call.query.language
        meant = await self._did_you_mean(row)
        story = tell(row, call.now, meant=meant, language=language)
        return StoryOut(
            recipient_id=str(row.recipient_id),
            address=row.forward_path,
            word=story.word,
            more=story.more,
            sentence=story.sentence,
            advice=story.advice,
            did_you_mean=meant or None,
            told=[_sentence(event, call.now, language) for event in found.events],
        )


def _sentence(event: Event, now: float, language: str) -> str:
    """``21 Nov 09:14: The email came back. mx.example.org said: 550 5.1.1 unknown``."""
    story = tell_event(event, language)
    told = [f"{moment(event.at, now, language).absolute}: {story.sentence}"]
    if event.reply:
        host = event.remote_host or say("the server", language)
        told.append(say("{host} said {reply}", language, host=host, reply=event.reply))
    if story.note:
        told.append(f"({story.note})")
    return " ".join(told)
