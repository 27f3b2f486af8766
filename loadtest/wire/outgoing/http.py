"""Keep-alive HTTP over the shared reader: thousands of players fetch without a greenlet for any of them.

Requests are whole, and sent again once where the server closed an idle connection at the same moment: nothing of them
was taken (RFC 9110 section 9.2.2). An answer whose bytes another player had, too, is not parsed again.
"""

from __future__ import annotations

import contextlib
import socket
from collections import OrderedDict, deque
from typing import Any, Protocol

from loadtest.wire.crew import Crew
from loadtest.wire.messages.answers import Answer, AnswerParser
from loadtest.wire.messages.heads import BadAnswer
from loadtest.wire.outgoing.connecting import (
    HostAddresses,
    PlainSocket,
    connecting_error,
    noticed_late,
    start_connecting,
)
from loadtest.wire.reader import READ_BYTES, SharedReader
from loadtest.wire.timers import Timers

MOST_KNOWN = 16
"""Answers that are remembered: of at most a read's size each, and the date in them makes them useless in a second."""
SWEEP_S = 1.0
"""How exactly timeouts are kept."""


class Asker(Protocol):
    """Called from the reader's, the timers' or the crew's greenlet, and never from within `HttpPool.ask`."""

    def begins(self, at_s: float) -> None:
        """What its time counts from: the sending, or the asking where all connections were busy with requests that the
        server had not answered. So what this process alone was late is not in it. Said again when it is known better.
        """

    def answered(self, answer: Answer, arrived_s: float) -> None:
        """Whatever its status."""

    def unanswered(self, why: str) -> None:
        """There is no answer: a few words."""


class Wish:
    """A request that waits for a connection, or has one."""

    __slots__ = ("asker", "counts", "from_s", "request")

    def __init__(self, request: bytes, asker: Asker, asked_s: float) -> None:
        self.request, self.asker = request, asker
        self.from_s = asked_s
        self.counts = False
        """Its time, from then on: it was sent, or waits for the server, which keeps all connections busy."""


class HttpPool:
    """Of one server. At most `most` connections; who asks beyond them waits for a turn."""

    def __init__(
        self, url: str, *, reader: SharedReader, timers: Timers, crew: Crew, most: int, timeout_s: float
    ) -> None:
        """`timeout_s` is from the sending of a request to its whole answer."""
        self.reader, self.timers = reader, timers
        self.addresses = HostAddresses(url, timers.clock)
        self.timeout_s = timeout_s
        self.bytes_in = self.bytes_out = 0
        self._crew = crew
        self._most = most
        self._idle: list[HttpLink] = []
        self._busy: set[HttpLink] = set()
        self._waiting: deque[Wish] = deque()
        self._newcomers: list[Wish] = []
        """Of those, who came since connections were looked for last."""
        self._known: OrderedDict[bytes, Answer] = OrderedDict()
        self._is_called = self._is_sweeping = self._is_closed = False

    def __len__(self) -> int:
        """Connections."""
        return len(self._idle) + len(self._busy)

    def ask(self, request: bytes, asker: Asker) -> None:
        if not self._is_closed:
            wish = Wish(request, asker, self.timers.clock())
            self._waiting.append(wish)
            self._newcomers.append(wish)
            self._call()

    def close(self) -> None:
        """No further answer comes."""
        self._is_closed = True
        self._waiting.clear()
        self._newcomers.clear()
        for link in [*self._idle, *self._busy]:
            link.close()
        self._idle.clear()
        self._busy.clear()

    # -- for the links --------------------------------------------------------------------------------------------

    def read(self, parser: AnswerParser, chunk: bytes) -> Answer | None:
        """Raises `BadAnswer`."""
        is_between = parser.is_between
        if is_between and (known := self._known.get(chunk)) is not None:
            return known
        answer = parser.feed(chunk)
        if answer is not None and is_between and len(chunk) < READ_BYTES:
            self._known[chunk] = answer
            if len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
        return answer

    def is_free(self, link: HttpLink) -> None:
        self._busy.discard(link)
        if not self._is_closed:
            self._idle.append(link)
            self._go_on()

    def has_ended(self, link: HttpLink) -> None:
        self._busy.discard(link)
        with contextlib.suppress(ValueError):
            self._idle.remove(link)
        self._go_on()

    def again(self, wish: Wish) -> None:
        """The connection was closed while it was idle: nothing of the request was taken."""
        self._waiting.appendleft(wish)
        self._go_on()

    # -- turns ----------------------------------------------------------------------------------------------------

    def _go_on(self) -> None:
        if self._waiting:
            self._call()

    def _call(self) -> None:
        if not self._is_called:
            self._is_called = True
            self.timers.put(self.timers.clock(), self._begin_some)

    def _begin_some(self, _at_s: float) -> None:
        """In the timers' greenlet."""
        self._is_called = False
        if self._is_closed:
            return
        while self._waiting and (self._idle or len(self) < self._most):
            if not self._idle and self.addresses.are_due:
                self._is_called = True
                self._crew.put(self._look_up)
                return
            link = self._idle.pop() if self._idle else HttpLink(self)
            self._busy.add(link)
            link.ask(self._waiting.popleft())
        newcomers, self._newcomers = self._newcomers, []
        if self._waiting:
            for wish in newcomers:
                wish.counts = True
        if self._busy and not self._is_sweeping:
            self._is_sweeping = True
            self.timers.put(self.timers.clock() + SWEEP_S, self._sweep)

    def _look_up(self) -> None:
        self.addresses.look_up()
        self.timers.put(self.timers.clock(), self._begin_some)

    def _sweep(self, _at_s: float) -> None:
        now_s = self.timers.clock()
        for link in [link for link in self._busy if link.asked_s + self.timeout_s < now_s]:
            link.give_up(f"no answer within {self.timeout_s:g} s")
        self._is_sweeping = bool(self._busy)
        if self._is_sweeping:
            self.timers.put(now_s + SWEEP_S, self._sweep)


class HttpLink:
    """One connection. Idle, or with one request under way."""

    hears_with_others = False
    __slots__ = ("_addresses", "_connecting_s", "_is_reused", "_parser", "_pool", "_unsent", "_wish", "asked_s", "sock")

    def __init__(self, pool: HttpPool) -> None:
        self.sock: Any = None
        self.asked_s = 0.0
        self._pool = pool
        self._addresses = list(pool.addresses.known)
        self._wish: Wish | None = None
        self._unsent = b""
        self._is_reused = False
        self._connecting_s: float | None = None
        self._parser = AnswerParser()

    def ask(self, wish: Wish) -> None:
        self._wish, self._unsent, self.asked_s = wish, wish.request, self._pool.timers.clock()
        if not wish.counts:
            wish.counts, wish.from_s = True, self.asked_s
        wish.asker.begins(wish.from_s)
        if self.sock is None:
            self._connect(f"{self._pool.addresses.host} has no address")
            return
        self._is_reused = True
        try:
            self._send()
        except OSError as error:
            self.on_end(error.strerror or str(error))
            return
        if self._unsent:
            self._pool.reader.want_writable(self, wanted=True)

    def give_up(self, why: str) -> None:
        wish, self._wish = self._wish, None
        self.close()
        self._pool.has_ended(self)
        if wish is not None:
            wish.asker.unanswered(why)

    def close(self) -> None:
        sock = self.sock
        if sock is not None:
            self._pool.reader.remove(self)
            self.sock = None
            sock.close()

    # -- what the reader tells ------------------------------------------------------------------------------------

    def on_writable(self) -> None:
        error = connecting_error(self.sock)
        if error is None:
            self._is_connected()
            try:
                self._send()
            except OSError as failed:
                error = failed
        if error is not None:
            why = error.strerror or str(error)
            if self._is_reused or self._wish is None or len(self._unsent) < len(self._wish.request):
                self.on_end(why)
            else:
                self._connect_to_next(why)
        elif not self._unsent:
            self._pool.reader.want_writable(self, wanted=False)

    def on_bytes(self, chunk: bytes, arrived_s: float) -> None:
        self._pool.bytes_in += len(chunk)
        if self._wish is None:
            self.give_up("more came than was asked for")
            return
        try:
            answer = self._pool.read(self._parser, chunk)
        except BadAnswer as bad:
            self.give_up(str(bad))
            return
        if answer is not None:
            self._finish(answer, arrived_s)

    def on_end(self, why: str) -> None:
        wish = self._wish
        if wish is not None and self._is_reused and self._parser.is_between:
            self._wish = None
            self.close()
            self._pool.has_ended(self)
            self._pool.again(wish)
            return
        answer = self._parser.end() if wish is not None else None
        if answer is not None:
            self._finish(answer, self._pool.timers.clock())
        else:
            self.give_up(why)

    # -- its course -----------------------------------------------------------------------------------------------

    def _finish(self, answer: Answer, arrived_s: float) -> None:
        wish, self._wish = self._wish, None
        if answer.is_last:
            self.close()
            self._pool.has_ended(self)
        else:
            self._pool.is_free(self)
        if wish is not None:
            wish.asker.answered(answer, arrived_s)

    def _is_connected(self) -> None:
        """When this process noticed it is not when it was."""
        began_s, self._connecting_s = self._connecting_s, None
        if began_s is not None and self._wish is not None:
            now_s = self._pool.timers.clock()
            self._wish.from_s += noticed_late(self.sock, began_s=began_s, now_s=now_s)[0]
            self._wish.asker.begins(self._wish.from_s)

    def _connect_to_next(self, why: str) -> None:
        self.close()
        del self._addresses[:1]
        self._connect(why)

    def _connect(self, why: str) -> None:
        while self._addresses:
            family, address = self._addresses[0]
            try:
                self._connecting_s = self._pool.timers.clock()
                self.sock = PlainSocket(family, socket.SOCK_STREAM)
                start_connecting(self.sock, address, source=None)
                self._send()
                if self._wish is not None and len(self._unsent) < len(self._wish.request):
                    self._connecting_s = None  # on this machine it is connected by now
            except OSError as error:
                why = error.strerror or str(error)
                self.close()
                del self._addresses[0]
            else:
                self._pool.reader.add(self, wants_writable=bool(self._unsent))
                return
        self.give_up(why)

    def _send(self) -> None:
        with contextlib.suppress(BlockingIOError):
            sent = self.sock.send(self._unsent)
            self._unsent = self._unsent[sent:]
            self._pool.bytes_out += sent
