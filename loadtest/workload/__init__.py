"""What players do and when: options, mix of roles, plan, arrivals, distributions, shapes, identities."""
