"""The engine: one synchronous step, and the asynchronous shell around it.

``core`` decides, ``executor`` routes what was approved, ``loop`` reads moments
and remembers before it acts, ``startup`` recovers. The core never waits.
"""
