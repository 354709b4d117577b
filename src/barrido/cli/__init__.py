"""The `barrido` command. Thin: what it does is done by `barrido.sdk` and `barrido.app`."""
