"""Where a sweep is remembered: one writer, any number of readers."""
