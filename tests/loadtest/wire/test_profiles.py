"""Profiles without a network: what comes in is read, what goes out is written, what is wrong is said."""

from pathlib import Path

import msgspec
import pytest

from loadtest.results.exit_codes import UsageError
from loadtest.wire.messages import frames
from loadtest.wire.messages.leniency import id_number
from loadtest.wire.messages.own import OwnMessage
from loadtest.wire.profiles.framings import Said, Step, Unreadable, new_framing
from loadtest.wire.profiles.paths import NotThere, filled, find, places_in
from loadtest.wire.profiles.profile import Profile, Who
from loadtest.wire.profiles.profile_file import listing, read_profile, shipped
from lobby_server.protocol import messages

ADA = Who(name="ada l", token="t.o.k", version="1")


def framing(name: str):
    return new_framing(name, type_path="type", data_path="data")


def shipped_profile(name: str) -> Profile:
    profile = read_profile(name)
    assert profile is not None
    return profile


# -- paths --------------------------------------------------------------------------------------------------------


def test_a_path_goes_through_names_and_indexes():
    document = {"user": [{"id": 7}]}
    assert find(document, "user.0.id") == 7
    assert find(document, "") is document
    for path in ("user.1.id", "user.x", "user.0.id.more", "nothing"):
        with pytest.raises(NotThere, match=f"there is no {path}"):
            find(document, path)


def test_of_several_ways_the_first_that_is_there_is_taken():
    ways = "roomId | room.roomId"
    assert find({"roomId": "a", "room": {"roomId": "b"}}, ways) == "a"
    assert find({"room": {"roomId": "b"}}, ways) == "b"
    with pytest.raises(NotThere, match=r"there is no roomId and no room\.roomId"):
        find({}, ways)


def test_a_template_keeps_the_kind_of_what_is_filled_in():
    values = {"id": 7, "token": "t"}
    assert filled({"id": "{id}", "auth": ["Bearer {token}"], "n": 1}, values) == {"id": 7, "auth": ["Bearer t"], "n": 1}
    assert filled("{unknown}", values) == "{unknown}"
    assert places_in({"a": ["{x} and {y}"], "b": 3}) == {"x", "y"}


# -- framings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "read"),
    [
        (b'0{"sid":"x","pingInterval":25000}', Step(asks_for_auth=True)),
        (b"2", Step(answer=(b"3", frames.OP_TEXT))),
        (b"2probe", Step(answer=(b"3probe", frames.OP_TEXT))),
        (b"6", Step()),
        (b'40{"sid":"y"}', Step(is_ready=True)),
        (b'42["user joined",{"user":"ada"}]', Said("user joined", {"user": "ada"})),
        (b'42["bare"]', Said("bare", {})),
        (b'4217["with an id",1]', Said("with an id", 1)),
        (b'44{"message":"no"}', Said("connect_error", {"message": "no"})),
        (b"41", Said("disconnect", {})),
        (b"1", Said("disconnect", {})),
    ],
)
def test_socketio_packets_are_read(payload: bytes, read: object):
    assert framing("socketio").read(payload) == read


@pytest.mark.parametrize("payload", [b"", b"hello", b"451-[]", b"42{}", b"42", b"42[", b"42[]", b"9"])
def test_what_is_no_socketio_says_why(payload: bytes):
    with pytest.raises(Unreadable):
        framing("socketio").read(payload)


def test_socketio_events_and_authentication_are_written():
    assert framing("socketio").write("say", {"text": "hi"}) == (b'42["say",{"text":"hi"}]', frames.OP_TEXT)
    assert framing("socketio").authenticate({"name": "ada"}) == (b'40{"name":"ada"}', frames.OP_TEXT)
    assert framing("socketio").authenticate(None) == (b"40", frames.OP_TEXT)


def test_colyseus_frames_are_read_and_written():
    colyseus = framing("colyseus")
    assert colyseus.read(b"\x0a\x05token") == Step(answer=(b"\x0a", frames.OP_BINARY), is_ready=True)
    rooms = b"\x0d\xa5rooms" + msgspec.msgpack.encode([{"roomId": "x"}])
    assert colyseus.read(rooms) == Said("rooms", [{"roomId": "x"}])
    assert colyseus.read(b"\x0d\x07") == Said("7", {})
    assert colyseus.read(b"\x0e\x00\x01") == Step()
    packed, opcode = colyseus.write("say", {"text": "hi"})
    assert (colyseus.read(packed), opcode) == (Said("say", {"text": "hi"}), frames.OP_BINARY)


@pytest.mark.parametrize("payload", [b"", b"\xff", b"\x0d\xc1", b"\x0d\xa1x\xc1", b'{"type":"x"}'])
def test_what_is_no_colyseus_says_why(payload: bytes):
    with pytest.raises(Unreadable):
        framing("colyseus").read(payload)


@pytest.mark.parametrize(
    ("type_path", "data_path", "document", "said"),
    [
        ("type", "data", {"type": "x", "data": {"a": 1}}, Said("x", {"a": 1})),
        ("event", "", {"event": "x", "a": 1}, Said("x", {"event": "x", "a": 1})),
        ("0", "1", ["x", {"a": 1}], Said("x", {"a": 1})),
        ("meta.kind", "body", {"meta": {"kind": 3}}, Said("3", {})),
    ],
)
def test_the_envelope_is_where_the_paths_say(type_path: str, data_path: str, document: object, said: Said):
    found = new_framing("json", type_path=type_path, data_path=data_path)
    assert found.read(msgspec.json.encode(document)) == said


def test_a_json_message_is_written_where_the_paths_say():
    nested = new_framing("json", type_path="meta.kind", data_path="body")
    assert msgspec.json.decode(nested.write("x", {"a": 1})[0]) == {"meta": {"kind": "x"}, "body": {"a": 1}}
    flat = new_framing("json", type_path="type", data_path="")
    assert msgspec.json.decode(flat.write("x", {"a": 1})[0]) == {"a": 1, "type": "x"}


# -- profiles -----------------------------------------------------------------------------------------------------


def test_profiles_that_ship_are_listed_and_say_what_they_are_for():
    assert shipped() == ("lobby", "broadcast", "colyseus", "socketio")
    assert read_profile("lobby") is None
    for name in shipped()[1:]:
        assert shipped_profile(name).about.endswith(".")
        assert name in listing()


def test_a_socketio_profile_reads_and_writes_the_lobbys_messages():
    profile = shipped_profile("socketio")
    joined = profile.read(b'42["user joined",{"user":"ada l"}]')
    assert joined == ("user joined", messages.UserOnline(user_id=id_number("ada l"), username="ada l"))
    assert profile.read(b'42["rooms changed",{}]') == ("rooms changed", messages.RoomsChanged())
    assert profile.read(b'42["joined",{"user":"ada l"}]')[1].user_id == id_number("ada l")
    assert profile.greet(ADA) == (b'42["join",{"name":"ada l"}]', frames.OP_TEXT)
    join = messages.JoinRoom(roomId="r1", version="1", name="ada")
    assert profile.write(join, ADA) == (b'42["join room",{"id":"r1"}]', frames.OP_TEXT)
    assert profile.write(messages.Ping(), ADA) is None
    assert profile.offers == {"rooms", "create", "join", "chat"}
    assert not profile.needs_tokens


def test_parts_of_the_answer_to_entering_are_in_the_path_of_the_socket():
    of_0_16 = {"room": {"processId": "p/1", "roomId": "r"}, "sessionId": "s"}
    of_0_18 = {"name": "lobby", "processId": "p/1", "roomId": "r", "sessionId": "s"}
    for answer in (of_0_16, of_0_18):
        assert shipped_profile("colyseus").path_for(ADA, answer) == "/p%2F1/r?sessionId=s"


def test_a_profile_that_sends_the_token_needs_one():
    token = Profile(name="x", socket_path="/?token={token}")
    assert token.needs_tokens
    assert token.path_for(ADA) == "/?token=t.o.k"


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b'42["new event",{}]', r"new event is not described: say what it means with \[hears"),
        (b'42["user joined",{"id":1}]', "there is no user in the data of user joined: say where it is"),
    ],
)
def test_what_a_profile_does_not_describe_says_what_to_add(payload: bytes, why: str):
    with pytest.raises(Unreadable, match=why):
        shipped_profile("socketio").read(payload)


def test_what_is_ignored_or_wanted_by_a_role_is_not_told_as_unknown():
    profile = Profile(name="x", ignores=("noise",))
    assert profile.read(b'{"type":"noise"}') == ("noise", None)
    profile.own_types = frozenset({"goal"})
    assert profile.read(b'{"type":"goal","data":3}') == ("goal", OwnMessage("goal", 3))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[sockets]", "mine.toml: sockets is no key: there is about, ignores, socket, envelope, handshake, ping, "
         "hears, says, http."),
        ("[socket]\nframing = 'grpc'", "mine.toml: socket.framing is 'grpc': give one of json, socketio, colyseus."),
        ("[socket]\npath = 'ws'", "mine.toml: socket.path is 'ws': give a path that starts with /."),
        ("[socket]\npath = 5", "mine.toml: socket.path is 5: give a text."),
        ("socket = 5", "mine.toml: socket is 5: give a table, as in [socket]."),
        ("ignores = 'x'", "mine.toml: ignores is 'x': give a list of texts."),
        ("[ping]\ntype = 'p'", "mine.toml: ping needs type and answer: leave [ping] out for pings of the WebSocket."),
        ("[hears.user_online]\nuser_id = 'id'",
         "mine.toml: hears.user_online.types is missing: say which messages of the server mean that."),
        ("[hears.user_came]\ntypes = ['x']",
         "mine.toml: hears.user_came is no key: there is user_online, user_offline, rooms_changed, room_joined, chat, "
         "error."),
        ("[says.chat]\ndata = {}", "mine.toml: says.chat.type is missing: say how the server calls that message."),
        ("[http.rooms]\ncall = 'rooms'",
         "mine.toml: http.rooms.call is 'rooms': give a method and a path, as in \"GET /rooms\"."),
        ("[http.rooms]\ncall = 'GET /rooms'\nwhere = 'x'",
         "mine.toml: http.rooms.where is no key: there is call, body, headers, list, id, mark, full."),
        ("[http.rooms]\ncall = 'get /rooms'",
         "mine.toml: http.rooms.call is 'get /rooms': give a method and a path, as in \"GET /rooms\"."),
        ("[http.rooms]\ncall = 'GET /rooms'\n[http.rooms.headers]\nx = 5",
         "mine.toml: http.rooms.headers.x is 5: give a text."),
        ("[hears.rooms_changed]\ntypes = ['x']\nroom_id = 'id'",
         "mine.toml: hears.rooms_changed.room_id is no key: there is types."),
        ("[socket]\nframing = 'colyseus'\n[envelope]\ntype = '0'",
         "mine.toml: [envelope] is of the framing json: colyseus says itself where type and data are."),
        ("[socket]\nauth = {name = '{name}'}",
         "mine.toml: socket.auth is {'name': '{name}'}: give it to socketio alone, which has a CONNECT packet."),
        ("[handshake]\ndata = {}", "mine.toml: handshake.type is missing: say how the server calls that message."),
        ("[socket]\npath = '/live?t={tokn}'",
         "mine.toml: socket.path is '/live?t={tokn}': give what is filled in there, {name}, {token}, {version}: {tokn} "
         "is none of them."),
        ("[socket]\npath = '/{room-id}'\n[http.enter]\ncall = 'POST /in'\nroom_id = 'id'",
         "mine.toml: socket.path is '/{room-id}': give what is filled in there, {name}, {token}, {version}, {room_id}: "
         "{room-id} is none of them."),
        ("[says.join_room]\ntype = 'take'\ndata = {room = ['{id}']}",
         "mine.toml: says.join_room.data is {'room': ['{id}']}: give what is filled in there, {name}, {token}, "
         "{version}, {room_id}: {id} is none of them."),
        ("[http.delete]\ncall = 'DELETE /rooms/{room_id}'",
         "mine.toml: http.delete.call is 'DELETE /rooms/{room_id}': give what is filled in there, {name}, {token}, "
         "{version}, {id}: {room_id} is none of them."),
        ("[hears.chat]\ntypes = ['say']\n[hears.room_joined]\ntypes = ['in', 'say']",
         "mine.toml: hears.room_joined.types is 'say': give each message one meaning: say stands under "
         "hears.chat.types, too."),
        ("ignores = ['pong']\n[ping]\ntype = 'ping'\nanswer = 'pong'",
         "mine.toml: ignores is 'pong': give each message one meaning: pong stands under ping.answer, too."),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_profile_is_said_with_file_key_and_what_was_expected(
    tmp_path: Path, text: str, sentence: str
):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        read_profile(str(tmp_path / "mine.toml"))
    assert str(caught.value) == sentence


def test_a_ping_holds_what_stands_for_the_player(tmp_path: Path):
    (tmp_path / "mine.toml").write_text(
        '[ping]\ntype = "beat"\ndata = {who = "{name}", key = "{token}"}\nanswer = "beaten"'
    )
    profile = read_profile(str(tmp_path / "mine.toml"))
    assert profile is not None
    packed = profile.write(messages.Ping(), ADA)
    assert packed is not None
    assert msgspec.json.decode(packed[0]) == {"type": "beat", "data": {"who": "ada l", "key": "t.o.k"}}
    assert profile.needs_tokens


def test_a_refused_connect_of_socketio_is_a_refusal_with_its_reason():
    refused = shipped_profile("socketio").read(b'44{"message":"invalid credentials"}')
    assert refused == ("connect_error", OwnMessage("refused", "invalid credentials"))


def test_a_profile_that_is_not_there_names_those_that_ship():
    with pytest.raises(UsageError, match="give a TOML file, or one of lobby, broadcast, colyseus, socketio"):
        read_profile("nowhere")
