package main
import (
 _ "github.com/aws/aws-sdk-go-v2/service/s3"
 _ "github.com/aws/aws-sdk-go-v2/feature/s3/manager"
 _ "github.com/aws/aws-sdk-go-v2/credentials"
)
func main(){}
