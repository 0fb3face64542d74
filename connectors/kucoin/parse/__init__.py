"""KuCoin's documents into our own values, one module for each document family.

Pure and total: every function takes data that ``decode`` produced and returns
values, or raises ``UsageError`` naming the path of the field, what was expected
and what was found. Nothing here asks a clock, opens a file or a socket, or
imports a vendor package; and nothing here turns a missing number into zero.

The rules that hold for every family:

- A body may be the whole envelope or its ``data``; an envelope whose code is not
  200000 is refused.
- A number is a JSON number or the same as text, exponent or not. A bool, a float,
  NaN and infinities are not numbers.
- *Account* data (balances, debts, sizes) must be there and be sound: null, an
  empty text or an absent field is refused. *Reference* data (marks, coefficients,
  contract parameters) may be absent or null, which is read as None, unknown.
- Amounts owned or owed and sizes are never negative (lots of a position are
  signed); prices are positive, where a mark of zero is read as "no mark".
- XBT becomes BTC in coins; symbols and settle currencies keep their spelling.
- Unknown extra fields are ignored; unknown words of a closed set are refused.
"""
