"""The vocabulary every other package speaks.

Frozen values and pure rules: money, instruments, accounts, events, intents,
orders and journal entries. Nothing here may import anything outside the
standard library, ask a clock, or do any input or output.
"""
