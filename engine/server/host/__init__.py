"""The HTTP host of `partwright serve`: request heads by llhttp, bodies between socket and C core, processes that share one store.

A connection is waited for by epoll, and holds a thread only while something is done for it: idle ones, clients that read slowly, small
bodies that still come and the rest of refused ones cost no thread. `main_process` starts the workers, `worker` runs one of them,
`connection` is one client, and `head`, `body` and `transport` are what it is made of.
"""
