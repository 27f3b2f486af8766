"""The floors of each package, one table per module here; `tests.test_floors` checks them all.

A table says `PACKAGE`, and `LAYERS` from the bottom up: each layer is a tuple of modules or packages, named from the
package on. What a module imports lies in a layer below its own, or in the same entry. The longest name that fits
counts, so that one module of a package may lie lower than the rest.
"""
