"""The whole lobby in one process and in virtual time: nodes, Valkey, database, network, players. All that happens
follows from a seed.

    schedule (who does what, what breaks) ──▶ run ──▶ checks at every entry, at every answer, and once things are quiet
                                                └──▶ a violation ──▶ shrunk ──▶ told as a story

What runs is the product: `lobby_server.core`, `lobby_server.service`, the log of `lobby_server.backplane` and the rules
of `loadtest.client`. What is simulated is in `bench.simulation.outside`.
"""
