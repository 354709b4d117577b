"""Fits a polynomial to most of the points, and reports how far it is from the rest."""

import argparse
import json
from pathlib import Path

import curve

import barrido

parser = argparse.ArgumentParser()
parser.add_argument("--data", type=Path)
parser.add_argument("--degree", type=int)
parser.add_argument("--ridge", type=float)
parser.add_argument("--model", type=Path)
args = parser.parse_args()

x, y = curve.read(args.data / "train.csv")
kept = len(x) * 4 // 5
weights = curve.fit(x[:kept], y[:kept], args.degree, args.ridge)
barrido.report(error=curve.error(weights, x[kept:], y[kept:]))
model = {"degree": args.degree, "ridge": args.ridge, "weights": weights.tolist()}
(args.model / "model.json").write_text(json.dumps(model))
