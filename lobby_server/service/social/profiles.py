"""What a user may know of another: since when they are here, how many rooms they have hosted, friends of both, and the
room that they are in where they let it be known."""

from __future__ import annotations

from lobby_server.core.presence import User
from lobby_server.core.refusal import Refusal, RefusalCode
from lobby_server.protocol import resources
from lobby_server.protocol.social_resources import Profile
from lobby_server.service.ports import Store
from lobby_server.service.replica import Replica
from lobby_server.service.social.people import People
from lobby_server.service.social.whereabouts import Whereabouts

SHOWN_MUTUAL_FRIENDS = 20


class Profiles:
    """Users as others see them."""

    def __init__(self, *, replica: Replica, people: People, whereabouts: Whereabouts, store: Store) -> None:
        self._presence, self._friends = replica.books.presence, replica.books.friends
        self._replica = replica
        self._people = people
        self._whereabouts = whereabouts
        self._store = store

    async def of(self, user_id: int, *, reader: User) -> Profile:
        """Raises `Refusal` (``user_not_found``), `StoreUnavailable`. O(friends)."""
        await self._replica.caught_up_in_call()
        user = await self._people.by_id(user_id)
        if user is None:
            raise Refusal(RefusalCode.USER_NOT_FOUND)
        account = await self._store.account(user_id)
        is_local = account is not None and account.username == user.username
        theirs = set(self._friends.friend_ids(user_id))
        mutual = [friend.user.username for friend in self._friends.friends_of(reader.id) if friend.user.id in theirs]
        return Profile(
            user_id=user.id,
            username=user.username,
            is_online=self._presence.is_online(user.id),
            since=resources.iso_utc(account.created_at) if account is not None and is_local else None,
            rooms_hosted=account.rooms_hosted if account is not None and is_local else None,
            mutual_friends=sorted(mutual, key=str.casefold)[:SHOWN_MUTUAL_FRIENDS],
            mutual_friends_count=len(mutual),
            room_id=self._whereabouts.seen_by(reader, user_id),
        )
