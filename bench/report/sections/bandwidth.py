"""The section on what an idle client costs."""

from __future__ import annotations

from bench.analysis.derived.overview import Overview, traffic_of
from bench.analysis.derived.traffic import IdleCost, Spread, WayCost, select
from bench.analysis.sources import achieved as achieved_rate
from bench.analysis.sources import hour, minute, points, spent
from bench.analysis.validity import sum_up
from bench.citations import cite, combined, least
from bench.record.wire import HEADER_BYTES, MSS_BYTES
from bench.report.sections.page import Section, Table, mark_of
from bench.words import WAY_WORDS, a_few, count, in_bytes, in_digits, in_percent, rate_number, rate_words, size_words

KINDS = {"polling": "polling", "polling_etag": "polling with ETag", "push": "push"}
"""Those of the specification's comparison; the others are told beside them."""


def bandwidth_section(figures: Overview) -> Section | None:
    result = traffic_of(figures.run)
    if result is None:
        return None
    sizes = figures.run.profile.bandwidth
    request = " · ".join(line for line in result.polling_request.split("\r\n") if line)
    scale = (
        f" All times are divided by {sizes.time_scale:g}: a smoke test, not a measurement."
        if sizes.time_scale != 1
        else ""
    )
    return Section(
        name="bandwidth",
        title="What does a client cost in bytes, idle and while the list changes?",
        shows=_shows(figures),
        validity=sum_up([cost.judgement for cost in figures.traffic], points(among="groups")),
        method=[
            f"{sizes.clients} clients of each way on each server, a server for each length of the list and rate of "
            f"changes, all in the same {sizes.window_s:g} s. Polling every {sizes.poll_s:g} s over a kept-alive "
            f"connection; heartbeats every {sizes.heartbeat_s:g} s; the server's own protocol pings count where they "
            f"come.{scale}",
            "Messages only: JSON texts and HTTP bodies. Framed: with WebSocket frame headers, or HTTP request line and "
            "headers; this is what TCP carries, and must agree with the kernel's TCP_INFO counters of the very socket, "
            "to the byte, or the figure is invalid.",
            f"With TCP/IP is a model: segments of at most {MSS_BYTES} bytes, {HEADER_BYTES} bytes of IPv4 and TCP with "
            "timestamps on each, delayed acknowledgements; without Ethernet, TLS, losses, opening of connections.",
            _wire_words(figures),
            f"A poll as sent: {request}",
        ],
        repeat=f"lobby-bench run bandwidth --{figures.run.profile.name} --seed {figures.run.seed}",
        charts=("idle-bandwidth", "bandwidth-rate", "bandwidth-cause"),
        tables=(_cost_table(figures), _traffic_table(figures), _reconciliation(figures), _size_table(figures)),
    )


def _shows(figures: Overview) -> list[str]:
    push = {cost.rooms: cost for cost in select(figures.idle, "push")}
    sentences = []
    for kind in ("polling", "polling_etag"):
        for cost in select(figures.idle, kind):
            beside = push.get(cost.rooms)
            if beside is None or not cost.wire.mean:
                continue
            name = KINDS[kind][0].upper() + KINDS[kind][1:]
            saved = 1 - beside.wire.mean / cost.wire.mean
            own, pushed = minute("push", cost.rooms, "wire"), minute(kind, cost.rooms, "wire")
            sentences.append(
                f"{name} costs {cite(in_bytes(cost.wire.mean), pushed)} per minute with TCP/IP when the list has "
                f"{size_words(cost.rooms, 'room')}, push {cite(in_bytes(beside.wire.mean), own)}: "
                f"{cite(in_percent(saved), combined('saved', own, pushed))} less."
            )
    sentences += _rates(figures)
    found = figures.run.found("bandwidth")
    load = found.stretch if found is not None else None
    if load is not None:
        sentences.append(
            f"All servers together used {_spent(load.server_cpu_s, 'server_cpu_s')} of CPU in "
            f"{cite(f'{in_digits(load.wall_s)} s', spent('bandwidth', 'wall_s'))}, the generator "
            f"{_spent(load.generator_cpu_s, 'generator_cpu_s')}."
        )
    return sentences


def _spent(value_s: float, take: str) -> str:
    return cite(f"{in_digits(1e3 * value_s)} ms", spent("bandwidth", take))


def _cost_table(figures: Overview) -> Table:
    rows, marks = [], []
    for kind, words in WAY_WORDS.items():
        for cost in select(figures.idle, kind):
            rows.append(_cost_row(words, cost))
            marks.append(mark_of(cost.judgement))
    return Table(
        title="Bytes per minute and client, up and down together: mean [least–most]",
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


def _rates(figures: Overview) -> list[str]:
    """Where what is told over the socket costs more than asking."""
    rooms = min((cost.rooms for cost in figures.traffic), default=0)
    here = [cost for cost in figures.traffic if cost.rooms == rooms and cost.changes_per_s]
    sentences = []
    for rate in sorted({cost.changes_per_s for cost in here}):
        by_way = {cost.kind: cost.whole for cost in here if cost.changes_per_s == rate}
        achieved = next(cost.achieved_per_s for cost in here if cost.changes_per_s == rate)
        best = min(by_way, key=lambda way: by_way[way])
        of = {way: hour(way, rooms, rate) for way in by_way}
        told = {way: cite(in_bytes(value), of[way]) for way, value in by_way.items()}
        parts = [f"{WAY_WORDS[way]} {told[way]}" for way in by_way if way != best]
        winner = cite(WAY_WORDS[best], least({WAY_WORDS[way]: each for way, each in of.items()}))
        made = achieved_rate(next(iter(by_way)), rooms, rate)
        sentences.append(
            f"At {rate_words(rate, achieved, made)}, {size_words(rooms, 'room')}: {winner} is cheapest with "
            f"{told[best]} per client-hour; {', '.join(parts)}."
        )
    return sentences


def _wire_words(figures: Overview) -> str:
    result = traffic_of(figures.run)
    note = result.wire_note if result is not None else ""
    if note:
        return f"True wire bytes were not counted: {note}."
    return (
        "Each group of clients has a link of its own between two network namespaces, MTU 1500, offloads off: what its "
        "interface counted, less 14 bytes of Ethernet per packet, is what a network would have carried."
    )


def _traffic_table(figures: Overview) -> Table:
    rows, marks = [], []
    for cost in sorted(figures.traffic, key=lambda each: (each.rooms, each.changes_per_s, _order(each))):
        rows.append(
            [
                WAY_WORDS[cost.kind],
                count(cost.rooms),
                rate_number(cost.changes_per_s, cost.achieved_per_s),
                count(cost.changes),
                *(in_bytes(part) for part in (cost.payload, cost.headers, cost.heartbeat, cost.tcp_ip, cost.whole)),
                str(cost.judgement),
            ]
        )
        marks.append(mark_of(cost.judgement))
    return Table(
        title="Bytes per client-hour by cause, up and down together",
        headers=("Way", "Rooms", "Changes/s", "Changes made", "Payload", "Headers", "Heartbeat", "TCP/IP", "In all",
                 "Validity (TCP_INFO)"),
        rows=rows,
        row_marks=marks,
        note="Headers: HTTP request line and headers, and the headers of frames that carry events. The upgrade and the "
        "first fetch come once a session and are not in it.",
    )  # fmt: skip


def _reconciliation(figures: Overview) -> Table:
    """Application, transport and wire, and why they differ."""
    rows = []
    for cost in sorted(figures.traffic, key=lambda each: (each.rooms, each.changes_per_s, _order(each))):
        if cost.measured is None or cost.packets is None:
            continue
        headers = HEADER_BYTES * cost.packets
        rest = cost.measured - cost.framed - headers
        model_packets = (cost.model - cost.framed) / HEADER_BYTES
        rows.append(
            [
                WAY_WORDS[cost.kind],
                count(cost.rooms),
                rate_number(cost.changes_per_s, cost.achieved_per_s),
                in_bytes(cost.framed),
                "the same" if str(cost.judgement) == "valid" else str(cost.judgement),
                f"{count(cost.packets)} × {HEADER_BYTES} B",
                in_bytes(rest) if abs(rest) >= 1 else "0",
                in_bytes(cost.measured),
                f"{cost.model / cost.measured - 1:+.1%}",
                f"{model_packets - cost.packets:+,.0f} packets",
            ]
        )
    return Table(
        title="The three counts reconciled, per client-hour",
        headers=("Way", "Rooms", "Changes/s", "Framed, counted by the client", "TCP_INFO",
                 "Packets on the link × header",
                 "Rest: retransmissions, options", "On the link", "Model off by", "because it has"),
        rows=rows,
        note="Framed and packets × header make what the link carried, but for the rest. The model differs by packets "
        "alone: it takes an acknowledgement of its own for every second segment where the kernel lets data carry it, "
        "or sends one sooner.",
    )  # fmt: skip


def _order(cost: WayCost) -> int:
    return list(WAY_WORDS).index(cost.kind)


def _size_table(figures: Overview) -> Table:
    traffic = traffic_of(figures.run)
    sizes = traffic.sizes if traffic is not None else []
    return Table(
        title="Messages that occurred in this scenario, before, in and after the idle minute",
        headers=("Message", "Times", "Bytes of the message"),
        rows=[[size.name, count(size.n), count(size.message_bytes)] for size in sizes],
        note="User names have ten characters, like the specification's FriendName; user ids have six digits.",
    )
