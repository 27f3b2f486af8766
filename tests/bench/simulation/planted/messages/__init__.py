"""Of each message that the server sends: it is not told, it is told to others, it tells what is not so."""
