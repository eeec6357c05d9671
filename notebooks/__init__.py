"""The notebooks of the course, the command that executes them, and the one that follows their links."""
