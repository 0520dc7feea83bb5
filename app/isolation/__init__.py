"""Child processes that parse what strangers send, so that a crash, a hang or a memory overrun ends one request only.

A call names a function as "package.module:function", gets an open file and keyword options, and returns a value that
JSON can hold and bytes. pool.py leases children, child.py is one seen from the server, worker.py the process itself.
stream.py passes a recording through a child while it arrives.
"""
