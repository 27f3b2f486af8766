"""Requests that are answered on the loop, without Tornado: the room list, which everybody fetches at once."""
