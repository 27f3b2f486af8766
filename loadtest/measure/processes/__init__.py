"""What is seen of the processes of a run: the generator itself, and the server where it is on this machine."""
