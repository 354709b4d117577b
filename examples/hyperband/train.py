"""Teach a small network a wave, epoch by epoch. It logs to MLflow, and knows nothing of sweeps or pauses."""

import argparse
import math
import random

import mlflow

parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float, default=0.05)
parser.add_argument("--units", type=int, default=8)
parser.add_argument("--momentum", type=float, default=0.5)
parser.add_argument("--epochs", type=int, default=27)
args = parser.parse_args()

rng = random.Random(0)
points = [(x, math.sin(4 * x)) for x in (rng.uniform(-1, 1) for _ in range(160))]
train, test = points[:120], points[120:]
# For each hidden unit: its weight, its bias, and its weight in the output
net = [[rng.gauss(0, 2), rng.gauss(0, 1), rng.gauss(0, args.units**-0.5)] for _ in range(args.units)]
speed = [[0.0] * 3 for _ in net]

for epoch in range(1, args.epochs + 1):
    rng.shuffle(train)
    for x, y in train:
        hidden = [math.tanh(w * x + b) for w, b, _ in net]
        error = sum(h * unit[2] for h, unit in zip(hidden, net, strict=True)) - y
        error = max(-10.0, min(10.0, error))
        for h, unit, pace in zip(hidden, net, speed, strict=True):
            inner = error * unit[2] * (1 - h * h)
            for i, slope in enumerate((inner * x, inner, error * h)):
                pace[i] = args.momentum * pace[i] - args.rate * slope
                unit[i] += pace[i]
    loss = sum((sum(v * math.tanh(w * x + b) for w, b, v in net) - y) ** 2 for x, y in test) / len(test)
    print(f"epoch {epoch:2d}  loss {loss:.4f}")
    mlflow.log_metric("loss", loss, step=epoch)
