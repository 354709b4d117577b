"""What runs inside the user's interpreter to start trials warm. The standard library only, and little of it.

The *nursery* is the interpreter of the user's command, started with a `sitecustomize` of ours. Before
any script runs it imports what the script will import, and then forks a trial for each order that it
reads. In the trial the hook returns, and CPython itself goes on to run the script: ``__main__``,
tracebacks, exit codes and ``atexit`` are not imitated.

```
controller ── order ──▶ nursery ── fork ──▶ leader (claims, waits, records the exit) ── fork ──▶ trial
```

The package is loaded by its path, under a name of its own: the user's interpreter may not have barrido.
"""

PLACEHOLDER = "barrido-placeholder.py"
"""The script that a nursery is started with: there is none of that name."""

MODULE_PLACEHOLDER = "barrido_placeholder"
"""The same for those that run modules."""
