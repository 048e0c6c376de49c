"""Messages that wait for each channel, on disk, and what is known of each channel.

`delivery`, `doctor` and `commands` import this.
"""
