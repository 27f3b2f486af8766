"""What the server keeps of a user: what an export tells, and what stays when the account is deleted."""
