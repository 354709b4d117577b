"""Polynomials: fitted to points, and compared with them."""

import csv

import numpy as np


def read(path):
    with open(path, newline="") as file:
        rows = np.array([[float(value) for value in row] for row in csv.reader(file)])
    return rows[:, 0], rows[:, 1]


def fit(x, y, degree, ridge):
    powers = np.vander(x, degree + 1)
    return np.linalg.solve(powers.T @ powers + ridge * np.eye(degree + 1), powers.T @ y)


def error(weights, x, y):
    return float(np.mean((np.polyval(weights, x) - y) ** 2))
