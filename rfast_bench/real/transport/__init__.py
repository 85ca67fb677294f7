"""Between workers: messages by ZeroMQ, collectives by torch.distributed, and the store where all meet."""
