"""Chunks of bytes become HTTP/1.1 answers, one after the other on a connection that is kept. No I/O.

Bodies with a length, in chunks, until the end of the connection, or none (RFC 9112 section 6). What is no such answer
raises `BadAnswer`.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from loadtest.wire.messages.heads import LARGEST_HEAD_BYTES, BadAnswer, Head, read_head

LARGEST_BODY_BYTES = 64 * 1024 * 1024
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, eq=False, slots=True)
class Answer:
    head: Head
    body: bytes
    """As it was on the wire: compressed where the server did that."""
    is_last: bool
    """Nothing more comes on this connection."""

    def decoded(self) -> bytes:
        """The body without its compression. Raises `BadAnswer`."""
        coding = self.head.headers.get("content-encoding", "identity").lower()
        if coding == "identity":
            return self.body
        if coding not in ("gzip", "x-gzip"):
            raise BadAnswer(f"the answer is encoded as {coding}, which was not asked for")
        try:
            decoder = zlib.decompressobj(_GZIP)
            body = decoder.decompress(self.body, LARGEST_BODY_BYTES)
        except zlib.error as error:
            raise BadAnswer(f"the answer is no gzip: {error}") from None
        if not decoder.eof:
            raise BadAnswer("the compressed answer has no end, or is too large")
        return body


class AnswerParser:
    """Of one connection. One answer at a time: ask for the next one when it is there."""

    __slots__ = ("_head", "_left", "_pieces", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        self._head: Head | None = None
        self._left: int | None = None
        """Bytes of the body that are still to come; None: until the end of the connection, or in chunks."""
        self._pieces: list[bytes] = []

    @property
    def is_between(self) -> bool:
        """Whether nothing of an answer has come yet."""
        return self._head is None and not self._rest

    def feed(self, chunk: bytes) -> Answer | None:
        """Raises `BadAnswer`."""
        self._rest = self._rest + chunk if self._rest else chunk
        if self._head is None and not self._take_head():
            return None
        head = self._head
        assert head is not None
        if head.has_token("transfer-encoding", "chunked"):
            is_whole = self._take_chunks()
        elif self._left is not None:
            is_whole = self._take_length()
        else:
            self._take_piece(len(self._rest))
            is_whole = False
        return self._whole(is_last=head.has_token("connection", "close")) if is_whole else None

    def end(self) -> Answer | None:
        """The connection has ended: the answer whose body ends with it, if it was one."""
        head = self._head
        if head is None or self._left is not None or head.has_token("transfer-encoding", "chunked"):
            return None
        return self._whole(is_last=True)

    def _take_head(self) -> bool:
        while True:
            end = self._rest.find(b"\r\n\r\n")
            if end < 0:
                if len(self._rest) > LARGEST_HEAD_BYTES:
                    raise BadAnswer("the head of the answer has no end")
                return False
            head = read_head(self._rest[:end])
            self._rest = self._rest[end + 4 :]
            if head.status >= 200:
                break
        self._head = head
        self._left = _length_of(head)
        return True

    def _take_length(self) -> bool:
        assert self._left is not None
        size = min(self._left, len(self._rest))
        self._left -= size
        self._take_piece(size)
        return not self._left

    def _take_chunks(self) -> bool:
        """`_left` is what is missing of the present chunk and its line end."""
        while True:
            if self._left:
                if len(self._rest) < self._left:
                    return False
                self._pieces.append(self._rest[: self._left - 2])
                self._rest = self._rest[self._left :]
                self._left = None
                if sum(map(len, self._pieces)) > LARGEST_BODY_BYTES:
                    raise BadAnswer("the answer is too large")
            line, found, rest = self._rest.partition(b"\r\n")
            if not found:
                return False
            try:
                size = int(line.split(b";")[0], 16)
            except ValueError:
                raise BadAnswer("a chunk of the answer has no length") from None
            if size < 0 or size > LARGEST_BODY_BYTES:
                raise BadAnswer("a chunk of the answer is too large")
            if size:
                self._rest, self._left = rest, size + 2
                continue
            if rest.startswith(b"\r\n"):
                self._rest = rest[2:]
                return True
            if b"\r\n\r\n" not in rest:  # trailers, or the end is still to come
                return False
            self._rest = rest.partition(b"\r\n\r\n")[2]
            return True

    def _take_piece(self, size: int) -> None:
        if size:
            self._pieces.append(self._rest if size == len(self._rest) else self._rest[:size])
            self._rest = self._rest[size:]
        if self._left is None and sum(map(len, self._pieces)) > LARGEST_BODY_BYTES:
            raise BadAnswer("the answer is too large")

    def _whole(self, *, is_last: bool) -> Answer:
        head, pieces = self._head, self._pieces
        assert head is not None
        if self._rest:
            raise BadAnswer("more came than the answer")
        self._head, self._left, self._pieces = None, None, []
        return Answer(head, pieces[0] if len(pieces) == 1 else b"".join(pieces), is_last)


def _length_of(head: Head) -> int | None:
    if head.status in (204, 304):
        return 0
    text = head.headers.get("content-length")
    if text is None or head.has_token("transfer-encoding", "chunked"):
        return None
    if not (text.isascii() and text.isdigit()) or int(text) > LARGEST_BODY_BYTES:
        raise BadAnswer("the answer has a length that is none")
    return int(text)
