"""The rules of a lobby: plain data, no loop, no clock, no input or output. Time and ids are handed in."""
