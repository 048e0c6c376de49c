"""Send over HTTP and SMTP connections, and through a child process, each within a deadline.

Only `delivery` imports this.
"""
