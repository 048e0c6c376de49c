"""The outbox on disk: the queued and parked messages of each channel, and each channel's state.

`delivery`, `doctor` and `commands` import this.
"""
