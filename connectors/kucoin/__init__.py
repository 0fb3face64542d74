"""KuCoin: its words, its calls and its streams.

The exchange's field names stop in ``connectors.kucoin.parse``; no other package
knows them.
"""
