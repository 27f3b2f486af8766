"""The section on what an idle client costs."""

from __future__ import annotations

from bench.figures import Figures, IdleCost, Spread, select
from bench.sections.page import Section, Table, mark_of
from bench.validity import sum_up
from bench.wire import HEADER_BYTES, MSS_BYTES
from bench.words import a_few, count, in_bytes, in_digits, in_percent, plural

KINDS = {"polling": "polling", "polling_etag": "polling with ETag", "push": "push"}


def idle_section(figures: Figures) -> Section | None:
    result = figures.run.idle
    if result is None:
        return None
    sizes = figures.run.profile.idle
    request = " · ".join(line for line in result.polling_request.split("\r\n") if line)
    scale = (
        f" All times are divided by {sizes.time_scale:g}: a smoke test, not a measurement."
        if sizes.time_scale != 1
        else ""
    )
    return Section(
        name="idle",
        title="What does a client cost that does nothing for a minute?",
        shows=_shows(figures),
        validity=sum_up([cost.judgement for cost in figures.idle]),
        method=[
            f"{sizes.clients} clients of each kind and length of the list, all in the same {sizes.window_s:g} s, on "
            f"servers of their own where nothing happens. Polling every {sizes.poll_s:g} s over a kept-alive "
            f"connection, without gzip; heartbeats every {sizes.heartbeat_s:g} s; the server's own protocol pings "
            f"count where they come.{scale}",
            "Messages only: JSON texts and HTTP bodies. Framed: with WebSocket frame headers, or HTTP request line and "
            "headers; this is what TCP carries, and must agree with the kernel's TCP_INFO counters of the very socket, "
            "to the byte, or the figure is invalid.",
            f"With TCP/IP is a model: segments of at most {MSS_BYTES} bytes, {HEADER_BYTES} bytes of IPv4 and TCP with "
            "timestamps on each, delayed acknowledgements; without Ethernet, TLS, losses, opening of connections.",
            f"A poll as sent: {request}",
        ],
        repeat=f"lobby-bench run idle --{figures.run.profile.name} --seed {figures.run.seed}",
        charts=("idle-bandwidth",),
        tables=(_cost_table(figures), _size_table(figures)),
    )


def _shows(figures: Figures) -> list[str]:
    push = {cost.rooms: cost for cost in select(figures.idle, "push")}
    sentences = []
    for kind in ("polling", "polling_etag"):
        for cost in select(figures.idle, kind):
            beside = push.get(cost.rooms)
            if beside is None or not cost.wire.mean:
                continue
            name = KINDS[kind][0].upper() + KINDS[kind][1:]
            saved = 1 - beside.wire.mean / cost.wire.mean
            sentences.append(
                f"{name} costs {in_bytes(cost.wire.mean)} a minute with TCP/IP when the list has "
                f"{plural(cost.rooms, 'room')}, push {in_bytes(beside.wire.mean)}: {in_percent(saved)} less."
            )
    load = figures.run.idle.load if figures.run.idle is not None else None
    if load is not None:
        sentences.append(
            f"All servers together used {in_digits(1e3 * load.server_cpu_s)} ms of CPU in {in_digits(load.wall_s)} s, "
            f"the generator {in_digits(1e3 * load.generator_cpu_s)} ms."
        )
    return sentences


def _cost_table(figures: Figures) -> Table:
    rows, marks = [], []
    for kind, words in KINDS.items():
        for cost in select(figures.idle, kind):
            rows.append(_cost_row(words, cost))
            marks.append(mark_of(cost.judgement))
    return Table(
        title="Bytes a minute and client, up and down together: mean [least–most]",
        headers=(
            "Kind", "Rooms in the list", "List body", "Clients", "Requests or heartbeats", "Messages only", "Framed",
            "With TCP/IP (model)", "Validity (TCP_INFO)",
        ),
        rows=rows,
        row_marks=marks,
        note="1 KB is 1,000 bytes.",
    )  # fmt: skip


def _cost_row(words: str, cost: IdleCost) -> list[str]:
    return [
        words,
        count(cost.rooms),
        in_bytes(cost.list_bytes),
        count(cost.clients),
        a_few(cost.requests.mean),
        *(_spread(cost.layer(layer)) for layer in ("message", "framed", "wire")),
        str(cost.judgement),
    ]


def _spread(spread: Spread) -> str:
    if spread.minimum == spread.maximum:
        return f"{in_bytes(spread.mean)} [all the same]"
    return f"{in_bytes(spread.mean)} [{in_bytes(spread.minimum)}–{in_bytes(spread.maximum)}]"


def _size_table(figures: Figures) -> Table:
    sizes = figures.run.idle.sizes if figures.run.idle is not None else []
    return Table(
        title="Messages that occurred in this scenario, before, in and after the idle minute",
        headers=("Message", "Times", "Bytes of the message"),
        rows=[[size.name, count(size.n), count(size.message_bytes)] for size in sizes],
        note="User names have ten characters, like the seed's FriendName; user ids have six digits.",
    )
