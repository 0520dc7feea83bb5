"""Child processes that parse what strangers send, so that a crash, a hang or a memory overrun ends one request only.

    pool.py     Sandbox: a few warm children, leased to one request at a time, replaced when they die
    child.py    Child: one process, seen from the server: start it, call a function in it, kill it
    worker.py   the process itself (`python -m app.isolation.worker`): limits, then one call after the other
    wire.py     the frames between them

A call names a function as "package.module:function", gets an open file and keyword options, and returns a value that
JSON can hold and bytes.
"""
