// aws-sdk-go-v2 with its manager of uploads and downloads, with their defaults but for the retries.
package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/s3/manager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

const part = 5 << 20

var (
	ctx    = context.Background()
	client *s3.Client
	body   = counted()
	str    = aws.String
)

func counted() []byte {
	size, err := strconv.Atoi(os.Getenv("BODY_SIZE"))
	check(err)
	made := make([]byte, 0, size)
	for i := range size / 4 {
		made = binary.LittleEndian.AppendUint32(made, uint32(i))
	}
	return made
}

func check(err error) {
	if err != nil {
		panic(err.Error())
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func equal(got, wanted any) {
	if !reflect.DeepEqual(got, wanted) {
		panic(fmt.Sprintf("got %.500v, not %.500v", got, wanted))
	}
}

func refused(err error, code string) {
	var answer smithy.APIError
	if !errors.As(err, &answer) || answer.ErrorCode() != code {
		panic(fmt.Sprintf("not %s but %v", code, err))
	}
}

func newBucketWith(input s3.CreateBucketInput) *string {
	id := make([]byte, 6)
	must(rand.Read(id))
	input.Bucket = str("aws-sdk-go-" + hex.EncodeToString(id))
	must(client.CreateBucket(ctx, &input))
	return input.Bucket
}

func newBucket() *string { return newBucketWith(s3.CreateBucketInput{}) }

func put(bucket *string, key, text string) *s3.PutObjectOutput {
	return must(client.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: str(key), Body: strings.NewReader(text)}))
}

func get(input s3.GetObjectInput) []byte {
	answer := must(client.GetObject(ctx, &input))
	defer answer.Body.Close()
	return must(io.ReadAll(answer.Body))
}

func read(bucket *string, key string) []byte {
	return get(s3.GetObjectInput{Bucket: bucket, Key: str(key)})
}

func up(input s3.PutObjectInput) (*string, *manager.UploadOutput) {
	input.Bucket, input.Key = newBucket(), str("large")
	if input.Body == nil {
		input.Body = bytes.NewReader(body)
	}
	done := must(manager.NewUploader(client, func(u *manager.Uploader) { u.PartSize = part }).Upload(ctx, &input))
	equal(strings.HasSuffix(*done.ETag, "-3\""), true)
	return input.Bucket, done
}

func openUpload() (*string, *string) {
	bucket := newBucket()
	return bucket, must(client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: str("key")})).UploadId
}

func complete(bucket, id *string, key string, etags ...*string) {
	parts := []types.CompletedPart{}
	for i, etag := range etags {
		parts = append(parts, types.CompletedPart{PartNumber: aws.Int32(int32(i + 1)), ETag: etag})
	}
	list := &types.CompletedMultipartUpload{Parts: parts}
	input := s3.CompleteMultipartUploadInput{Bucket: bucket, Key: str(key), UploadId: id, MultipartUpload: list}
	must(client.CompleteMultipartUpload(ctx, &input))
}

func keysOf(contents []types.Object) []string {
	found := []string{}
	for _, object := range contents {
		found = append(found, *object.Key)
	}
	return found
}

func roundTrip(variable string) {
	var keys []string
	check(json.Unmarshal([]byte(os.Getenv(variable)), &keys))
	bucket := newBucket()
	for _, key := range keys {
		put(bucket, key, key)
	}
	input := s3.ListObjectsV2Input{Bucket: bucket, EncodingType: types.EncodingTypeUrl}
	listed := []string{}
	for _, key := range keysOf(must(client.ListObjectsV2(ctx, &input)).Contents) {
		listed = append(listed, must(url.QueryUnescape(key)))
	}
	slices.Sort(keys)
	slices.Sort(listed)
	equal(listed, keys)
	for _, key := range keys {
		equal(string(read(bucket, key)), key)
		must(client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: str(key)}))
	}
	equal(len(must(client.ListObjectsV2(ctx, &input)).Contents), 0)
}

func send(method, url string, signed http.Header, text string) (*http.Response, string) {
	request := must(http.NewRequest(method, url, strings.NewReader(text)))
	for name, values := range signed {
		if name != "Host" && name != "Content-Length" {
			request.Header[name] = values
		}
	}
	answer := must(http.DefaultClient.Do(request))
	defer answer.Body.Close()
	got := string(must(io.ReadAll(answer.Body)))
	if answer.StatusCode != http.StatusOK {
		panic(fmt.Sprintf("%d: %s", answer.StatusCode, got))
	}
	return answer, got
}

var operations = map[string]func(){
	"multipart up": func() {
		bucket, _ := up(s3.PutObjectInput{})
		equal(bytes.Equal(read(bucket, "large"), body), true)
		down := manager.NewWriteAtBuffer(nil)
		downloader := manager.NewDownloader(client, func(d *manager.Downloader) { d.PartSize = part })
		must(downloader.Download(ctx, down, &s3.GetObjectInput{Bucket: bucket, Key: str("large")}))
		equal(bytes.Equal(down.Bytes(), body), true)
	},
	"stream up": func() {
		bucket, _ := up(s3.PutObjectInput{Body: io.MultiReader(bytes.NewReader(body[:7]), bytes.NewReader(body[7:]))})
		equal(bytes.Equal(read(bucket, "large"), body), true)
	},
	"ranged down": func() {
		bucket, _ := up(s3.PutObjectInput{})
		ranged := func(bytes string) *s3.GetObjectInput {
			return &s3.GetObjectInput{Bucket: bucket, Key: str("large"), Range: str("bytes=" + bytes)}
		}
		equal(get(*ranged(fmt.Sprintf("%d-%d", part-3, part+4))), body[part-3:part+5])
		equal(get(*ranged("-7")), body[len(body)-7:])
		_, err := client.GetObject(ctx, ranged(fmt.Sprintf("%d-", len(body))))
		refused(err, "InvalidRange")
	},
	"abort": func() {
		bucket, id := openUpload()
		key := str("key")
		input := s3.UploadPartInput{Bucket: bucket, Key: key, UploadId: id, PartNumber: aws.Int32(7), Body: strings.NewReader("part")}
		must(client.UploadPart(ctx, &input))
		parts := must(client.ListParts(ctx, &s3.ListPartsInput{Bucket: bucket, Key: key, UploadId: id})).Parts
		equal([]int64{int64(len(parts)), int64(*parts[0].PartNumber), *parts[0].Size}, []int64{1, 7, 4})
		listed := func() []types.MultipartUpload {
			return must(client.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: bucket})).Uploads
		}
		equal(*listed()[0].UploadId, *id)
		must(client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: bucket, Key: key, UploadId: id}))
		equal(len(listed()), 0)
		_, err := client.ListParts(ctx, &s3.ListPartsInput{Bucket: bucket, Key: key, UploadId: id})
		refused(err, "NoSuchUpload")
	},
	"copy": func() {
		bucket, key := newBucket(), "ü & +"
		red, blue := map[string]string{"colour": "red"}, map[string]string{"colour": "blue"}
		text := strings.NewReader("body")
		must(client.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: &key, Body: text, ContentType: str("text/x-a"), Metadata: red}))
		copying := s3.CopyObjectInput{Bucket: bucket, Key: str("same"), CopySource: str(*bucket + "/" + url.PathEscape(key))}
		must(client.CopyObject(ctx, &copying))
		copying.Key, copying.MetadataDirective, copying.Metadata = str("new"), types.MetadataDirectiveReplace, blue
		must(client.CopyObject(ctx, &copying))
		same := must(client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: str("same")}))
		equal(same.Metadata, red)
		equal(*same.ContentType, "text/x-a")
		equal(must(client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: str("new")})).Metadata, blue)
		equal(string(read(bucket, "new")), "body")
	},
	"copy of parts": func() {
		bucket, _ := up(s3.PutObjectInput{})
		made := str("made")
		id := must(client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: made})).UploadId
		copied := must(client.UploadPartCopy(ctx, &s3.UploadPartCopyInput{
			Bucket: bucket, Key: made, UploadId: id, PartNumber: aws.Int32(1),
			CopySource: str(*bucket + "/large"), CopySourceRange: str(fmt.Sprintf("bytes=1-%d", part)),
		}))
		input := s3.UploadPartInput{Bucket: bucket, Key: made, UploadId: id, PartNumber: aws.Int32(2), Body: strings.NewReader("end")}
		complete(bucket, id, "made", copied.CopyPartResult.ETag, must(client.UploadPart(ctx, &input)).ETag)
		equal(bytes.Equal(read(bucket, "made"), append(bytes.Clone(body[1:part+1]), "end"...)), true)
	},
	"checksums": func() {
		for _, algorithm := range []types.ChecksumAlgorithm{"CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"} {
			bucket, done := up(s3.PutObjectInput{ChecksumAlgorithm: algorithm})
			input := s3.GetObjectInput{Bucket: bucket, Key: str("large"), ChecksumMode: types.ChecksumModeEnabled}
			answer := must(client.GetObject(ctx, &input))
			equal(bytes.Equal(must(io.ReadAll(answer.Body)), body), true)
			sent := map[types.ChecksumAlgorithm][2]*string{
				"CRC32": {done.ChecksumCRC32, answer.ChecksumCRC32}, "CRC32C": {done.ChecksumCRC32C, answer.ChecksumCRC32C},
				"SHA1": {done.ChecksumSHA1, answer.ChecksumSHA1}, "SHA256": {done.ChecksumSHA256, answer.ChecksumSHA256},
			}[algorithm]
			if algorithm == "CRC64NVME" { // The manager does not tell what Complete answered.
				sent = [2]*string{answer.ChecksumCRC64NVME, answer.ChecksumCRC64NVME}
			}
			equal(sent[0] != nil && *sent[0] != "", true)
			equal(sent[1], sent[0])
		}
	},
	"customer key": func() {
		key := bytes.Repeat([]byte{7}, 32)
		digest := md5.Sum(key)
		algorithm, encoded, sum := str("AES256"), str(base64.StdEncoding.EncodeToString(key)), str(base64.StdEncoding.EncodeToString(digest[:]))
		bucket, _ := up(s3.PutObjectInput{SSECustomerAlgorithm: algorithm, SSECustomerKey: encoded, SSECustomerKeyMD5: sum})
		input := s3.GetObjectInput{
			Bucket: bucket, Key: str("large"), SSECustomerAlgorithm: algorithm, SSECustomerKey: encoded, SSECustomerKeyMD5: sum,
		}
		equal(bytes.Equal(get(input), body), true)
		input.Range = str(fmt.Sprintf("bytes=%d-%d", part-3, part+4))
		equal(get(input), body[part-3:part+5])
		_, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: str("large")})
		refused(err, "InvalidRequest")
	},
	"presigned get": func() {
		bucket := newBucket()
		put(bucket, "ü +", "presigned")
		input := s3.GetObjectInput{Bucket: bucket, Key: str("ü +"), ResponseContentType: str("text/x-b")}
		made := must(s3.NewPresignClient(client).PresignGetObject(ctx, &input))
		answer, text := send(made.Method, made.URL, made.SignedHeader, "")
		equal([]string{text, answer.Header.Get("Content-Type")}, []string{"presigned", "text/x-b"})
	},
	"presigned put": func() {
		bucket := newBucket()
		made := must(s3.NewPresignClient(client).PresignPutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: str("key")}))
		send(made.Method, made.URL, made.SignedHeader, "presigned")
		equal(string(read(bucket, "key")), "presigned")
	},
	"presigned part": func() {
		bucket, id := openUpload()
		input := s3.UploadPartInput{Bucket: bucket, Key: str("key"), UploadId: id, PartNumber: aws.Int32(1)}
		made := must(s3.NewPresignClient(client).PresignUploadPart(ctx, &input))
		answer, _ := send(made.Method, made.URL, made.SignedHeader, "a part")
		complete(bucket, id, "key", str(answer.Header.Get("ETag")))
		equal(string(read(bucket, "key")), "a part")
	},
	"create only": func() {
		bucket := newBucket()
		create := func(data io.Reader) error {
			input := s3.PutObjectInput{Bucket: bucket, Key: str("key"), Body: data, IfNoneMatch: str("*")}
			_, err := manager.NewUploader(client).Upload(ctx, &input)
			return err
		}
		check(create(strings.NewReader("first")))
		refused(create(strings.NewReader("second")), "PreconditionFailed")
		refused(create(bytes.NewReader(body)), "PreconditionFailed")
		equal(string(read(bucket, "key")), "first")
	},
	"replace only": func() {
		bucket := newBucket()
		etag := put(bucket, "key", "first").ETag
		replace := func(text string) error {
			input := s3.PutObjectInput{Bucket: bucket, Key: str("key"), Body: strings.NewReader(text), IfMatch: etag}
			_, err := client.PutObject(ctx, &input)
			return err
		}
		check(replace("second"))
		refused(replace("third"), "PreconditionFailed")
		equal(string(read(bucket, "key")), "second")
	},
	"versions": func() {
		bucket := newBucket()
		enabled := &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}
		must(client.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: bucket, VersioningConfiguration: enabled}))
		told := must(client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: bucket}))
		equal(told.Status, types.BucketVersioningStatusEnabled)
		older, newer := put(bucket, "key", "older").VersionId, put(bucket, "key", "newer").VersionId
		marker := must(client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: str("key")})).VersionId
		listed := must(client.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: bucket}))
		equal([]string{*listed.Versions[0].VersionId, *listed.Versions[1].VersionId}, []string{*newer, *older})
		equal(*listed.DeleteMarkers[0].VersionId, *marker)
		equal(string(get(s3.GetObjectInput{Bucket: bucket, Key: str("key"), VersionId: older})), "older")
	},
	"odd keys":           func() { roundTrip("ODD_KEYS") },
	"control characters": func() { roundTrip("CONTROL_KEYS") },
	"listing": func() {
		bucket := newBucket()
		keys := []string{"a/1", "a/2", "a/3", "b/1", "c", "d", "e"}
		for _, key := range keys {
			put(bucket, key, "")
		}
		sizes, found := []int{}, []string{}
		pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: bucket, MaxKeys: aws.Int32(2)})
		for pages.HasMorePages() {
			page := must(pages.NextPage(ctx))
			sizes, found = append(sizes, len(page.Contents)), append(found, keysOf(page.Contents)...)
		}
		equal(sizes, []int{2, 2, 2, 1})
		equal(found, keys)
		grouped := must(client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: bucket, Delimiter: str("/")})).CommonPrefixes
		equal([]string{*grouped[0].Prefix, *grouped[1].Prefix}, []string{"a/", "b/"})
		equal(*must(client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: bucket, Prefix: str("a/")})).KeyCount, int32(3))
	},
	"metadata": func() {
		bucket, metadata := newBucket(), map[string]string{}
		for i := range 70 {
			metadata[fmt.Sprintf("name%d", i)] = fmt.Sprintf("value %d", i)
		}
		must(client.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: str("key"), Metadata: metadata}))
		equal(must(client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucket, Key: str("key")})).Metadata, metadata)
	},
	"refused upload": func() {
		bucket, data := newBucket(), make([]byte, 40<<20)
		for range 3 {
			_, err := client.UploadPart(ctx, &s3.UploadPartInput{
				Bucket: bucket, Key: str("key"), UploadId: str("unknown"), PartNumber: aws.Int32(1), Body: bytes.NewReader(data),
			})
			refused(err, "NoSuchUpload")
		}
	},
	"delete many": func() {
		bucket, objects := newBucket(), []types.ObjectIdentifier{}
		for i := range 30 {
			key := fmt.Sprintf("<key> & %d", i)
			put(bucket, key, "")
			objects = append(objects, types.ObjectIdentifier{Key: &key})
		}
		done := must(client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: bucket, Delete: &types.Delete{Objects: objects}}))
		equal([]int{len(done.Deleted), len(done.Errors)}, []int{30, 0})
		must(client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: bucket}))
		_, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: bucket})
		refused(err, "NoSuchBucket")
	},
	"tags": func() {
		bucket, key := newBucket(), str("key")
		must(client.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key, Tagging: str("colour=red&empty=")}))
		told := func() []string {
			found := []string{}
			for _, tag := range must(client.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: bucket, Key: key})).TagSet {
				found = append(found, *tag.Key+"="+*tag.Value)
			}
			return found
		}
		equal(told(), []string{"colour=red", "empty="})
		set := &types.Tagging{TagSet: []types.Tag{{Key: str("ü"), Value: str("a + b")}}}
		must(client.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{Bucket: bucket, Key: key, Tagging: set}))
		equal(told(), []string{"ü=a + b"})
		must(client.DeleteObjectTagging(ctx, &s3.DeleteObjectTaggingInput{Bucket: bucket, Key: key}))
		equal(told(), []string{})
	},
	"retention": func() {
		bucket, key := newBucketWith(s3.CreateBucketInput{ObjectLockEnabledForBucket: aws.Bool(true)}), str("key")
		id := put(bucket, "key", "kept").VersionId
		mode := types.ObjectLockRetentionModeGovernance
		given := &types.ObjectLockRetention{Mode: mode, RetainUntilDate: aws.Time(time.Now().Add(time.Hour))}
		must(client.PutObjectRetention(ctx, &s3.PutObjectRetentionInput{Bucket: bucket, Key: key, Retention: given}))
		told := must(client.GetObjectRetention(ctx, &s3.GetObjectRetentionInput{Bucket: bucket, Key: key}))
		equal(told.Retention.Mode, mode)
		deletion := s3.DeleteObjectInput{Bucket: bucket, Key: key, VersionId: id}
		_, err := client.DeleteObject(ctx, &deletion)
		refused(err, "AccessDenied")
		deletion.BypassGovernanceRetention = aws.Bool(true)
		must(client.DeleteObject(ctx, &deletion))
	},
	"errors": func() {
		_, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: newBucket(), Key: str("absent")})
		refused(err, "NoSuchKey")
		_, err = client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: str("no-such-bucket-here")})
		refused(err, "NoSuchBucket")
	},
}

func detail(operation string) (failed string) {
	defer func() {
		if trouble := recover(); trouble != nil {
			failed = fmt.Sprint(trouble)
		}
	}()
	operations[operation]()
	return ""
}

func main() {
	client = s3.New(s3.Options{
		BaseEndpoint:     str(os.Getenv("ENDPOINT")),
		Region:           os.Getenv("REGION"),
		Credentials:      credentials.NewStaticCredentialsProvider(os.Getenv("ACCESS_KEY"), os.Getenv("SECRET_KEY"), ""),
		UsePathStyle:     true,
		RetryMaxAttempts: 1,
	})
	for _, operation := range os.Args[1:] {
		failed := detail(operation)
		line := struct {
			Op     string `json:"op"`
			OK     bool   `json:"ok"`
			Detail string `json:"detail"`
		}{operation, failed == "", failed}
		fmt.Println(string(must(json.Marshal(line))))
	}
}
