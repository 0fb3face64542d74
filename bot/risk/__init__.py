"""What the state of an account means: every risk number of the exchange, exact.

Pure functions on ``bot.domain`` values, in ``Decimal``. Each module holds one
idea: ``margin`` and ``collateral`` for spot margin, ``curves``, ``futures``,
``cross_price`` and ``order_margin`` for cross futures, ``isolated`` for isolated
futures, ``distance`` for how far the next threshold is, ``funding``, ``adl``,
``price_band``, ``spot_index``, ``exposure`` and ``pnl`` for the rest. Nothing
here asks a clock, does input or output, or knows the words of an exchange.
"""
