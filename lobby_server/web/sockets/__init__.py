"""What is at the other end of the WebSocket paths: the lobby, and the figures for operators."""
