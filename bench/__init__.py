"""Measurements on archives of real size. They need only the HTTP protocol, so they measure what a user gets.

home      folders of transcripts to measure with
server    a `zerg serve` of our own, and questions to it
fill      what the import of a home costs, and the pages meanwhile
page      pages and searches of a filled archive
rival     the same import by another program, where it is installed
size      where the megabytes of an installation go
shots     screenshots of every page
"""
