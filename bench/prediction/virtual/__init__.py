"""The server's own fan-out and pacing in virtual time, on cores that take the time that a model says.

    `core`    a CPU as a queue: a piece of work takes its time, and what is behind it waits
    `crowd`   many sessions as one subscriber
    `node`    one server process: `lobby_server.service.fanout` and the announcer, each paid for
    `desk`    the list over HTTP
    `rooms`   the list as players change it, and `commits` how long each change waits
    `log`     the stream of Valkey between processes
    `lobby`   all of it, with the players' doings

What runs is the product's code; sockets, HTTP and the database are a cost and a time of waiting each.
"""
