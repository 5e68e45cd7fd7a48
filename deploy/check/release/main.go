package main

import _ "github.com/goreleaser/goreleaser/v2/pkg/config"

func main() {}
