"""Writes points of a noisy parabola: some to train on, some to test with."""

import argparse
import csv
import random
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--rows", type=int)
parser.add_argument("--seed", type=int)
parser.add_argument("--data", type=Path)
args = parser.parse_args()

random.seed(args.seed)
points = []
for _ in range(args.rows):
    x = random.uniform(-2, 2)
    points.append((x, 1 - 2 * x + 0.5 * x * x + random.gauss(0, 0.1)))
half = args.rows // 2
for name, part in (("train.csv", points[:half]), ("test.csv", points[half:])):
    with open(args.data / name, "w", newline="") as file:
        csv.writer(file).writerows(part)
print(f"wrote {args.rows} points")
