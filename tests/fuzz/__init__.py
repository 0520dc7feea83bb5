"""Damaged recordings for a server that runs: `python -m tests.fuzz --num 2000 --seed 0`."""
