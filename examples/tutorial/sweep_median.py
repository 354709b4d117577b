"""Median stopping: stop what is below the median of the averages from report 5 on. Run it in this folder."""

from barrido import MLClient
from barrido.sweep import Choice, MedianStoppingPolicy
from job import command_job

command_job_for_sweep = command_job(
    learning_rate=Choice(values=[4, 3, 10, 1, 0.1, 0.01]),
)

sweep_job = command_job_for_sweep.sweep(
    compute="aml-cluster",
    sampling_algorithm="grid",
    primary_metric="Accuracy",
    goal="Maximize",
)
sweep_job.experiment_name = "sweep-median"
sweep_job.set_limits(max_total_trials=6, max_concurrent_trials=2, timeout=7200)

sweep_job.early_termination = MedianStoppingPolicy(
    delay_evaluation=5,
    evaluation_interval=1,
)

ml_client = MLClient()
returned_sweep_job = ml_client.create_or_update(sweep_job)
ml_client.jobs.stream(returned_sweep_job.name)
