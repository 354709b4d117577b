"""How well barrido spends a budget, beside Optuna, SMAC and Hyperband to the letter.

    python benchmarks/budgets/run.py --quick | --full | --dev | --peers

Makes the environments that it needs by itself; `comparison` says what the arguments mean.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.search.environments import enter

enter("benchmarks.budgets.comparison")
