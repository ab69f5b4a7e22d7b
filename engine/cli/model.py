"""The operations of the command line and their members, from botocore's model of S3; this module alone reads that model."""

from functools import cache
from typing import Any

from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape

from engine.cli.catalogue import OPERATIONS


@cache
def _loader() -> Loader:
    return Loader()


def operation_model(command: str) -> OperationModel:
    """Load the model of one operation, named as on the command line (`upload-part`)."""
    service = ServiceModel(_loader().load_service_model("s3", "service-2"), "s3")
    return service.operation_model(OPERATIONS[command])


def paging(operation: OperationModel) -> dict[str, Any] | None:
    """Return how the operation is paged (members for tokens, limit and results), or None if it has no pages."""
    pages: dict[str, dict[str, Any]] = _loader().load_service_model("s3", "paginators-1")["pagination"]
    return pages.get(operation.name)


def paging_inputs(paging_of_operation: dict[str, Any]) -> frozenset[str]:
    """Return the input members with which a caller asks for single pages."""
    tokens = paging_of_operation["input_token"]
    return frozenset([*(tokens if isinstance(tokens, list) else [tokens]), paging_of_operation["limit_key"]])


def payload(shape: Shape | None) -> str | None:
    """Return the name of the member that is the body itself (a stream), or None."""
    if shape is None or "payload" not in shape.serialization:
        return None
    name = str(shape.serialization["payload"])
    return name if shape.members[name].type_name == "blob" else None


def flag(member: str) -> str:
    """Write a member as an option: `UploadId` -> `--upload-id`, as `aws` does."""
    return f"--{xform_name(member, '-')}"
