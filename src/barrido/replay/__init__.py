"""A sweep's log, played again: to prove that it tells what happened, and to ask what would have happened."""
