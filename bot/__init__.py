"""Gnomon, the product: domain, shadow, risk, guard, engine and what a person sees.

The packages of this folder point inward only: ``domain`` imports nothing but the
standard library, and nobody here knows KuCoin's words. See ARCHITECTURE.md.

One thing happens here, before any package imports numpy: linear algebra is told to use
one thread. Its matrices are small, its threads wait in a loop that takes the processor
from the bot, and for good where the bot runs with real-time priority. Whoever has set
the number of threads keeps it.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # noqa: TID251 - before numpy reads it
