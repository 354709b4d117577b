"""Says how far a model is from points that it has not seen."""

import argparse
import json
from pathlib import Path

import curve

parser = argparse.ArgumentParser()
parser.add_argument("--model", type=Path)
parser.add_argument("--data", type=Path)
parser.add_argument("--report", type=Path)
args = parser.parse_args()

model = json.loads((args.model / "model.json").read_text())
x, y = curve.read(args.data / "test.csv")
error = curve.error(model["weights"], x, y)
(args.report / "report.json").write_text(json.dumps({"degree": model["degree"], "error": error}))
print(f"a polynomial of degree {model['degree']} is off by {error:.4f}")
