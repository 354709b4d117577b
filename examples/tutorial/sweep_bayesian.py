"""Bayesian sampling: each trial learns from those before it. Run it in this folder."""

from barrido import MLClient
from barrido.sweep import Choice, Uniform
from job import command_job

command_job_for_sweep = command_job(
    batch_size=Choice(values=[16, 32, 64]),
    learning_rate=Uniform(min_value=0.05, max_value=0.1),
)

sweep_job = command_job_for_sweep.sweep(
    compute="aml-cluster",
    sampling_algorithm="bayesian",
    primary_metric="Accuracy",
    goal="Maximize",
)
sweep_job.experiment_name = "sweep-bayesian"
sweep_job.set_limits(max_total_trials=8, max_concurrent_trials=2, timeout=7200)

ml_client = MLClient()
returned_sweep_job = ml_client.create_or_update(sweep_job)
ml_client.jobs.stream(returned_sweep_job.name)
