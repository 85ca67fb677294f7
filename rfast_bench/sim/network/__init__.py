"""What messages meet under the simulated clock: mailboxes and queues, links, the ring all-reduce, and the node that an
algorithm sees.
"""
