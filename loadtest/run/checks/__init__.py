"""What has to hold before a run starts: options, tokens, open files, a server that answers."""
