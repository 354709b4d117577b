"""Hyperband inside Ray Tune, with barrido's search and scheduler: a network for scikit-learn's digits.

    python hyperband.py [--results FOLDER]

One unit of the resource is one epoch. Killed in the middle and started again, it goes on where it was.
"""

import argparse
import pickle
from pathlib import Path

from ray import tune

from barrido import HyperbandScheduler
from barrido.integrations.ray import BarridoScheduler, BarridoSearch

R = 27


def train(config):
    import numpy as np
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier

    images, digits = load_digits(return_X_y=True)
    order = np.random.RandomState(0).permutation(len(images))
    images, digits = images[order] / 16.0, digits[order]
    epoch, model = (
        0,
        MLPClassifier(
            hidden_layer_sizes=(config["units"],),
            solver="sgd",
            learning_rate_init=config["rate"],
            momentum=config["momentum"],
            random_state=0,
        ),
    )
    if checkpoint := tune.get_checkpoint():  # without one, a trial that was paused begins anew
        with checkpoint.as_directory() as folder:
            epoch, model = pickle.loads(Path(folder, "state.pkl").read_bytes())
    while epoch < R:
        model.partial_fit(images[:1200], digits[:1200], classes=np.arange(10))
        epoch += 1
        error = 1.0 - model.score(images[1200:], digits[1200:])
        folder = Path("checkpoint")
        folder.mkdir(exist_ok=True)
        (folder / "state.pkl").write_bytes(pickle.dumps((epoch, model)))
        tune.report({"error": error}, checkpoint=tune.Checkpoint.from_directory(folder))


parser = argparse.ArgumentParser()
parser.add_argument("--results", type=Path, default=Path("results"))
args = parser.parse_args()
folder = args.results.absolute()

if tune.Tuner.can_restore(str(folder / "digits")):
    tuner = tune.Tuner.restore(str(folder / "digits"), trainable=train)
else:
    tuner = tune.Tuner(
        train,
        param_space={
            "rate": tune.loguniform(1e-4, 1.0),
            "momentum": tune.uniform(0.0, 0.99),
            "units": tune.choice([16, 32, 64]),
        },
        tune_config=tune.TuneConfig(
            metric="error",
            mode="min",
            num_samples=49,
            search_alg=BarridoSearch(sampling_algorithm="tpe", seed=0),
            scheduler=BarridoScheduler(HyperbandScheduler(max_resource=R)),
            max_concurrent_trials=2,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(name="digits", storage_path=str(folder)),
    )
results = tuner.fit()
best = results.get_best_result("error", "min", scope="all")
epochs = sum(one.metrics["training_iteration"] for one in results if one.metrics)
print(f"{len(results)} trials, {epochs} epochs, best error {best.metrics['error']:.4f} with {best.config}")
