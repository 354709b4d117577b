"""The command jobs that the sweeps in this folder are made of: what a trial runs."""

from barrido import command

job = command(
    code="./src",
    command="python train.py --regularization ${{inputs.reg_rate}}",
    inputs={
        "reg_rate": 0.01,
    },
    environment="AzureML-sklearn-0.24-ubuntu18.04-py37-cpu@latest",
    compute="aml-cluster",
)

command_job = command(
    code="./src",
    command="python train_epochs.py"
    " --batch-size ${{inputs.batch_size}} --learning-rate ${{inputs.learning_rate}}",
    inputs={
        "batch_size": 32,
        "learning_rate": 1.0,
    },
    environment="AzureML-sklearn-0.24-ubuntu18.04-py37-cpu@latest",
    compute="aml-cluster",
)
