"""The roles that there are, and their options: what a plan and a command line need to know of them."""
