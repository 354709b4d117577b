"""How well barrido searches, beside Optuna, SMAC and Ax.

    python benchmarks/search/run.py --quick | --full | --dev | --peers

Makes the environments that it needs by itself; `comparison` says what the arguments mean.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.search.environments import enter

enter("benchmarks.search.comparison")
