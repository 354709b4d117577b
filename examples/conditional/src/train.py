"""Tell handwritten digits apart with one of two models, each with parameters of its own."""

import argparse

import mlflow
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC

parser = argparse.ArgumentParser()
parser.add_argument("--model", choices=["svm", "mlp"], required=True)
parser.add_argument("--c", type=float)
parser.add_argument("--gamma", type=float)
parser.add_argument("--units", type=int)
parser.add_argument("--rate", type=float)
args = parser.parse_args()

if args.model == "svm":
    model = SVC(C=args.c, gamma=args.gamma)
else:
    model = MLPClassifier((args.units,), learning_rate_init=args.rate, max_iter=20, tol=0, random_state=0)

X, y = load_digits(return_X_y=True)
accuracy = cross_val_score(model, X[:600] / 16, y[:600], cv=3).mean()
print(f"{args.model}: {accuracy:.4f}")
mlflow.log_metric("accuracy", accuracy)
