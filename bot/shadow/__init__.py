"""What is: the local image of the account, rebuilt from facts alone.

``state`` holds it, ``apply`` is the only place where it changes, ``project``
says what it would be after a plan, ``drift`` compares it with what the exchange
states. Nothing here judges, plans or formats.
"""
