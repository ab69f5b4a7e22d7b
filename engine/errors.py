"""All errors of the engine but those of the C core, which are in `engine.native.errors`. The server turns them into XML.

EngineError
├── S3Error           an error of S3: code, status, message, extra elements (texts: API page "Error responses", and AWS's answers)
│   ├── AccessDenied … XAmzContentSHA256Mismatch      one class for each code
│   └── InternalError
│       └── StoreFull, CommitUnknown      a full disk or map; a commit that failed, and may have reached the disk
├── StoreError        the store itself, in `engine.base_errors`: for the person who runs it, never for the wire
│   ├── NotAStore, NewerFormat, StoreInUse, UnsafeFileSystem, ReadOnlyStore, StoreDamaged, StoreClosed
└── NativeError       a negative status of the C core: `engine.native.errors`
"""

from engine.base_errors import EngineError as EngineError
from engine.base_errors import NewerFormat as NewerFormat
from engine.base_errors import NotAStore as NotAStore
from engine.base_errors import ReadOnlyStore as ReadOnlyStore
from engine.base_errors import S3Error as S3Error
from engine.base_errors import StoreClosed as StoreClosed
from engine.base_errors import StoreDamaged as StoreDamaged
from engine.base_errors import StoreError as StoreError
from engine.base_errors import StoreInUse as StoreInUse
from engine.base_errors import UnsafeFileSystem as UnsafeFileSystem


class AccessControlListNotSupported(S3Error):
    text = "The bucket does not allow ACLs"


class AccessDenied(S3Error):
    status = 403
    text = "Access Denied"


class AccessForbidden(S3Error):
    status = 403
    text = (
        "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / "
        "Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."
    )


class AuthorizationHeaderMalformed(S3Error):
    text = "The authorization header that you provided is not valid."


class AuthorizationQueryParametersError(S3Error):
    text = (
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, "
        "X-Amz-SignedHeaders, and X-Amz-Expires parameters."
    )


class BadDigest(S3Error):
    text = "The Content-MD5 you specified did not match what we received."


class BadRequest(S3Error):
    text = "Bad Request"


class BucketAlreadyExists(S3Error):
    status = 409
    text = (
        "The requested bucket name is not available. The bucket namespace is shared by all users of the system. "
        "Please select a different name and try again."
    )


class BucketAlreadyOwnedByYou(S3Error):
    status = 409
    text = "Your previous request to create the named bucket succeeded and you already own it."


class BucketNotEmpty(S3Error):
    status = 409
    text = "The bucket you tried to delete is not empty"


class ConditionalRequestConflict(S3Error):
    status = 409
    text = "The conditional request cannot succeed due to a conflicting operation against this resource."


class EntityTooLarge(S3Error):
    text = "Your proposed upload exceeds the maximum allowed size"


class EntityTooSmall(S3Error):
    text = "Your proposed upload is smaller than the minimum allowed size"


class IllegalLocationConstraintException(S3Error):
    text = "The location constraint is incompatible for the region specific endpoint this request was sent to."


class IllegalVersioningConfigurationException(S3Error):
    text = "The Versioning element must be specified"


class IncompleteBody(S3Error):
    text = "You did not provide the number of bytes specified by the Content-Length HTTP header"


class InvalidAccessKeyId(S3Error):
    status = 403
    text = "The AWS Access Key Id you provided does not exist in our records."


class InvalidArgument(S3Error):
    text = "Invalid Argument"


class InvalidBucketName(S3Error):
    text = "The specified bucket is not valid."


class InvalidBucketOwnerAWSAccountID(S3Error):
    text = "The value of the expected bucket owner parameter must be an AWS Account ID..."


class InvalidBucketState(S3Error):
    status = 409
    text = "The request is not valid for the current state of the bucket."


class InvalidChunkSizeError(S3Error):
    text = "Only the last chunk is allowed to have a size less than 8192 bytes"


class InvalidDigest(S3Error):
    text = "The Content-MD5 you specified was invalid."


class InvalidEncryptionAlgorithmError(S3Error):
    text = "The Encryption request you specified is not valid. Supported value: AES256."


class InvalidObjectState(S3Error):
    status = 403
    text = "The operation is not valid for the object's storage class"


class InvalidLocationConstraint(S3Error):
    text = "The specified location-constraint is not valid"


class InvalidPart(S3Error):
    text = (
        "One or more of the specified parts could not be found.  The part may not have been uploaded, "
        "or the specified entity tag may not match the part's entity tag."
    )


class InvalidPartNumber(S3Error):
    status = 416
    text = "The requested partnumber is not satisfiable"


class InvalidPartOrder(S3Error):
    text = "The list of parts was not in ascending order. Parts must be ordered by part number."


class InvalidRange(S3Error):
    status = 416
    text = "The requested range is not satisfiable"


class InvalidRedirectLocation(S3Error):
    text = "The website redirect location must have a prefix of 'http://' or 'https://' or '/'."


class InvalidRequest(S3Error):
    text = "Invalid Request"


class InvalidStorageClass(S3Error):
    text = "The storage class you specified is not valid"


class InvalidTag(S3Error):
    text = "The tag provided was not a valid tag. This error can occur if the tag did not pass input validation."


class InvalidToken(S3Error):
    text = "The provided token is malformed or otherwise invalid."


class InvalidURI(S3Error):
    text = "Couldn't parse the specified URI."


class KMSDisabled(S3Error):
    code = "KMS.DisabledException"
    text = "The request was rejected because the specified KMS key is not enabled."


class KMSInvalidState(S3Error):
    code = "KMS.KMSInvalidStateException"
    text = "The request was rejected because the state of the specified resource is not valid for this request."


class KMSNotFound(S3Error):
    code = "KMS.NotFoundException"
    text = "The request was rejected because the specified entity or resource could not be found."


class KeyTooLongError(S3Error):
    text = "Your key is too long"


class MalformedPolicy(S3Error):
    text = "Invalid policy syntax."


class MalformedTrailerError(S3Error):
    text = "The request contained trailing data that was not well-formed or did not conform to our published schema."


class MalformedXML(S3Error):
    text = "The XML you provided was not well-formed or did not validate against our published schema"


class MaxMessageLengthExceeded(S3Error):
    text = "Your request was too big."


class MetadataTooLarge(S3Error):
    text = "Your metadata headers exceed the maximum allowed metadata size"


class MethodNotAllowed(S3Error):
    status = 405
    text = "The specified method is not allowed against this resource."


class MissingContentLength(S3Error):
    status = 411
    text = "You must provide the Content-Length HTTP header."


class MissingSecurityHeader(S3Error):
    text = "Your request was missing a required header"


class NoSuchBucket(S3Error):
    status = 404
    text = "The specified bucket does not exist"


class NoSuchBucketPolicy(S3Error):
    status = 404
    text = "The bucket policy does not exist"


class NoSuchCORSConfiguration(S3Error):
    status = 404
    text = "The CORS configuration does not exist"


class NoSuchKey(S3Error):
    status = 404
    text = "The specified key does not exist."


class NoSuchLifecycleConfiguration(S3Error):
    status = 404
    text = "The lifecycle configuration does not exist"


class NoSuchObjectLockConfiguration(S3Error):
    status = 404
    text = "The specified object does not have a ObjectLock configuration"


class NoSuchPublicAccessBlockConfiguration(S3Error):
    status = 404
    text = "The public access block configuration was not found"


class NoSuchTagSet(S3Error):
    status = 404
    text = "The TagSet does not exist"


class NoSuchUpload(S3Error):
    status = 404
    text = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."


class NoSuchVersion(S3Error):
    status = 404
    text = "The specified version does not exist."


class NoSuchWebsiteConfiguration(S3Error):
    status = 404
    text = "The specified bucket does not have a website configuration"


class NotImplementedYet(S3Error):
    code = "NotImplemented"
    status = 501
    text = "A header you provided implies functionality that is not implemented"


class NotModified(S3Error):
    status = 304
    text = "Not Modified"


class ObjectLockConfigurationNotFoundError(S3Error):
    status = 404
    text = "Object Lock configuration does not exist for this bucket"


class ObjectNotInActiveTierError(S3Error):
    status = 403
    text = "The source object of the COPY operation is not in the active tier and is only stored in Amazon S3 Glacier."


class OwnershipControlsNotFoundError(S3Error):
    status = 404
    text = "The bucket ownership controls were not found"


class PreconditionFailed(S3Error):
    status = 412
    text = "At least one of the pre-conditions you specified did not hold"


class ReplicationConfigurationNotFoundError(S3Error):
    status = 404
    text = "The replication configuration was not found"


class RequestHeaderSectionTooLarge(S3Error):
    text = "Your request header section exceeds the maximum allowed size."


class RequestTimeTooSkewed(S3Error):
    status = 403
    text = "The difference between the request time and the current time is too large."


class RequestTimeout(S3Error):
    text = (
        "Your socket connection to the server was not read from or written to within the timeout period. "
        "Idle connections will be closed."
    )


class ServerSideEncryptionConfigurationNotFoundError(S3Error):
    status = 404
    text = "The server side encryption configuration was not found"


class SignatureDoesNotMatch(S3Error):
    status = 403
    text = "The request signature we calculated does not match the signature you provided. Check your key and signing method."


class SlowDown(S3Error):
    status = 503
    text = "Please reduce your request rate."


class UnexpectedContent(S3Error):
    text = "This request does not support content"


class XAmzContentSHA256Mismatch(S3Error):
    text = "The provided 'x-amz-content-sha256' header does not match what was computed."


class InternalError(S3Error):
    status = 500
    text = "We encountered an internal error. Please try again."


class StoreFull(InternalError):
    """The disk or LMDB's map is full. A client gets an InternalError; `reason` is for the operator."""

    code = "InternalError"


class CommitUnknown(InternalError):
    """A metadata commit reported an error, and may have reached the disk all the same. It is safe to repeat the operation."""

    code = "InternalError"
