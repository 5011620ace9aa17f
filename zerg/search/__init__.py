"""Search: a query, what it finds in a text, what an index knows of that, and the pages of results.

The index holds for each event its text as `zerg.fold.index_text` spells it, and tokens of its scope (`zerg.store.event.scope`):
``s<session> k<kind> t<tool> e(rror) i(mage)``. Other fields are resolved to sessions, dates to ranges of row ids.
"""
