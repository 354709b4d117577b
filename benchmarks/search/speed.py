"""How long a suggestion takes, and how much memory, beside Optuna and Ax in the same run.

    python benchmarks/search/speed.py [--quick] [--sampler NAME]

Makes the environments that it needs by itself; see `pace`.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.search.environments import enter

enter("benchmarks.search.pace")
