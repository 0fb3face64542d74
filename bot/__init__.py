"""Gnomon, the product: domain, shadow, risk, guard, engine and what a person sees.

The packages of this folder point inward only: ``domain`` imports nothing but the
standard library, and nobody here knows KuCoin's words. See ARCHITECTURE.md.
"""
