// aws-sdk-js v3 with lib-storage and the presigner, all with their defaults but for the retries.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import { Readable } from "node:stream";
import * as S3 from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const env = process.env;
const s3 = new S3.S3({
  endpoint: env.ENDPOINT,
  region: env.REGION,
  credentials: { accessKeyId: env.ACCESS_KEY, secretAccessKey: env.SECRET_KEY },
  forcePathStyle: true,
  maxAttempts: 1,
});
const MIB = 1024 * 1024;
const PART = 5 * MIB;
const BODY = Buffer.from(Uint32Array.from({ length: Number(env.BODY_SIZE) / 4 }, (_, i) => i).buffer);

async function newBucket(options = {}) {
  const Bucket = `aws-sdk-js-${crypto.randomBytes(6).toString("hex")}`;
  await s3.createBucket({ Bucket, ...options });
  return Bucket;
}

const bytes = async (answer) => Buffer.from(await answer.Body.transformToByteArray());
const read = async (named, options = {}) => bytes(await s3.getObject({ ...named, ...options }));
const same = (got, wanted) => assert.ok(Buffer.compare(got, wanted) === 0, `${got.length} other bytes`);

async function refused(promise, name) {
  const error = await promise.then(() => assert.fail(`no ${name}`), (error) => error);
  assert.equal(error.name, name, `${error.name}: ${error.message}`);
  return error;
}

async function openUpload(key = "key") {
  const Bucket = await newBucket();
  const { UploadId } = await s3.createMultipartUpload({ Bucket, Key: key });
  return { Bucket, Key: key, UploadId };
}

async function up(Body, options = {}) {
  const named = { Bucket: await newBucket(), Key: "large" };
  const done = await new Upload({ client: s3, params: { ...named, Body, ...options }, partSize: PART }).done();
  assert.match(done.ETag, /-3"$/);
  return [named, done];
}

async function roundTrip(keys) {
  const Bucket = await newBucket();
  for (const Key of keys) await s3.putObject({ Bucket, Key, Body: Key });
  const listed = await s3.listObjectsV2({ Bucket, EncodingType: "url" });
  const names = listed.Contents.map(({ Key }) => decodeURIComponent(Key.replaceAll("+", " ")));
  assert.deepEqual(names.sort(), [...keys].sort());
  for (const Key of keys) {
    assert.equal((await read({ Bucket, Key })).toString(), Key);
    await s3.deleteObject({ Bucket, Key });
  }
  assert.equal((await s3.listObjectsV2({ Bucket })).KeyCount, 0);
}

const OPERATIONS = {
  "multipart up": async () => same(await read((await up(BODY))[0]), BODY),
  "stream up": async () => {
    const pieces = Array.from({ length: 11 }, (_, i) => BODY.subarray(i * MIB, (i + 1) * MIB));
    same(await read((await up(Readable.from(pieces)))[0]), BODY);
  },
  "ranged down": async () => {
    const [named] = await up(BODY);
    same(await read(named, { Range: `bytes=${PART - 3}-${PART + 4}` }), BODY.subarray(PART - 3, PART + 5));
    same(await read(named, { Range: "bytes=-7" }), BODY.subarray(-7));
    await refused(s3.getObject({ ...named, Range: `bytes=${BODY.length}-` }), "InvalidRange");
  },
  abort: async () => {
    const upload = await openUpload();
    await s3.uploadPart({ ...upload, PartNumber: 7, Body: "part" });
    assert.deepEqual((await s3.listParts(upload)).Parts.map((part) => [part.PartNumber, part.Size]), [[7, 4]]);
    const listed = () => s3.listMultipartUploads({ Bucket: upload.Bucket });
    assert.deepEqual((await listed()).Uploads.map(({ UploadId }) => UploadId), [upload.UploadId]);
    await s3.abortMultipartUpload(upload);
    assert.equal((await listed()).Uploads, undefined);
    await refused(s3.listParts(upload), "NoSuchUpload");
  },
  copy: async () => {
    const Bucket = await newBucket();
    const Key = "ü & +";
    const CopySource = `${Bucket}/${encodeURIComponent(Key)}`;
    await s3.putObject({ Bucket, Key, Body: "body", ContentType: "text/x-a", Metadata: { colour: "red" } });
    await s3.copyObject({ Bucket, Key: "same", CopySource });
    await s3.copyObject({ Bucket, Key: "new", CopySource, MetadataDirective: "REPLACE", Metadata: { colour: "blue" } });
    const [same, other] = await Promise.all(["same", "new"].map((Key) => s3.headObject({ Bucket, Key })));
    assert.deepEqual([same.Metadata, same.ContentType], [{ colour: "red" }, "text/x-a"]);
    assert.deepEqual(other.Metadata, { colour: "blue" });
    assert.equal((await read({ Bucket, Key: "new" })).toString(), "body");
  },
  "copy of parts": async () => {
    const [source] = await up(BODY);
    const target = { Bucket: source.Bucket, Key: "made" };
    const upload = { ...target, UploadId: (await s3.createMultipartUpload(target)).UploadId };
    const range = { CopySource: `${source.Bucket}/${source.Key}`, CopySourceRange: `bytes=1-${PART}` };
    const copied = await s3.uploadPartCopy({ ...upload, PartNumber: 1, ...range });
    const sent = await s3.uploadPart({ ...upload, PartNumber: 2, Body: "end" });
    const Parts = [copied.CopyPartResult, sent].map(({ ETag }, i) => ({ ETag, PartNumber: i + 1 }));
    await s3.completeMultipartUpload({ ...upload, MultipartUpload: { Parts } });
    same(await read(target), Buffer.concat([BODY.subarray(1, PART + 1), Buffer.from("end")]));
  },
  checksums: async () => {
    for (const ChecksumAlgorithm of ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]) {
      const [named, done] = await up(BODY, { ChecksumAlgorithm });
      const got = await s3.getObject({ ...named, ChecksumMode: "ENABLED" });
      assert.ok(done[`Checksum${ChecksumAlgorithm}`], `${ChecksumAlgorithm} is not told`);
      assert.equal(got[`Checksum${ChecksumAlgorithm}`], done[`Checksum${ChecksumAlgorithm}`]);
      same(await bytes(got), BODY);
    }
  },
  "customer key": async () => {
    const key = { SSECustomerAlgorithm: "AES256", SSECustomerKey: Buffer.alloc(32, 7).toString("base64") };
    key.SSECustomerKeyMD5 = crypto.createHash("md5").update(Buffer.alloc(32, 7)).digest("base64");
    const [named] = await up(BODY, key);
    same(await read(named, key), BODY);
    same(await read(named, { ...key, Range: `bytes=${PART - 3}-${PART + 4}` }), BODY.subarray(PART - 3, PART + 5));
    await refused(s3.getObject(named), "InvalidRequest");
  },
  "presigned get": async () => {
    const named = { Bucket: await newBucket(), Key: "ü +" };
    await s3.putObject({ ...named, Body: "presigned" });
    const url = await getSignedUrl(s3, new S3.GetObjectCommand({ ...named, ResponseContentType: "text/x-b" }));
    const answer = await fetch(url);
    assert.deepEqual([await answer.text(), answer.headers.get("content-type")], ["presigned", "text/x-b"]);
  },
  "presigned put": async () => {
    const named = { Bucket: await newBucket(), Key: "key" };
    const url = await getSignedUrl(s3, new S3.PutObjectCommand(named));
    const answer = await fetch(url, { method: "PUT", body: "presigned" });
    assert.equal(answer.status, 200, await answer.text());
    assert.equal((await read(named)).toString(), "presigned");
  },
  "presigned part": async () => {
    const upload = await openUpload();
    const url = await getSignedUrl(s3, new S3.UploadPartCommand({ ...upload, PartNumber: 1 }));
    const answer = await fetch(url, { method: "PUT", body: "a part" });
    assert.equal(answer.status, 200, await answer.text());
    const Parts = [{ PartNumber: 1, ETag: answer.headers.get("etag") }];
    await s3.completeMultipartUpload({ ...upload, MultipartUpload: { Parts } });
    assert.equal((await read({ Bucket: upload.Bucket, Key: "key" })).toString(), "a part");
  },
  "create only": async () => {
    const named = { Bucket: await newBucket(), Key: "key" };
    await s3.putObject({ ...named, Body: "first", IfNoneMatch: "*" });
    await refused(s3.putObject({ ...named, Body: "second", IfNoneMatch: "*" }), "PreconditionFailed");
    const large = { client: s3, params: { ...named, Body: BODY, IfNoneMatch: "*" }, partSize: PART };
    await refused(new Upload(large).done(), "PreconditionFailed");
    assert.equal((await read(named)).toString(), "first");
  },
  "replace only": async () => {
    const named = { Bucket: await newBucket(), Key: "key" };
    const { ETag } = await s3.putObject({ ...named, Body: "first" });
    await s3.putObject({ ...named, Body: "second", IfMatch: ETag });
    await refused(s3.putObject({ ...named, Body: "third", IfMatch: ETag }), "PreconditionFailed");
    assert.equal((await read(named)).toString(), "second");
  },
  versions: async () => {
    const Bucket = await newBucket();
    assert.equal((await s3.getBucketVersioning({ Bucket })).Status, undefined);
    await s3.putBucketVersioning({ Bucket, VersioningConfiguration: { Status: "Enabled" } });
    assert.equal((await s3.getBucketVersioning({ Bucket })).Status, "Enabled");
    const put = (Body) => s3.putObject({ Bucket, Key: "key", Body }).then(({ VersionId }) => VersionId);
    const [older, newer] = [await put("older"), await put("newer")];
    const marker = await s3.deleteObject({ Bucket, Key: "key" });
    const listed = await s3.listObjectVersions({ Bucket });
    assert.deepEqual(listed.Versions.map(({ VersionId }) => VersionId), [newer, older]);
    assert.deepEqual(listed.DeleteMarkers.map(({ VersionId }) => VersionId), [marker.VersionId]);
    assert.equal((await read({ Bucket, Key: "key", VersionId: older })).toString(), "older");
  },
  "odd keys": () => roundTrip(JSON.parse(env.ODD_KEYS)),
  "control characters": () => roundTrip(JSON.parse(env.CONTROL_KEYS)),
  listing: async () => {
    const Bucket = await newBucket();
    const keys = ["a/1", "a/2", "a/3", "b/1", "c", "d", "e"];
    for (const Key of keys) await s3.putObject({ Bucket, Key, Body: "" });
    const pages = [];
    for await (const page of S3.paginateListObjectsV2({ client: s3, pageSize: 2 }, { Bucket })) pages.push(page);
    assert.deepEqual(pages.map(({ Contents }) => Contents.length), [2, 2, 2, 1]);
    assert.deepEqual(pages.flatMap(({ Contents }) => Contents.map(({ Key }) => Key)), keys);
    const grouped = await s3.listObjectsV2({ Bucket, Delimiter: "/" });
    assert.deepEqual(grouped.CommonPrefixes.map(({ Prefix }) => Prefix), ["a/", "b/"]);
    assert.equal((await s3.listObjectsV2({ Bucket, Prefix: "a/" })).KeyCount, 3);
  },
  metadata: async () => {
    const named = { Bucket: await newBucket(), Key: "key" };
    const Metadata = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`name${i}`, `value ${i}`]));
    await s3.putObject({ ...named, Body: "", Metadata });
    assert.deepEqual((await s3.headObject(named)).Metadata, Metadata);
  },
  "refused upload": async () => {
    const upload = { Bucket: await newBucket(), Key: "key", UploadId: "unknown", PartNumber: 1 };
    for (let i = 0; i < 3; i++) await refused(s3.uploadPart({ ...upload, Body: Buffer.alloc(40 * MIB) }), "NoSuchUpload");
  },
  "delete many": async () => {
    const Bucket = await newBucket();
    const Objects = Array.from({ length: 30 }, (_, i) => ({ Key: `<key> & ${i}` }));
    for (const { Key } of Objects) await s3.putObject({ Bucket, Key, Body: "" });
    const { Deleted, Errors } = await s3.deleteObjects({ Bucket, Delete: { Objects } });
    assert.deepEqual([Deleted.length, Errors], [30, undefined]);
    await s3.deleteBucket({ Bucket });
    await refused(s3.listObjectsV2({ Bucket }), "NoSuchBucket");
  },
  tags: async () => {
    const named = { Bucket: await newBucket(), Key: "key" };
    await s3.putObject({ ...named, Body: "", Tagging: "colour=red&empty=" });
    const tags = async () => (await s3.getObjectTagging(named)).TagSet.map(({ Key, Value }) => [Key, Value]);
    assert.deepEqual(await tags(), [["colour", "red"], ["empty", ""]]);
    await s3.putObjectTagging({ ...named, Tagging: { TagSet: [{ Key: "ü", Value: "a + b" }] } });
    assert.deepEqual(await tags(), [["ü", "a + b"]]);
    await s3.deleteObjectTagging(named);
    assert.deepEqual(await tags(), []);
  },
  retention: async () => {
    const named = { Bucket: await newBucket({ ObjectLockEnabledForBucket: true }), Key: "key" };
    const RetainUntilDate = new Date(Date.now() + 3600_000);
    const { VersionId } = await s3.putObject({ ...named, Body: "kept" });
    await s3.putObjectRetention({ ...named, Retention: { Mode: "GOVERNANCE", RetainUntilDate } });
    assert.equal((await s3.getObjectRetention(named)).Retention.Mode, "GOVERNANCE");
    await refused(s3.deleteObject({ ...named, VersionId }), "AccessDenied");
    await s3.deleteObject({ ...named, VersionId, BypassGovernanceRetention: true });
  },
  errors: async () => {
    await refused(s3.getObject({ Bucket: await newBucket(), Key: "absent" }), "NoSuchKey");
    await refused(s3.listObjectsV2({ Bucket: "no-such-bucket-here" }), "NoSuchBucket");
  },
};

for (const op of process.argv.slice(2)) {
  let detail = "";
  try {
    await OPERATIONS[op]();
  } catch (error) {
    detail = `${error.stack}`;
  }
  console.log(JSON.stringify({ op, ok: detail === "", detail }));
}
