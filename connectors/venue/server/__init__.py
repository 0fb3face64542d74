"""The simulated exchange over the network, in KuCoin's own dialect.

It wraps one in-process ``Venue`` and speaks REST and WebSocket on loopback, so
that clients that nobody here wrote can trade on it. It writes KuCoin's names and
keeps what KuCoin keeps (orders, fills, ledgers, histories). It decides nothing
about money: the venue does. It must not import the product's shadow or risk engine.
"""
