"""Sobol sampling: random, evenly spread, and with a seed the same points each time. Run it in this folder."""

from barrido import MLClient
from barrido.sweep import Choice, Normal, RandomSamplingAlgorithm
from job import command_job

command_job_for_sweep = command_job(
    batch_size=Choice(values=[16, 32, 64]),
    learning_rate=Normal(mu=10, sigma=3),
)

sweep_job = command_job_for_sweep.sweep(
    compute="aml-cluster",
    sampling_algorithm=RandomSamplingAlgorithm(seed=123, rule="sobol"),
    primary_metric="Accuracy",
    goal="Maximize",
)
sweep_job.experiment_name = "sweep-sobol"
sweep_job.set_limits(max_total_trials=4, max_concurrent_trials=2, timeout=7200)

ml_client = MLClient()
returned_sweep_job = ml_client.create_or_update(sweep_job)
ml_client.jobs.stream(returned_sweep_job.name)
