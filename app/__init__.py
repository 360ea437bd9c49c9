"""The server: says what can be trained, queues it, records it, shows it. It imports neither torch nor the worker."""
