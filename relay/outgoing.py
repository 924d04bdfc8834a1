"""
The copy that leaves for one recipient, and the path its bounces come back on.

The content is read once per message and the copies are slices of it: a message to a thousand people is parsed once.
Both are repeatable: the same recipient gets the same bytes and the same return path at each attempt (promise 4). Large
copies are made in threads, several at a time; a lock keeps what they share.
"""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from bounce.verp import ReturnPaths
from pixel.element import element
from pixel.token import Tokens
from relay.message.copy import CopyPlan, copy, plan
from store.nouns import Job, TrackingMode

_PLANS_KEPT = 256
_PLAN_OCTETS_KEPT = 32 * 1024 * 1024  # a plan is a few offsets, but where a part had to be encoded anew


class Outgoing:
    """Makes copies and return paths from a recipient's id."""

    def __init__(self, *, tokens: Tokens, return_paths: ReturnPaths, base_url: Callable[[str], str]) -> None:
        """``base_url`` gives where the images of mails from a domain are."""
        self._tokens = tokens
        self._return_paths = return_paths
        self._base_url = base_url
        self._plans: OrderedDict[tuple[int, bool], CopyPlan] = OrderedDict()
        self._plan_octets = 0
        self._lock = Lock()  # of the plans

    def copy(self, job: Job, content: bytes, seven_bit: bool) -> bytes:  # noqa: FBT001  positional in the worker's contract
        """
        Make the copy for one recipient.

        Args:
            job: Whose copy.
            content: The message as it was stored.
            seven_bit: The peer does not take 8-bit octets (RFC 6152): parts that hold them are re-encoded.
        """
        image = None
        if job.tracking is not TrackingMode.OFF and not job.no_pixel_why:
            # Where opens are only counted, all copies of a message carry the same token: who loads it is not known.
            about = job.message_id if job.tracking is TrackingMode.COUNT else job.recipient_id
            url = self._base_url(job.header_from.rpartition("@")[2])
            image = element(url, self._tokens.encode(about))
        return copy(content, self._plan(job.message_id, content, seven_bit), prepended=job.prepended, element=image)

    def expect(self, message_id: int, made: CopyPlan) -> None:
        """Take the plan that was made of a message when it was accepted: its copies need not read it again."""
        self._keep((message_id, False), made)

    def return_path(self, job: Job) -> str:
        """Give the reverse-path whose bounces name this recipient, at a domain that belongs to its sender's."""
        return self._return_paths.encode(job.recipient_id, job.header_from.rpartition("@")[2])

    def _plan(self, message_id: int, content: bytes, seven_bit: bool) -> CopyPlan:  # noqa: FBT001  see copy
        key = (message_id, seven_bit)
        with self._lock:
            if key in self._plans:
                self._plans.move_to_end(key)
                return self._plans[key]
        made = plan(content, seven_bit=seven_bit, signs_for=_decided_at_acceptance)
        self._keep(key, made)
        return made

    def _keep(self, key: tuple[int, bool], made: CopyPlan) -> None:
        with self._lock:
            if key in self._plans:  # another thread was faster
                return
            self._plans[key] = made
            self._plan_octets += made.octets
            while len(self._plans) > _PLANS_KEPT or self._plan_octets > _PLAN_OCTETS_KEPT:
                _, oldest = self._plans.popitem(last=False)
                self._plan_octets -= oldest.octets


def _decided_at_acceptance(domain: str) -> bool:  # noqa: ARG001  see copy.plan
    """Leave it to ``no_pixel_why`` whether mail that the application signed gets a pixel: so a retry is the same."""
    return True
