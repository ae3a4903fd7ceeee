"""Who is asking, for whom, through what: one principal for every door of both floors and of our own APIs.

The ring has no I/O. `authenticate` answers from memory; work on records runs in the store's transactions
(`core.storage`), calls to other servers are generators (`core.fetching`), time is handed in as whole seconds.
"""
