"""What messages say, and texts made safe for any channel.

`delivery`, `doctor` and `commands` import this.
"""
