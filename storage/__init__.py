"""The journal: what the bot remembers, and how people read it back.

One append-only, hash-chained SQLite table holds every entry; everything else in
the file is a view of it. This package stores and finds entries. It must not
decide anything, know an exchange, or compute a risk number.
"""
