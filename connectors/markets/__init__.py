"""Markets: recorded files and a seeded generator behind one port.

``recorded.open_market`` reads a manifest over candle and funding files,
``synthetic.open_scenario`` makes a market out of parameters and a seed. Both are
``bot.ports.Market``: the same instants at every call, nothing from the future.
No module here knows an account, an order or a risk number.
"""
