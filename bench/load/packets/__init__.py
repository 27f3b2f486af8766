"""What went over the wire, packet by packet, with the kernel's times: what a load generator says is held against it."""
