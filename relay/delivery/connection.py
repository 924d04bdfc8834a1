"""
One connection to one server: moves the bytes of a ``Dialogue`` over a ``Line``, and makes TLS.

A mail may take SESSION_LIMIT up to its final dot; behind it only ``final_dot_timeout`` counts, since giving up early
there makes duplicates.
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from typing import cast

from relay.delivery.dialogue import Dialogue, Outcome, Step
from relay.delivery.envelope import Envelope, Offers
from relay.delivery.line import ENDLESS, Line
from relay.delivery.patience import SESSION_LIMIT
from relay.delivery.route import Host
from relay.delivery.sending import BeforeDot, Sending
from relay.delivery.states import State
from relay.delivery.tls import VALIDATION_FAILURE, TlsContexts, demanded, mismatch, result_type, verification, verifies
from relay.delivery.told import told, unconnected
from relay.delivery.transcript import Transcript
from relay.settings import DeliverySettings
from store.nouns import Phase


class Connection(asyncio.Protocol):
    """
    One session with one address of a host, for one mail at a time.

    ``clear``: leave out TLS where it is only opportunistic (its handshake failed here before). ``lenient``: take any
    certificate where a policy only tests. ``refusal`` says why a host under DANE is not who it should be, by its
    certificates (DER). ``on_gone`` is called once when the connection is closed, by whomever.
    """

    def __init__(
        self,
        host: Host,
        address: str,
        *,
        hostname: str,
        settings: DeliverySettings,
        contexts: TlsContexts,
        clear: bool = False,
        lenient: bool = False,
        refusal: Callable[[Host, Sequence[bytes]], str] | None = None,
    ) -> None:
        self.host = host
        self.address = address
        self.tls = ""  # "TLSv1.3 TLS_AES_256_GCM_SHA384 verified MTA-STS", "... unverified", "" for clear text
        self.tls_failure = ""  # why TLS failed, a result type of RFC 8460 section 4.3; "" when it did not
        self.local_address = ""  # of ours, once connected
        self.idle_since = 0.0  # the pool's
        self.put_off = 0  # mails in a row that were refused for now; the carrier's
        self.connected_at = 0.0  # loop time
        self.on_gone: Callable[[Connection], None] | None = None
        self._settings = settings
        self._contexts = contexts
        self._refusal = refusal
        self._verifies = verifies(host) and not lenient
        policy = "off" if clear and host.tls == "opportunistic" else host.tls
        self._dialogue = Dialogue(
            hostname=hostname, tls=policy, user=host.user, password=host.password, chunking=settings.chunking
        )
        self._loop = asyncio.get_running_loop()
        self.transcript: Transcript | None = None
        if settings.transcripts != "off":
            self.transcript = Transcript(self._loop.time(), f"to {host.name} [{address}], port {host.port}")
        self._line = Line(self._dialogue, settings, self.transcript)
        self._sending = Sending(self._line)
        self._gone = self._loop.create_future()

    # What the worker and the pool use.

    @property
    def offers(self) -> Offers:
        """What the server offers."""
        return self._dialogue.offers

    @property
    def usable(self) -> bool:
        """Whether a mail can be sent now."""
        return self._dialogue.usable and self._line.transport is not None and not self._line.transport.is_closing()

    @property
    def proven(self) -> bool:
        """Whether the host has shown the certificate that its domain, or its records, ask for."""
        return self.tls.endswith((" verified MTA-STS", " verified DANE"))

    @property
    def only_tested(self) -> bool:
        """Whether the certificate is verified for a policy that only tests, so that a failure keeps no mail back."""
        return self._verifies and self.host.proof == "MTA-STS testing"

    @property
    def mails(self) -> int:
        """How many were begun here."""
        return self._dialogue.mails

    @property
    def behind_dot(self) -> bool:
        """Whether the final dot is out, or noted to go out at once, and its reply is not in."""
        return self._sending.marking or self._dialogue.state is State.END_OF_DATA

    @property
    def outcome(self) -> Outcome | None:
        """How the latest mail ended; None while it goes on."""
        return self._dialogue.outcome

    async def open(self) -> Outcome | None:
        """Connect, greet, make TLS, log in. None: ready for mail. An Outcome: why not; the connection is closed."""
        return await self.connect() or await self.set_up()

    async def connect(self) -> Outcome | None:
        """Connect, no more. An Outcome: why not."""
        try:
            return await self._connect()
        except BaseException:
            self.abort()
            raise

    async def set_up(self) -> Outcome | None:
        """Greet, make TLS, log in. An Outcome: why not; the connection is closed."""
        try:
            self._line.watch()
            step = await self._line.next_step()
            while step is Step.HANDSHAKE:
                step = await self._handshake()
        except BaseException:
            self.abort()
            raise
        if step is Step.READY:
            self._line.deadline = ENDLESS
            return None
        self.close()
        return demanded(self.host, self._dialogue.outcome)

    async def send(self, mail: Envelope, copy: bytes, before_dot: BeforeDot) -> Outcome:
        """
        Send one mail; ``usable`` says whether another may follow.

        ``before_dot`` is called just before the final dot is written, and awaited where it asks for it. Whatever it
        raises is raised here, and then the dot is not sent: the connection is aborted.
        """
        self._dialogue.start(mail)
        self._line.session_deadline = self._loop.time() + SESSION_LIMIT
        if self.transcript is not None:
            self.transcript.begin(self._loop.time(), self._dialogue.mails)
        try:
            self._line.say(self._dialogue.take_output())
            self._line.watch()
            step = await self._line.next_step()
            if step is Step.CONTENT:
                await (self._sending.chunks if self._dialogue.in_chunks else self._sending.content)(copy, before_dot)
                await self._line.next_step()
        except BaseException:
            self._dialogue.lost("we stopped before the reply came")
            self.abort()
            raise
        self._line.deadline = self._line.session_deadline = ENDLESS
        if not self.usable:
            self.abort()  # what lies unsent is of no use to a server that refused in the middle
        assert self._dialogue.outcome is not None
        return self._dialogue.outcome

    def close(self) -> None:
        """Say QUIT and close, without waiting."""
        if self._line.transport is None or self._line.transport.is_closing():
            return
        if self._dialogue.usable and not self._line.transport.get_write_buffer_size():
            self._dialogue.quit()
            self._line.transport.write(self._dialogue.take_output())
        self._line.stop_timer()
        self._line.transport.close()

    def abort(self) -> None:
        """Close at once, with whatever is unsent."""
        self._line.abort()

    async def gone(self) -> None:
        """Wait until the connection is closed."""
        if self._line.transport is not None:
            await asyncio.shield(self._gone)

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._use(cast("asyncio.Transport", transport))  # uvloop's is one by shape, not by class

    def data_received(self, data: bytes) -> None:
        """Feed the dialogue; write what it says."""
        before = self._dialogue.state
        step = self._dialogue.receive(data)
        if self.transcript is not None:
            self.transcript.heard(self._loop.time(), self._dialogue.heard)
        self._dialogue.heard.clear()
        output = self._dialogue.take_output()
        if output:
            self._line.say(output)
        if self._dialogue.state is not before:
            self._line.watch()
        if step is not Step.READ:
            self._line.signal(step)
        elif self._dialogue.closed:
            self.close()  # 421 while idle

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the dialogue and whoever waits."""
        self._line.stop_timer()
        why = "the connection was lost" if exc is None else f"the connection was lost: {told(exc)}"
        self._line.signal(self._dialogue.lost(why))
        if not self._gone.done():
            self._gone.set_result(None)
            if self.on_gone is not None:
                self.on_gone(self)

    def pause_writing(self) -> None:
        """The other side is slow to read."""
        self._line.paused = True

    def resume_writing(self) -> None:
        """There is room again."""
        self._line.paused = False
        self._line.wake()

    # Setting up.

    async def _connect(self) -> Outcome | None:
        implicit = self.host.tls == "implicit"
        source = self._settings.source_address
        local = (source, 0) if source and (":" in source) == (":" in self.address) else None
        try:
            async with asyncio.timeout(self._settings.connect_timeout):
                await self._loop.create_connection(
                    lambda: self,
                    self.address,
                    self.host.port,
                    ssl=self._contexts.verified if implicit else None,
                    server_hostname=self.host.name if implicit else None,
                    local_addr=local,
                )
        except ssl.SSLError as error:
            self.tls_failure = result_type(error)
            return unconnected(Phase.TLS, f"TLS could not be made: {told(error)}")
        except TimeoutError:
            return unconnected(Phase.CONNECT, f"no answer within {self._settings.connect_timeout:g} s")
        except OSError as error:
            return unconnected(Phase.CONNECT, told(error))
        assert self._line.transport is not None
        self.local_address = str((self._line.transport.get_extra_info("sockname") or ("",))[0])
        self.connected_at = self._loop.time()
        self._line.note("connected")
        self._note_tls("verified")
        return None

    async def _handshake(self) -> Step:
        assert self._line.transport is not None
        self._line.deadline = ENDLESS  # the handshake has its own
        try:
            transport = await self._loop.start_tls(
                self._line.transport,
                self,
                self._contexts.verified if self._verifies else self._contexts.opportunistic,
                server_hostname=self.host.name.strip("[]"),
                ssl_handshake_timeout=self._settings.command_timeout,
            )
        except (OSError, ValueError) as error:  # ssl.SSLError and time-outs are OSErrors; ValueError: an odd name
            self._line.take_step()
            self.tls_failure = result_type(error)
            return self._dialogue.lost(f"TLS could not be made: {told(error)}")
        if transport is None:  # typeshed: it may be when the loop is closing
            return self._dialogue.lost("TLS could not be made")
        self._use(transport)
        why = mismatch(self.host, transport.get_extra_info("ssl_object"), self._refusal)
        if why:
            self._line.take_step()
            self.tls_failure = VALIDATION_FAILURE
            return self._dialogue.lost(why)
        self._note_tls(verification(self.host, verified=self._verifies))
        self._dialogue.secured()
        self._line.say(self._dialogue.take_output())
        self._line.watch()
        return await self._line.next_step()

    def _use(self, transport: asyncio.Transport) -> None:
        # A block counts as sent when all of it has left, so a final dot is not out while its content is not.
        transport.set_write_buffer_limits(0)
        self._line.transport = transport

    def _note_tls(self, verification: str) -> None:
        assert self._line.transport is not None
        made = self._line.transport.get_extra_info("ssl_object")
        if made is not None:
            self.tls = f"{made.version()} {made.cipher()[0]} {verification}"
            self._line.note(self.tls)
