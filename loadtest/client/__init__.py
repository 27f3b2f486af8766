"""A client of the lobby in Python: log in, stay connected, hear what happens.

It needs no Locust. It runs in plain threads, at most two per connection, and unchanged under gevent's monkey-patching.
The names in `__all__` are the public interface; the modules behind them may move.

    from pathlib import Path

    from loadtest.client import (
        AuthenticationManager, ConnectionManager, KeepAliveHttp, LobbyApi, ServerList, TokenFileState,
    )

    api = LobbyApi(KeepAliveHttp("http://localhost:30820"))
    connection = ConnectionManager(url="ws://localhost:30820", name="Ada")
    accounts = AuthenticationManager(api=api, connection=connection, token_file=Path("~/.lobby-token").expanduser())
    server_list = ServerList(api=api, connection=connection)

    server_list.list_updated.connect(lambda rooms: print(len(rooms), "rooms"))
    connection.user_status_changed.connect(lambda user_id, is_online: print(user_id, is_online))
    connection.connection_refused.connect(lambda reason: print("log in again:", reason))

    if accounts.load_stored_token() is not TokenFileState.LOADED:
        accounts.register(username="Ada", password="correct horse")     # from here on it stays connected
    connection.wait_until_connected(10)
    room = api.create_room(accounts.token, gamemode="duel", map_name="canyon")
    connection.create_room()
    ...
    accounts.logout()

Friends, parties and chat: `Social` and `SocialApi`. Ready state, start, settings and codes of rooms: `HostingApi`.
Protocol extensions are requested by name,
``ConnectionManager(features={Feature.REV, …})``; with ``rooms_delta`` a `DeltaServerList` takes the place of the
`ServerList`.

All exceptions derive from `ClientError`. Times are in seconds.
"""

from loadtest.client.accounts.authentication import AuthenticationManager
from loadtest.client.accounts.token_file import TokenFile, TokenFileState, looks_like_jwt
from loadtest.client.api import LobbyApi, RoomsAnswer, ServerTimers
from loadtest.client.counters import Counters
from loadtest.client.errors import (
    ApiError,
    ClientError,
    NotConnected,
    RateLimited,
    ServerAway,
    TokenFileError,
    UnexpectedAnswer,
)
from loadtest.client.hosting import HostingApi
from loadtest.client.http import HttpAnswer, HttpCall, HttpCaller, KeepAliveHttp
from loadtest.client.lists.delta_list import DeltaServerList
from loadtest.client.lists.server_list import PollingServerList, ServerList
from loadtest.client.reconnect import FixedReconnect, JitterReconnect, ReconnectPolicy
from loadtest.client.signals import Signal
from loadtest.client.social import Social, SocialApi
from loadtest.client.sockets.connection import ConnectionManager
from loadtest.client.sockets.lobby_connection import Attempt, LobbyConnection
from loadtest.client.sockets.transport import socket_url
from loadtest.client.timing import Timing
from lobby_server.protocol.features import Feature

__all__ = [
    "ApiError",
    "Attempt",
    "AuthenticationManager",
    "ClientError",
    "ConnectionManager",
    "Counters",
    "DeltaServerList",
    "Feature",
    "FixedReconnect",
    "HostingApi",
    "HttpAnswer",
    "HttpCall",
    "HttpCaller",
    "JitterReconnect",
    "KeepAliveHttp",
    "LobbyApi",
    "LobbyConnection",
    "NotConnected",
    "PollingServerList",
    "RateLimited",
    "ReconnectPolicy",
    "RoomsAnswer",
    "ServerAway",
    "ServerList",
    "ServerTimers",
    "Signal",
    "Social",
    "SocialApi",
    "Timing",
    "TokenFile",
    "TokenFileError",
    "TokenFileState",
    "UnexpectedAnswer",
    "looks_like_jwt",
    "socket_url",
]
