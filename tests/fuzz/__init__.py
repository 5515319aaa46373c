"""Damaged and hostile files, made from a seed, and what the commands do with them.

`python -m fuzz fits --count 1000 --seed 0` runs one kind of file, `make fuzz` all of them.
"""
