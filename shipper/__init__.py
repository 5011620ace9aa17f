"""The client side of zerg: finds the transcripts of coding agents, tails them and pushes their bytes to a zerg server.

Standard library only and Python 3.9 syntax, so that it runs wherever an agent runs; it knows nothing of the server but its
HTTP protocol. It keeps no state that could be lost: the transcript is the queue, the server's answer the cursor.

    transcript  which files are transcripts, where they lie, in which order they go
    tree        the transcripts under some roots, and which of them changed
    slice       pieces of at most 256 KiB, cut at line ends, compressed
    server      one zerg server: a connection, the requests, the errors
    upload      one file on its way: compared with what the server has, then cut into slices
    backlog     what is behind, and why
    courier     a run of uploads, one request in flight while the next slice is made
    ship        the Shipper: whole passes, and watching for what is new
    machine     the id of this machine
"""
