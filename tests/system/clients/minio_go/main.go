package main
import (
 _ "github.com/minio/minio-go/v7"
)
func main(){}
