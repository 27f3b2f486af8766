"""Who was told of whose comings and goings: receipts, the transitions that they are of, and what is odd about them."""
