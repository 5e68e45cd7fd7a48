// Package sinktest helps to test sinks, and what feeds them: [Contract] holds a sink to what every sink promises, and
// [Backlog] is a backlog in memory that keeps the rules of a real one and fails on request.
package sinktest
