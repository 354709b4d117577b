"""Train one logistic regression and log how often it is right. Nothing here knows of barrido."""

import argparse

import mlflow
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser()
parser.add_argument("--regularization", type=float, dest="reg_rate", default=0.01)
reg = parser.parse_args().reg_rate

table = pd.read_csv("data.csv")
X = table[["feature1", "feature2", "feature3", "feature4"]].values
y = table["label"].values
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.30)

model = LogisticRegression(C=1 / reg, solver="liblinear").fit(X_train, y_train)

acc = np.average(model.predict(X_test) == y_test)
mlflow.log_metric("Accuracy", acc)
