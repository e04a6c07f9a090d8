"""Units that times and sizes are counted in."""

DAY_SECONDS = 86_400
MIB = 1024 * 1024
