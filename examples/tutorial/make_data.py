"""Write src/data.csv: 400 rows of four measurements and a label. Always the same file."""

import math
import random
from pathlib import Path

ROWS = 400
WEIGHTS = (14.0, -9.0, 6.0, 3.0)


def rows(rng):
    """Measurements around 0.5; the label follows their weighted sum, with noise."""
    for _ in range(ROWS):
        features = [rng.gauss(0.5, 0.2) for _ in WEIGHTS]
        score = sum(w * (x - 0.5) for w, x in zip(WEIGHTS, features, strict=True)) + 0.8
        label = int(rng.random() < 1 / (1 + math.exp(-2 * score)))
        yield [f"{x:.4f}" for x in features] + [str(label)]


if __name__ == "__main__":
    table = [["feature1", "feature2", "feature3", "feature4", "label"], *rows(random.Random(2024))]
    target = Path(__file__).parent / "src" / "data.csv"
    target.write_text("".join(",".join(row) + "\n" for row in table))
