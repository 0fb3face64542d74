"""Studies: what a policy would have been worth on recorded markets, row by row.

They replay through the composition root and compare; they never trade, and nothing
of the running bot depends on them.
"""
