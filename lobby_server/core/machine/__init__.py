"""The lobby as a state machine: commands go in, one after the other, and effects come out. The same commands in the
same order make the same state, wherever they are applied.
"""
