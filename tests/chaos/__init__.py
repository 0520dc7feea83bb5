"""`make chaos`: a real server under every attack that we know, and what its listeners notice.

    python -m tests.chaos            everything, at most six minutes; exit status 1 where a goal is missed

`attacks/` holds the attacks, one small object each; `scenarios/` those that need a server of their own. Attackers,
probes and listeners run in processes of their own (`assault.py`, `probe.py`, `listen.py`), so that they disturb each
other as little as two cores allow. Traffic goes to loopback only, and only processes started here are ended.
"""
