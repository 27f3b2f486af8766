"""Friends, blocks, parties, invitations, chat, notifications and announcements."""
