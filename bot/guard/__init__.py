"""The guard: judges the measures, plans the cure, admits or refuses, checks after.

``judge`` says whether an account must be cured, ``planner`` how, ``admit`` is the
only maker of ``Approved``, ``postcheck`` proves that an action helped. All of it
is pure: state in, state out.
"""
