// minio-go with checksums in trailers.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/encrypt"
	"github.com/minio/minio-go/v7/pkg/tags"
)

const part = 5 << 20

var (
	ctx  = context.Background()
	s3   *minio.Client
	core minio.Core
	body = counted()
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
		panic(fmt.Sprintf("%v (%#v)", err, err))
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
	if minio.ToErrorResponse(err).Code != code {
		panic(fmt.Sprintf("not %s but %v (%#v)", code, err, err))
	}
}

func newBucketWith(options minio.MakeBucketOptions) string {
	id := make([]byte, 6)
	must(rand.Read(id))
	name := "minio-go-" + hex.EncodeToString(id)
	check(s3.MakeBucket(ctx, name, options))
	return name
}

func newBucket() string { return newBucketWith(minio.MakeBucketOptions{}) }

func put(bucket, key string, data []byte, options minio.PutObjectOptions) minio.UploadInfo {
	return must(s3.PutObject(ctx, bucket, key, bytes.NewReader(data), int64(len(data)), options))
}

func read(bucket, key string, options minio.GetObjectOptions) []byte {
	object := must(s3.GetObject(ctx, bucket, key, options))
	defer object.Close()
	return must(io.ReadAll(object))
}

func up(options minio.PutObjectOptions) (string, minio.UploadInfo) {
	bucket := newBucket()
	options.PartSize = part
	done := put(bucket, "large", body, options)
	equal(strings.HasSuffix(done.ETag, "-3"), true)
	return bucket, done
}

func ranged(from, to int64) minio.GetObjectOptions {
	options := minio.GetObjectOptions{}
	check(options.SetRange(from, to))
	return options
}

func names(bucket string, options minio.ListObjectsOptions) []string {
	found := []string{}
	for object := range s3.ListObjects(ctx, bucket, options) {
		check(object.Err)
		found = append(found, object.Key)
	}
	return found
}

func roundTrip(variable string) {
	var keys []string
	check(json.Unmarshal([]byte(os.Getenv(variable)), &keys))
	bucket := newBucket()
	for _, key := range keys {
		put(bucket, key, []byte(key), minio.PutObjectOptions{})
	}
	listed := names(bucket, minio.ListObjectsOptions{Recursive: true})
	slices.Sort(keys)
	slices.Sort(listed)
	equal(listed, keys)
	for _, key := range keys {
		equal(string(read(bucket, key, minio.GetObjectOptions{})), key)
		check(s3.RemoveObject(ctx, bucket, key, minio.RemoveObjectOptions{}))
	}
	equal(names(bucket, minio.ListObjectsOptions{Recursive: true}), []string{})
}

func send(method, url, text string) (*http.Response, string) {
	answer := must(http.DefaultClient.Do(must(http.NewRequest(method, url, strings.NewReader(text)))))
	defer answer.Body.Close()
	got := string(must(io.ReadAll(answer.Body)))
	if answer.StatusCode != http.StatusOK {
		panic(fmt.Sprintf("%d: %s", answer.StatusCode, got))
	}
	return answer, got
}

var operations = map[string]func(){
	"multipart up": func() {
		bucket, _ := up(minio.PutObjectOptions{})
		equal(bytes.Equal(read(bucket, "large", minio.GetObjectOptions{}), body), true)
	},
	"stream up": func() {
		bucket := newBucket()
		stream := io.MultiReader(bytes.NewReader(body[:7]), bytes.NewReader(body[7:]))
		done := must(s3.PutObject(ctx, bucket, "large", stream, -1, minio.PutObjectOptions{PartSize: part}))
		equal(strings.HasSuffix(done.ETag, "-3"), true)
		equal(bytes.Equal(read(bucket, "large", minio.GetObjectOptions{}), body), true)
	},
	"ranged down": func() {
		bucket, _ := up(minio.PutObjectOptions{})
		equal(read(bucket, "large", ranged(part-3, part+4)), body[part-3:part+5])
		equal(read(bucket, "large", ranged(0, -7)), body[len(body)-7:])
		object := must(s3.GetObject(ctx, bucket, "large", ranged(int64(len(body)), 0)))
		_, err := io.ReadAll(object)
		refused(err, "InvalidRange")
	},
	"abort": func() {
		bucket := newBucket()
		id := must(core.NewMultipartUpload(ctx, bucket, "key", minio.PutObjectOptions{}))
		must(core.PutObjectPart(ctx, bucket, "key", id, 7, strings.NewReader("part"), 4, minio.PutObjectPartOptions{}))
		parts := must(core.ListObjectParts(ctx, bucket, "key", id, 0, 1000)).ObjectParts
		equal([]int64{int64(len(parts)), int64(parts[0].PartNumber), parts[0].Size}, []int64{1, 7, 4})
		listed := func() []string {
			found := []string{}
			for upload := range s3.ListIncompleteUploads(ctx, bucket, "", true) {
				check(upload.Err)
				found = append(found, upload.UploadID)
			}
			return found
		}
		equal(listed(), []string{id})
		check(core.AbortMultipartUpload(ctx, bucket, "key", id))
		equal(listed(), []string{})
		_, err := core.ListObjectParts(ctx, bucket, "key", id, 0, 1000)
		refused(err, "NoSuchUpload")
	},
	"copy": func() {
		bucket := newBucket()
		metadata := map[string]string{"Colour": "red"}
		put(bucket, "ü & +", []byte("body"), minio.PutObjectOptions{ContentType: "text/x-a", UserMetadata: metadata})
		source := minio.CopySrcOptions{Bucket: bucket, Object: "ü & +"}
		must(s3.CopyObject(ctx, minio.CopyDestOptions{Bucket: bucket, Object: "same"}, source))
		blue := map[string]string{"Colour": "blue"}
		target := minio.CopyDestOptions{Bucket: bucket, Object: "new", ReplaceMetadata: true, UserMetadata: blue}
		must(s3.CopyObject(ctx, target, source))
		same := must(s3.StatObject(ctx, bucket, "same", minio.StatObjectOptions{}))
		equal([]string{same.UserMetadata["Colour"], same.ContentType}, []string{"red", "text/x-a"})
		equal(must(s3.StatObject(ctx, bucket, "new", minio.StatObjectOptions{})).UserMetadata["Colour"], "blue")
		equal(string(read(bucket, "new", minio.GetObjectOptions{})), "body")
	},
	"copy of parts": func() {
		bucket, _ := up(minio.PutObjectOptions{})
		put(bucket, "end", []byte("end"), minio.PutObjectOptions{})
		first := minio.CopySrcOptions{Bucket: bucket, Object: "large", MatchRange: true, Start: 1, End: part}
		end := minio.CopySrcOptions{Bucket: bucket, Object: "end"}
		must(s3.ComposeObject(ctx, minio.CopyDestOptions{Bucket: bucket, Object: "made"}, first, end))
		made := append(bytes.Clone(body[1:part+1]), "end"...)
		equal(bytes.Equal(read(bucket, "made", minio.GetObjectOptions{}), made), true)
	},
	"checksums": func() {
		for _, kind := range []minio.ChecksumType{
			minio.ChecksumCRC32, minio.ChecksumCRC32C, minio.ChecksumSHA1, minio.ChecksumSHA256, minio.ChecksumCRC64NVME,
			minio.ChecksumFullObjectCRC32, minio.ChecksumFullObjectCRC32C,
		} {
			bucket, done := up(minio.PutObjectOptions{Checksum: kind})
			told := func(sums ...string) string { return strings.Join(sums, " ") }
			sent := told(done.ChecksumCRC32, done.ChecksumCRC32C, done.ChecksumSHA1, done.ChecksumSHA256, done.ChecksumCRC64NVME)
			equal(strings.TrimSpace(sent) != "", true)
			stat := must(s3.StatObject(ctx, bucket, "large", minio.StatObjectOptions{Checksum: true}))
			equal(told(stat.ChecksumCRC32, stat.ChecksumCRC32C, stat.ChecksumSHA1, stat.ChecksumSHA256, stat.ChecksumCRC64NVME), sent)
			equal(bytes.Equal(read(bucket, "large", minio.GetObjectOptions{Checksum: true}), body), true)
		}
	},
	"customer key": func() {
		key := must(encrypt.NewSSEC(bytes.Repeat([]byte{7}, 32)))
		bucket, _ := up(minio.PutObjectOptions{ServerSideEncryption: key})
		options := minio.GetObjectOptions{ServerSideEncryption: key}
		equal(bytes.Equal(read(bucket, "large", options), body), true)
		check(options.SetRange(part-3, part+4))
		equal(read(bucket, "large", options), body[part-3:part+5])
		_, err := io.ReadAll(must(s3.GetObject(ctx, bucket, "large", minio.GetObjectOptions{})))
		refused(err, "InvalidRequest")
	},
	"presigned get": func() {
		bucket := newBucket()
		put(bucket, "ü +", []byte("presigned"), minio.PutObjectOptions{})
		query := url.Values{"response-content-type": {"text/x-b"}}
		answer, text := send("GET", must(s3.PresignedGetObject(ctx, bucket, "ü +", time.Minute, query)).String(), "")
		equal([]string{text, answer.Header.Get("Content-Type")}, []string{"presigned", "text/x-b"})
	},
	"presigned put": func() {
		bucket := newBucket()
		send("PUT", must(s3.PresignedPutObject(ctx, bucket, "key", time.Minute)).String(), "presigned")
		equal(string(read(bucket, "key", minio.GetObjectOptions{})), "presigned")
	},
	"presigned part": func() {
		bucket := newBucket()
		id := must(core.NewMultipartUpload(ctx, bucket, "key", minio.PutObjectOptions{}))
		query := url.Values{"partNumber": {"1"}, "uploadId": {id}}
		answer, _ := send("PUT", must(s3.Presign(ctx, "PUT", bucket, "key", time.Minute, query)).String(), "a part")
		parts := []minio.CompletePart{{PartNumber: 1, ETag: answer.Header.Get("ETag")}}
		must(core.CompleteMultipartUpload(ctx, bucket, "key", id, parts, minio.PutObjectOptions{}))
		equal(string(read(bucket, "key", minio.GetObjectOptions{})), "a part")
	},
	"create only": func() {
		bucket := newBucket()
		options := minio.PutObjectOptions{}
		options.SetMatchETagExcept("*")
		put(bucket, "key", []byte("first"), options)
		// It sends no conditions when it completes an upload in parts.
		_, err := s3.PutObject(ctx, bucket, "key", strings.NewReader("second"), 6, options)
		refused(err, "PreconditionFailed")
		equal(string(read(bucket, "key", minio.GetObjectOptions{})), "first")
	},
	"replace only": func() {
		bucket := newBucket()
		options := minio.PutObjectOptions{}
		options.SetMatchETag(put(bucket, "key", []byte("first"), minio.PutObjectOptions{}).ETag)
		put(bucket, "key", []byte("second"), options)
		_, err := s3.PutObject(ctx, bucket, "key", strings.NewReader("third"), 5, options)
		refused(err, "PreconditionFailed")
		equal(string(read(bucket, "key", minio.GetObjectOptions{})), "second")
	},
	"versions": func() {
		bucket := newBucket()
		check(s3.EnableVersioning(ctx, bucket))
		equal(must(s3.GetBucketVersioning(ctx, bucket)).Status, "Enabled")
		older := put(bucket, "key", []byte("older"), minio.PutObjectOptions{}).VersionID
		newer := put(bucket, "key", []byte("newer"), minio.PutObjectOptions{}).VersionID
		check(s3.RemoveObject(ctx, bucket, "key", minio.RemoveObjectOptions{}))
		kinds, ids := []bool{}, []string{}
		for object := range s3.ListObjects(ctx, bucket, minio.ListObjectsOptions{WithVersions: true, Recursive: true}) {
			check(object.Err)
			kinds, ids = append(kinds, object.IsDeleteMarker), append(ids, object.VersionID)
		}
		equal(kinds, []bool{true, false, false})
		equal(ids[1:], []string{newer, older})
		equal(string(read(bucket, "key", minio.GetObjectOptions{VersionID: older})), "older")
	},
	"odd keys":           func() { roundTrip("ODD_KEYS") },
	"control characters": func() { roundTrip("CONTROL_KEYS") },
	"listing": func() {
		bucket := newBucket()
		keys := []string{"a/1", "a/2", "a/3", "b/1", "c", "d", "e"}
		for _, key := range keys {
			put(bucket, key, nil, minio.PutObjectOptions{})
		}
		equal(names(bucket, minio.ListObjectsOptions{Recursive: true, MaxKeys: 2}), keys)
		equal(names(bucket, minio.ListObjectsOptions{Recursive: true, MaxKeys: 2, UseV1: true}), keys)
		equal(names(bucket, minio.ListObjectsOptions{Prefix: "a/", MaxKeys: 2}), keys[:3])
		grouped := names(bucket, minio.ListObjectsOptions{MaxKeys: 2})
		slices.Sort(grouped)
		equal(grouped, []string{"a/", "b/", "c", "d", "e"})
	},
	"metadata": func() {
		bucket, metadata := newBucket(), map[string]string{}
		for i := range 70 {
			metadata[fmt.Sprintf("Name%d", i)] = fmt.Sprintf("value %d", i)
		}
		given := maps.Clone(metadata) // minio-go adds x-amz-checksum-algorithm to the map it is given
		put(bucket, "key", nil, minio.PutObjectOptions{UserMetadata: given})
		stat := must(s3.StatObject(ctx, bucket, "key", minio.StatObjectOptions{}))
		equal(map[string]string(stat.UserMetadata), metadata)
	},
	"refused upload": func() {
		bucket, data := newBucket(), make([]byte, 40<<20)
		for range 3 {
			reader := bytes.NewReader(data)
			_, err := core.PutObjectPart(ctx, bucket, "key", "unknown", 1, reader, int64(len(data)), minio.PutObjectPartOptions{})
			refused(err, "NoSuchUpload")
		}
	},
	"delete many": func() {
		bucket := newBucket()
		objects := make(chan minio.ObjectInfo, 30)
		for i := range 30 {
			key := fmt.Sprintf("<key> & %d", i)
			put(bucket, key, nil, minio.PutObjectOptions{})
			objects <- minio.ObjectInfo{Key: key}
		}
		close(objects)
		for failed := range s3.RemoveObjects(ctx, bucket, objects, minio.RemoveObjectsOptions{}) {
			check(failed.Err)
		}
		check(s3.RemoveBucket(ctx, bucket))
		equal(must(s3.BucketExists(ctx, bucket)), false)
	},
	"tags": func() {
		bucket := newBucket()
		put(bucket, "key", nil, minio.PutObjectOptions{UserTags: map[string]string{"colour": "red", "empty": ""}})
		told := func() map[string]string {
			return must(s3.GetObjectTagging(ctx, bucket, "key", minio.GetObjectTaggingOptions{})).ToMap()
		}
		equal(told(), map[string]string{"colour": "red", "empty": ""})
		given := map[string]string{"a name": "a + b"}
		made := must(tags.NewTags(given, true))
		check(s3.PutObjectTagging(ctx, bucket, "key", made, minio.PutObjectTaggingOptions{}))
		equal(told(), given)
		check(s3.RemoveObjectTagging(ctx, bucket, "key", minio.RemoveObjectTaggingOptions{}))
		equal(told(), map[string]string{})
	},
	"retention": func() {
		bucket := newBucketWith(minio.MakeBucketOptions{ObjectLocking: true})
		until, mode := time.Now().Add(time.Hour), minio.Governance
		id := put(bucket, "key", []byte("kept"), minio.PutObjectOptions{}).VersionID
		options := minio.PutObjectRetentionOptions{Mode: &mode, RetainUntilDate: &until}
		check(s3.PutObjectRetention(ctx, bucket, "key", options))
		told, _, err := s3.GetObjectRetention(ctx, bucket, "key", "")
		check(err)
		equal(*told, mode)
		refused(s3.RemoveObject(ctx, bucket, "key", minio.RemoveObjectOptions{VersionID: id}), "AccessDenied")
		check(s3.RemoveObject(ctx, bucket, "key", minio.RemoveObjectOptions{VersionID: id, GovernanceBypass: true}))
	},
	"errors": func() {
		_, err := s3.StatObject(ctx, newBucket(), "absent", minio.StatObjectOptions{})
		refused(err, "NoSuchKey")
		for object := range s3.ListObjects(ctx, "no-such-bucket-here", minio.ListObjectsOptions{}) {
			refused(object.Err, "NoSuchBucket")
		}
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
	endpoint := must(url.Parse(os.Getenv("ENDPOINT")))
	if endpoint.Host == "" {
		check(errors.New("no ENDPOINT"))
	}
	s3 = must(minio.New(endpoint.Host, &minio.Options{
		Creds:           credentials.NewStaticV4(os.Getenv("ACCESS_KEY"), os.Getenv("SECRET_KEY"), ""),
		Secure:          endpoint.Scheme == "https",
		Region:          os.Getenv("REGION"),
		TrailingHeaders: true,
		MaxRetries:      1,
	}))
	core = minio.Core{Client: s3}
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
