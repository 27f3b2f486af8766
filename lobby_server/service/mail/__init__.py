"""Mail to users: what is written, and the queue that sends it. How it leaves is `lobby_server.mail`'s business."""
