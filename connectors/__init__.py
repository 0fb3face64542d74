"""The outside world: exchanges, the simulated venue, market data, the system.

Nothing here holds a risk formula or a strategy.
"""
