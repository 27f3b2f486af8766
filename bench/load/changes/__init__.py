"""Changes of the room list at intended times, and the ledgers of who should have heard of them."""
