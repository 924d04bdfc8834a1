"""One file for each step, forward only. What a step did never changes once it was released."""
