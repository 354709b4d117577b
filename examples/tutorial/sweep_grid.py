"""The tutorial's sweep: try every value of the regularization rate. Run it in this folder."""

from barrido import MLClient
from barrido.sweep import Choice
from job import job

command_job_for_sweep = job(
    reg_rate=Choice(values=[0.01, 0.1, 1]),
)

sweep_job = command_job_for_sweep.sweep(
    compute="aml-cluster",
    sampling_algorithm="grid",
    primary_metric="Accuracy",
    goal="Maximize",
)
sweep_job.experiment_name = "sweep-example"
sweep_job.set_limits(max_total_trials=4, max_concurrent_trials=2, timeout=7200)

ml_client = MLClient()
returned_sweep_job = ml_client.create_or_update(sweep_job)
ml_client.jobs.stream(returned_sweep_job.name)
