"""The conformance suite: what RFC 6455, 7692, 9110 and 9112 ask of the server, on every way in."""
