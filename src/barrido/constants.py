"""What a script about sweeps imports from ``azure.ai.ml.constants``, under the same names."""

from enum import StrEnum


class AssetTypes:
    """Kinds of `Input` and `Output`."""

    URI_FILE = "uri_file"
    URI_FOLDER = "uri_folder"
    MLTABLE = "mltable"
    MLFLOW_MODEL = "mlflow_model"
    CUSTOM_MODEL = "custom_model"
    TRITON_MODEL = "triton_model"


class InputOutputModes:
    """How Azure brings data to a job. Here the command is given the local path itself, whatever the mode."""

    MOUNT = "mount"
    DOWNLOAD = "download"
    UPLOAD = "upload"
    RO_MOUNT = "ro_mount"
    RW_MOUNT = "rw_mount"
    EVAL_MOUNT = "eval_mount"
    EVAL_DOWNLOAD = "eval_download"
    DIRECT = "direct"


class ListViewType(StrEnum):
    """Which jobs `MLClient.jobs.list` shows."""

    ACTIVE_ONLY = "ActiveOnly"
    ARCHIVED_ONLY = "ArchivedOnly"
    ALL = "All"


__all__ = ["AssetTypes", "InputOutputModes", "ListViewType"]
