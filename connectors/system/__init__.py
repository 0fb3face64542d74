"""The machine underneath: clocks, pacing and schedules.

``clock`` reads the real time, ``pace`` holds a simulation to a speed,
``schedules`` turns schedule texts into APScheduler triggers and fires them, in
real time or on virtual time. Nothing here knows what a job does.
"""
