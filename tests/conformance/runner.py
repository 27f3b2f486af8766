"""Runs cases on a server, and observes what comes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from tests.conformance.case import (
    Case,
    Heard,
    Pause,
    RequestCase,
    SocketCase,
    Then,
    Way,
    request,
    upgrade,
)
from tests.conformance.http_replies import Response, read_response
from tests.conformance.judging import Observation
from tests.conformance.line import Line, Reads
from tests.conformance.wire import PING, Agreed, Deflater, ServerFrames, close_frame, frame, pong_of, read_agreed
from tests.patience import PATIENCE_S

AT_ONCE = 96
"""Connections of cases that run at the same time."""
_FENCE = b"fence"
_FENCE_AGAIN_S = 0.6
"""A fence above the rate limit is not answered: once more when the limit has let go."""


async def run_cases(
    cases: Iterable[Case], way: Way, port: int, *, reads: Reads | None = None
) -> dict[str, Observation]:
    """All of them on one server, many at a time; by name. `reads`: shared with other servers."""
    reads, places = reads or Reads(), asyncio.Semaphore(AT_ONCE)

    async def one(case: Case) -> Observation:
        async with places:
            return await run_case(case, way, port, reads)

    cases = list(cases)
    observed = await asyncio.gather(*map(one, cases))
    return {case.name: seen for case, seen in zip(cases, observed, strict=True)}


async def run_case(case: Case, way: Way, port: int, reads: Reads) -> Observation:
    line = await Line.open(port, way, reads)
    try:
        if isinstance(case, SocketCase):
            return await _Talk(line, way).socket(case)
        return await _Talk(line, way).requests(case)
    finally:
        await line.end()


def split_in_two(data: bytes) -> tuple[bytes, bytes]:
    """Cut in the middle of the first head."""
    middle = max(1, (data.find(b"\r\n\r\n") + 4) // 2) if b"\r\n\r\n" in data else max(1, len(data) // 2)
    return data[:middle], data[middle:]


# -- private ------------------------------------------------------------------------------------------------------


class _Talk:
    """One case on one connection."""

    def __init__(self, line: Line, way: Way) -> None:
        self._line = line
        self._way = way
        self._replies: list[Response] = []
        self._faults: list[str] = []
        self._frames: ServerFrames | None = None
        self._deflater = Deflater(Agreed())
        self._extension: str | None = None

    async def socket(self, case: SocketCase) -> Observation:
        offer = [f"Sec-WebSocket-Extensions: {case.offer}"] if self._way.deflates else []
        await self._send_request(upgrade(*offer))
        if not await self._reply("GET") or self._replies[-1].status != 101:
            return self._seen()
        self._open_socket(case.offer if self._way.deflates else None)
        for number, step in enumerate(case.steps):
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
            elif isinstance(step, Heard):
                await self._until(lambda frames, step=step: len(frames.events) >= step.events)
            else:
                self._line.send(step if isinstance(step, bytes) else step(self._deflater))
                if number < len(case.steps) - 1:
                    await self._line.read_by_server()
        if all(outcome.codes for outcome in case.allowed):
            await self._until(lambda frames: False)
            return await self._ending(case)
        is_open = await self._fence()
        if not is_open:
            return await self._ending(case)
        return self._seen(is_open=True, folds=case.folds)

    async def requests(self, case: RequestCase) -> Observation:
        for number, segment in enumerate(case.segments):
            if number == 0:
                await self._send_request(segment, is_last=len(case.segments) == 1)
            else:
                self._line.send(segment)
                if number < len(case.segments) - 1:
                    await self._line.read_by_server()
        finals = max(
            sum(min(reply.statuses) >= 200 or 101 in reply.statuses for reply in each) for each in case.allowed
        )
        for number in range(finals):
            method = case.methods[number] if number < len(case.methods) else "GET"
            if not await self._reply(method):
                return self._seen()
            if self._replies[-1].status == 101:
                self._open_socket(None)
                return self._seen(is_open=await self._fence())
        if case.then is Then.CLOSES:
            await self._wait(lambda: False)
            if self._line.received:
                self._faults.append(f"bytes behind the last response: {self._line.received[:80]!r}")
        elif case.then is Then.KEEPS:
            counted = list(self._replies)
            self._line.send(request("/healthz"))
            is_open = await self._reply("GET") and self._replies[-1].status == 200
            self._replies = counted
            return self._seen(is_open=is_open)
        return self._seen()

    # -- private --------------------------------------------------------------------------------------------------

    async def _send_request(self, data: bytes, *, is_last: bool = False) -> None:
        if self._way is Way.SPLIT and len(data) > 1:
            first, data = split_in_two(data)
            self._line.send(first)
            await self._line.read_by_server()
        self._line.send(data)
        if not is_last:
            await self._line.read_by_server()

    async def _reply(self, method: str) -> bool:
        """One response that is final, and those before it; False: none came."""
        while True:
            found: list[tuple[Response, bytes]] = []

            def is_there(found: list[tuple[Response, bytes]] = found) -> bool:
                read = read_response(self._line.received, method=method, has_ended=self._line.has_ended)
                if read is not None:
                    found.append(read)
                return read is not None

            try:
                if not await self._wait(is_there):
                    return False
            except ValueError as fault:
                self._faults.append(str(fault))
                return False
            response, self._line.received = found[-1]
            self._replies.append(response)
            self._faults += response.faults
            if response.status >= 200 or response.status == 101:
                return True

    def _open_socket(self, offer: str | None) -> None:
        self._extension = self._replies[-1].value("sec-websocket-extensions")
        agreed = None
        if self._extension is not None:
            try:
                agreed = read_agreed(self._extension)
            except ValueError as fault:
                self._faults.append(str(fault))
        self._frames = ServerFrames(agreed)
        if offer is not None:
            if agreed is None:
                self._faults.append("compression was offered and is switched on, but not agreed on")
            promised = re.search(r"client_max_window_bits=(\d+)", offer)
            agreed = agreed or Agreed()
            bits = min(agreed.client_max_window_bits, int(promised[1]) if promised else 15)
            self._deflater = Deflater(replace(agreed, client_max_window_bits=bits))
        self._feed()

    def _feed(self) -> None:
        if self._frames is not None:
            data, self._line.received = self._line.received, b""
            self._frames.feed(data)

    async def _wait(self, is_there: Callable[[], bool], patience_s: float = PATIENCE_S) -> bool:
        """Whether the condition held before the connection ended and the patience did."""
        deadline_s = asyncio.get_running_loop().time() + patience_s
        while True:
            self._feed()
            if is_there():
                return True
            if self._line.has_ended:
                return False
            left_s = deadline_s - asyncio.get_running_loop().time()
            if left_s <= 0:
                return False
            try:
                await asyncio.wait_for(self._line.more(), left_s)
            except asyncio.TimeoutError:
                return False
            if self._line.has_ended:
                self._feed()
                return is_there()

    async def _until(self, holds: Callable[[ServerFrames], bool], patience_s: float = PATIENCE_S) -> bool:
        """Wait for what the server's frames hold, or for its close."""
        frames = self._frames
        assert frames is not None
        return await self._wait(lambda: frames.close is not None or holds(frames), patience_s)

    async def _fence(self) -> bool:
        """Whether the socket answers a ping: what comes before the answer is all that comes."""
        frames = self._frames
        assert frames is not None
        for number in range(int(PATIENCE_S / _FENCE_AGAIN_S)):
            self._line.send(frame(_FENCE + b"%d" % number, PING))
            await self._until(lambda frames: any(pong.startswith(_FENCE) for pong in frames.pongs), _FENCE_AGAIN_S)
            if frames.close is not None or self._line.has_ended:
                return False
            if any(pong.startswith(_FENCE) for pong in frames.pongs):
                return True
        return False

    async def _ending(self, case: SocketCase) -> Observation:
        """Behind a close frame of the server, or without one: TCP ends."""
        assert self._frames is not None
        if self._frames.close is not None and case.answers_close:
            code = self._frames.close
            self._line.send(close_frame(None if code == 1005 else code))
        if self._frames.close is not None:
            await self._wait(lambda: False)
        return self._seen(folds=case.folds)

    def _seen(self, *, is_open: bool = False, folds: bool = False) -> Observation:
        frames = self._frames
        events = [] if frames is None else [each for each in frames.events if not _is_fence(each)]
        if folds:
            events = list(dict.fromkeys(events))
        return Observation(
            replies=tuple(self._replies),
            events=tuple(events),
            close=None if frames is None else frames.close,
            is_open=is_open,
            has_ended=self._line.has_ended,
            extension=self._extension,
            faults=(*self._faults, *(frames.faults if frames is not None else ())),
        )


def _is_fence(event: str) -> bool:
    return event.startswith(pong_of(_FENCE))
