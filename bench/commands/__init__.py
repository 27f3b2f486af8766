"""Commands of ``lobby-bench``, a module per group of them; each imports what it needs when it runs."""
