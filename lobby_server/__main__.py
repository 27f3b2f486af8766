"""``python -m lobby_server`` is ``lobby-server``."""

from lobby_server.cli import main

if __name__ == "__main__":
    main()
