"""The trainer: claims jobs, runs each in a process of its own, reports through the queue and the event log."""
