"""The same data, learned epoch by epoch: one report an epoch is what early termination works with."""

import argparse

import mlflow
import numpy as np
import pandas as pd

parser = argparse.ArgumentParser()
parser.add_argument("--batch-size", type=int, default=32)
parser.add_argument("--learning-rate", type=float, default=1.0)
parser.add_argument("--epochs", type=int, default=12)
args = parser.parse_args()

table = pd.read_csv("data.csv")
X = table[["feature1", "feature2", "feature3", "feature4"]].values - 0.5
y = table["label"].values
rng = np.random.default_rng(0)
rows = rng.permutation(len(y))
test, train = rows[:120], rows[120:]


def probability(w, b, x):
    return 1 / (1 + np.exp(-np.clip(x @ w + b, -30, 30)))


w, b = rng.normal(size=4), 0.0
for epoch in range(1, args.epochs + 1):
    rng.shuffle(train)
    for start in range(0, len(train), args.batch_size):
        batch = train[start : start + args.batch_size]
        error = probability(w, b, X[batch]) - y[batch]
        w -= args.learning_rate * X[batch].T @ error / len(batch)
        b -= args.learning_rate * error.mean()
    acc = np.average((probability(w, b, X[test]) > 0.5) == y[test])
    print(f"epoch {epoch:2d}  accuracy {acc:.3f}")
    mlflow.log_metric("Accuracy", acc, step=epoch)
