"""What a script imports from ``azure.core.exceptions``: our own errors, under the names that are caught."""

from barrido.errors import BarridoError as AzureError
from barrido.errors import RequestError as HttpResponseError
from barrido.errors import RequestError as ResourceNotFoundError

__all__ = ["AzureError", "HttpResponseError", "ResourceNotFoundError"]
