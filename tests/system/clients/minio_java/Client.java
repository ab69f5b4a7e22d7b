// minio-java, on OkHttp.

import com.fasterxml.jackson.databind.ObjectMapper;
import io.minio.*;
import io.minio.errors.ErrorResponseException;
import io.minio.Checksum;
import io.minio.messages.*;
import java.io.ByteArrayInputStream;
import java.io.PrintWriter;
import java.io.SequenceInputStream;
import java.io.StringWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import javax.crypto.spec.SecretKeySpec;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

public class Client {
    static final int PART = 5 << 20;
    static final byte[] BODY = counted(Integer.parseInt(System.getenv("BODY_SIZE")));
    static final Map<String, Operation> OPERATIONS = new HashMap<>();
    static MinioClient minio;
    static MinioAsyncClient async;

    interface Operation {
        void run() throws Exception;
    }

    static byte[] counted(int size) {
        ByteBuffer made = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < size / 4; i++) made.putInt(i);
        return made.array();
    }

    static void equal(Object got, Object wanted) {
        if (!Objects.deepEquals(got, wanted)) throw new AssertionError("got " + got + ", not " + wanted);
    }

    static void same(byte[] got, byte[] wanted) {
        if (!Arrays.equals(got, wanted)) throw new AssertionError(got.length + " other bytes");
    }

    static void refused(String code, Operation operation) throws Exception {
        try {
            operation.run();
        } catch (Exception error) {
            Throwable cause = error;
            while ((cause instanceof ExecutionException || cause instanceof CompletionException) && cause.getCause() != null)
                cause = cause.getCause();
            if (cause instanceof ErrorResponseException answer && answer.errorResponse().code().equals(code)) return;
            throw error;
        }
        throw new AssertionError("no " + code);
    }

    static String newBucket() throws Exception {
        return newBucket(false);
    }

    static String newBucket(boolean locked) throws Exception {
        String name = "minio-java-" + UUID.randomUUID();
        minio.makeBucket(MakeBucketArgs.builder().bucket(name).objectLock(locked).build());
        return name;
    }

    static PutObjectArgs.Builder putting(String bucket, String key, byte[] data) {
        var stream = new ByteArrayInputStream(data);
        return PutObjectArgs.builder().bucket(bucket).object(key).stream(stream, (long) data.length, (long) PART);
    }

    static ObjectWriteResponse put(String bucket, String key, String text) throws Exception {
        return minio.putObject(putting(bucket, key, text.getBytes(StandardCharsets.UTF_8)).build());
    }

    static GetObjectArgs.Builder getting(String bucket, String key) {
        return GetObjectArgs.builder().bucket(bucket).object(key);
    }

    static byte[] read(GetObjectArgs.Builder asked) throws Exception {
        try (var answer = minio.getObject(asked.build())) {
            return answer.readAllBytes();
        }
    }

    static String text(String bucket, String key) throws Exception {
        return new String(read(getting(bucket, key)), StandardCharsets.UTF_8);
    }

    static String up() throws Exception {
        String bucket = newBucket();
        inThreeParts(minio.putObject(putting(bucket, "large", BODY).build()));
        return bucket;
    }

    static void inThreeParts(ObjectWriteResponse done) {
        equal(done.etag().replace("\"", "").endsWith("-3"), true);
    }

    static String openUpload(String bucket, String key) throws Exception {
        var args = CreateMultipartUploadArgs.builder().bucket(bucket).object(key).build();
        return async.createMultipartUpload(args).get().result().uploadId();
    }

    static Part uploadPart(String bucket, String key, String id, int number, byte[] data) throws Exception {
        var args = UploadPartArgs.builder().bucket(bucket).object(key).uploadId(id).partNumber(number).data(data, data.length);
        return async.uploadPart(args.build()).get().part();
    }

    static List<Item> listed(ListObjectsArgs.Builder asked) throws Exception {
        List<Item> found = new ArrayList<>();
        for (var item : minio.listObjects(asked.build())) found.add(item.get());
        return found;
    }

    static List<String> names(ListObjectsArgs.Builder asked) throws Exception {
        return listed(asked).stream().map(Item::objectName).toList();
    }

    static ListObjectsArgs.Builder listing(String bucket) {
        return ListObjectsArgs.builder().bucket(bucket).recursive(true);
    }

    static void roundTrip(String variable) throws Exception {
        // It makes one slash of two.
        var keys = Arrays.stream(new ObjectMapper().readValue(System.getenv(variable), String[].class))
                .filter(key -> !key.contains("//")).toList();
        String bucket = newBucket();
        for (String key : keys) put(bucket, key, key);
        equal(new TreeSet<>(names(listing(bucket))), new TreeSet<>(keys));
        for (String key : keys) {
            equal(text(bucket, key), key);
            minio.removeObject(RemoveObjectArgs.builder().bucket(bucket).object(key).build());
        }
        equal(names(listing(bucket)), List.of());
    }

    static HttpResponse<String> send(Http.Method method, String bucket, String key, Map<String, String> query, String text)
            throws Exception {
        // Of an object without versions the version is null; where none is named it puts an empty one into the URL, which S3 refuses.
        var args = GetPresignedObjectUrlArgs.builder().method(method).bucket(bucket).object(key).extraQueryParams(query);
        if (method == Http.Method.GET) args = args.versionId("null");
        var request = HttpRequest.newBuilder(URI.create(minio.getPresignedObjectUrl(args.build())))
                .method(method.toString(), HttpRequest.BodyPublishers.ofString(text));
        var plain = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).sslContext(trusting()).build();
        var answer = plain.send(request.build(), HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) throw new AssertionError(answer.statusCode() + ": " + answer.body());
        return answer;
    }

    static SSLContext trusting() throws Exception {
        String file = System.getenv("SSL_CERT_FILE");
        if (file == null) return SSLContext.getDefault();
        var store = java.security.KeyStore.getInstance(java.security.KeyStore.getDefaultType());
        store.load(null);
        try (var stream = new java.io.FileInputStream(file)) {
            store.setCertificateEntry("tests", java.security.cert.CertificateFactory.getInstance("X.509").generateCertificate(stream));
        }
        var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        var context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context;
    }

    static void moveData() {
        OPERATIONS.put("multipart up", () -> same(read(getting(up(), "large")), BODY));
        OPERATIONS.put("stream up", () -> {
            String bucket = newBucket();
            var stream = new SequenceInputStream(new ByteArrayInputStream(BODY, 0, 7), new ByteArrayInputStream(BODY, 7, BODY.length));
            var args = PutObjectArgs.builder().bucket(bucket).object("large").stream(stream, -1L, (long) PART);
            inThreeParts(minio.putObject(args.build()));
            same(read(getting(bucket, "large")), BODY);
        });
        OPERATIONS.put("ranged down", () -> {
            String bucket = up();
            same(read(getting(bucket, "large").offset(PART - 3L).length(8L)), Arrays.copyOfRange(BODY, PART - 3, PART + 5));
            same(read(getting(bucket, "large").offset(BODY.length - 7L)), Arrays.copyOfRange(BODY, BODY.length - 7, BODY.length));
            refused("InvalidRange", () -> read(getting(bucket, "large").offset((long) BODY.length)));
        });
        OPERATIONS.put("abort", () -> {
            String bucket = newBucket();
            String id = openUpload(bucket, "key");
            uploadPart(bucket, "key", id, 7, "part".getBytes());
            // Its ListParts takes no key: what was aborted is tried by a part.
            var ofUploads = ListMultipartUploadsArgs.builder().bucket(bucket).build();
            equal(async.listMultipartUploads(ofUploads).get().result().uploads().get(0).uploadId(), id);
            async.abortMultipartUpload(AbortMultipartUploadArgs.builder().bucket(bucket).object("key").uploadId(id).build()).get();
            equal(async.listMultipartUploads(ofUploads).get().result().uploads().size(), 0);
            refused("NoSuchUpload", () -> uploadPart(bucket, "key", id, 7, "part".getBytes()));
        });
        OPERATIONS.put("refused upload", () -> {
            String bucket = newBucket();
            for (int i = 0; i < 3; i++)
                refused("NoSuchUpload", () -> uploadPart(bucket, "key", "unknown", 1, new byte[40 << 20]));
        });
        OPERATIONS.put("checksums", () -> {
            // It takes no CRC64NVME for what goes up in parts.
            for (var algorithm : List.of(Checksum.Algorithm.CRC32, Checksum.Algorithm.CRC32C, Checksum.Algorithm.SHA1, Checksum.Algorithm.SHA256)) {
                String bucket = newBucket();
                var done = minio.putObject(putting(bucket, "large", BODY).checksum(algorithm).build());
                var stat = minio.statObject(StatObjectArgs.builder().bucket(bucket).object("large").fetchChecksum(true).build());
                String sent = switch (algorithm) {
                    case CRC32 -> done.checksumCRC32();
                    case CRC32C -> done.checksumCRC32C();
                    case SHA1 -> done.checksumSHA1();
                    default -> done.checksumSHA256();
                };
                equal(sent != null && !sent.isEmpty(), true);
                equal(stat.headers().get("x-amz-checksum-" + algorithm.toString().toLowerCase()), sent);
            }
        });
        OPERATIONS.put("customer key", () -> {
            byte[] bytes = new byte[32];
            Arrays.fill(bytes, (byte) 7);
            var key = new ServerSideEncryption.CustomerKey(new SecretKeySpec(bytes, "AES"));
            String bucket = newBucket();
            inThreeParts(minio.putObject(putting(bucket, "large", BODY).sse(key).build()));
            same(read(getting(bucket, "large").ssec(key)), BODY);
            var range = getting(bucket, "large").ssec(key).offset(PART - 3L).length(8L);
            same(read(range), Arrays.copyOfRange(BODY, PART - 3, PART + 5));
            refused("InvalidRequest", () -> read(getting(bucket, "large")));
        });
    }

    static void copyAndSign() {
        OPERATIONS.put("copy", () -> {
            String bucket = newBucket(), key = "ü & +";
            minio.putObject(putting(bucket, key, "body".getBytes()).contentType("text/x-a").userMetadata(Map.of("colour", "red")).build());
            var source = SourceObject.builder().bucket(bucket).object(key).build();
            minio.copyObject(CopyObjectArgs.builder().bucket(bucket).object("same").source(source).build());
            minio.copyObject(CopyObjectArgs.builder().bucket(bucket).object("new").source(source)
                    .metadataDirective(Directive.REPLACE).userMetadata(Map.of("colour", "blue")).build());
            var same = minio.statObject(StatObjectArgs.builder().bucket(bucket).object("same").build());
            equal(List.of(same.headers().get("x-amz-meta-colour"), same.contentType()), List.of("red", "text/x-a"));
            var other = minio.statObject(StatObjectArgs.builder().bucket(bucket).object("new").build());
            equal(other.headers().get("x-amz-meta-colour"), "blue");
            equal(text(bucket, "new"), "body");
        });
        OPERATIONS.put("copy of parts", () -> {
            String bucket = up();
            put(bucket, "end", "end");
            var first = SourceObject.builder().bucket(bucket).object("large").offset(1L).length((long) PART).build();
            var end = SourceObject.builder().bucket(bucket).object("end").build();
            minio.composeObject(ComposeObjectArgs.builder().bucket(bucket).object("made").sources(new ArrayList<>(List.of(first, end))).build());
            byte[] made = Arrays.copyOfRange(BODY, 1, PART + 4);
            System.arraycopy("end".getBytes(), 0, made, PART, 3);
            same(read(getting(bucket, "made")), made);
        });
        OPERATIONS.put("presigned get", () -> {
            String bucket = newBucket();
            put(bucket, "ü +", "presigned");
            var answer = send(Http.Method.GET, bucket, "ü +", Map.of("response-content-type", "text/x-b"), "");
            equal(List.of(answer.body(), answer.headers().firstValue("content-type").get()), List.of("presigned", "text/x-b"));
        });
        OPERATIONS.put("presigned put", () -> {
            String bucket = newBucket();
            send(Http.Method.PUT, bucket, "key", Map.of(), "presigned");
            equal(text(bucket, "key"), "presigned");
        });
        OPERATIONS.put("presigned part", () -> {
            String bucket = newBucket(), id = openUpload(bucket, "key");
            var answer = send(Http.Method.PUT, bucket, "key", Map.of("partNumber", "1", "uploadId", id), "a part");
            Part[] parts = {new Part(1, answer.headers().firstValue("etag").get())};
            var args = CompleteMultipartUploadArgs.builder().bucket(bucket).object("key").uploadId(id).parts(parts).build();
            async.completeMultipartUpload(args).get();
            equal(text(bucket, "key"), "a part");
        });
        OPERATIONS.put("create only", () -> {
            String bucket = newBucket();
            for (String each : List.of("first", "second")) {
                var args = putting(bucket, "key", each.getBytes()).extraHeaders(Map.of("If-None-Match", "*")).build();
                if (each.equals("first")) minio.putObject(args);
                else refused("PreconditionFailed", () -> minio.putObject(args));
            }
            equal(text(bucket, "key"), "first");
        });
        OPERATIONS.put("replace only", () -> {
            String bucket = newBucket(), etag = put(bucket, "key", "first").etag();
            for (String each : List.of("second", "third")) {
                var args = putting(bucket, "key", each.getBytes()).extraHeaders(Map.of("If-Match", etag)).build();
                if (each.equals("second")) minio.putObject(args);
                else refused("PreconditionFailed", () -> minio.putObject(args));
            }
            equal(text(bucket, "key"), "second");
        });
    }

    static void keep() {
        OPERATIONS.put("versions", () -> {
            String bucket = newBucket();
            var enabled = new VersioningConfiguration(VersioningConfiguration.Status.ENABLED, null, null, null);
            minio.setBucketVersioning(SetBucketVersioningArgs.builder().bucket(bucket).config(enabled).build());
            var told = minio.getBucketVersioning(GetBucketVersioningArgs.builder().bucket(bucket).build());
            equal(told.status(), VersioningConfiguration.Status.ENABLED);
            String older = put(bucket, "key", "older").versionId(), newer = put(bucket, "key", "newer").versionId();
            minio.removeObject(RemoveObjectArgs.builder().bucket(bucket).object("key").build());
            var found = listed(listing(bucket).includeVersions(true));
            equal(found.stream().filter(item -> !item.isDeleteMarker()).map(Item::versionId).toList(), List.of(newer, older));
            equal(found.size(), 3);
            equal(new String(read(getting(bucket, "key").versionId(older))), "older");
        });
        OPERATIONS.put("odd keys", () -> roundTrip("ODD_KEYS"));
        OPERATIONS.put("control characters", () -> roundTrip("CONTROL_KEYS"));
        OPERATIONS.put("listing", () -> {
            String bucket = newBucket();
            var keys = List.of("a/1", "a/2", "a/3", "b/1", "c", "d", "e");
            for (String key : keys) put(bucket, key, "");
            equal(names(listing(bucket).maxKeys(2)), keys);
            equal(names(listing(bucket).maxKeys(2).useApiVersion1(true)), keys);
            equal(names(listing(bucket).maxKeys(2).prefix("a/")), keys.subList(0, 3));
            var grouped = names(ListObjectsArgs.builder().bucket(bucket).maxKeys(2));
            equal(new TreeSet<>(grouped), new TreeSet<>(List.of("a/", "b/", "c", "d", "e")));
        });
        OPERATIONS.put("metadata", () -> {
            String bucket = newBucket();
            Map<String, String> metadata = new HashMap<>();
            for (int i = 0; i < 70; i++) metadata.put("name" + i, "value " + i);
            minio.putObject(putting(bucket, "key", new byte[0]).userMetadata(metadata).build());
            var stat = minio.statObject(StatObjectArgs.builder().bucket(bucket).object("key").build());
            for (var entry : metadata.entrySet()) equal(stat.headers().get("x-amz-meta-" + entry.getKey()), entry.getValue());
        });
        OPERATIONS.put("delete many", () -> {
            String bucket = newBucket();
            List<DeleteRequest.Object> objects = new ArrayList<>();
            for (int i = 0; i < 30; i++) {
                put(bucket, "<key> & " + i, "");
                objects.add(new DeleteRequest.Object("<key> & " + i));
            }
            for (var failed : minio.removeObjects(RemoveObjectsArgs.builder().bucket(bucket).objects(objects).build()))
                throw new AssertionError(failed.get().toString());
            minio.removeBucket(RemoveBucketArgs.builder().bucket(bucket).build());
            equal(minio.bucketExists(BucketExistsArgs.builder().bucket(bucket).build()), false);
        });
        OPERATIONS.put("tags", () -> {
            String bucket = newBucket();
            minio.putObject(putting(bucket, "key", new byte[0]).tags(Map.of("colour", "red", "empty", "")).build());
            var asked = GetObjectTagsArgs.builder().bucket(bucket).object("key").build();
            equal(minio.getObjectTags(asked).get(), Map.of("colour", "red", "empty", ""));
            minio.setObjectTags(SetObjectTagsArgs.builder().bucket(bucket).object("key").tags(Map.of("ü", "a + b")).build());
            equal(minio.getObjectTags(asked).get(), Map.of("ü", "a + b"));
            minio.deleteObjectTags(DeleteObjectTagsArgs.builder().bucket(bucket).object("key").build());
            equal(minio.getObjectTags(asked).get(), Map.of());
        });
        OPERATIONS.put("retention", () -> {
            String bucket = newBucket(true), id = put(bucket, "key", "kept").versionId();
            var given = new Retention(RetentionMode.GOVERNANCE, ZonedDateTime.now().plusHours(1));
            minio.setObjectRetention(SetObjectRetentionArgs.builder().bucket(bucket).object("key").config(given).build());
            var told = minio.getObjectRetention(GetObjectRetentionArgs.builder().bucket(bucket).object("key").build());
            equal(told.mode(), RetentionMode.GOVERNANCE);
            var removal = RemoveObjectArgs.builder().bucket(bucket).object("key").versionId(id);
            refused("AccessDenied", () -> minio.removeObject(removal.build()));
            minio.removeObject(removal.bypassGovernanceMode(true).build());
        });
        OPERATIONS.put("errors", () -> {
            String bucket = newBucket();
            refused("NoSuchKey", () -> text(bucket, "absent"));
            refused("NoSuchBucket", () -> names(listing("no-such-bucket-here")));
        });
    }

    static String detail(String operation) {
        try {
            OPERATIONS.get(operation).run();
            return "";
        } catch (Throwable error) {
            var trace = new StringWriter();
            error.printStackTrace(new PrintWriter(trace));
            return trace.toString();
        }
    }

    public static void main(String[] asked) throws Exception {
        String endpoint = System.getenv("ENDPOINT"), region = System.getenv("REGION");
        String access = System.getenv("ACCESS_KEY"), secret = System.getenv("SECRET_KEY");
        minio = MinioClient.builder().endpoint(endpoint).region(region).credentials(access, secret).build();
        async = MinioAsyncClient.builder().endpoint(endpoint).region(region).credentials(access, secret).build();
        moveData();
        copyAndSign();
        keep();
        for (String operation : asked) {
            Map<String, Object> line = new LinkedHashMap<>();
            String detail = detail(operation);
            line.put("op", operation);
            line.put("ok", detail.isEmpty());
            line.put("detail", detail);
            System.out.println(new ObjectMapper().writeValueAsString(line));
        }
        System.exit(0);
    }
}
