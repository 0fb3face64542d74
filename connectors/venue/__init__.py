"""A simulated KuCoin: rules, books, ledger, loans, futures and liquidations.

It exists to check the product, so it computes everything for itself, naively and
in plain ``Decimal``, and must not import ``bot.shadow``, ``bot.risk`` or
``bot.guard``. It is synchronous and deterministic: no clock, no random, no input
or output.
"""
