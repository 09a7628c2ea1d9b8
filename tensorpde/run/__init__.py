"""Run a driver and look at what it wrote: parameters, loop, signals, progress, pictures, command line."""
