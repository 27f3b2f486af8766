"""What a report says, section by section, apart from how it looks."""
