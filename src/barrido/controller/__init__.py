"""The shell around ``decide``: wait, decide, commit, act. In that order, always."""
