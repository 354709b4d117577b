"""Environments for trials: built once from what they are to hold, kept in the workspace, and reused.

`ready` is the front door. An environment lies in ``<workspace>/environments/<key>/``, where the key is made
of its content: who asks for the same again finds it.
"""

from barrido.environments.building import is_ready, ready, silent
from barrido.environments.folders import Say

__all__ = ["Say", "is_ready", "ready", "silent"]
