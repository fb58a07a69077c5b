"""One module for each command: `streams`."""
