// Package natstest runs a cluster of nats-server processes on loopback, for tests and tools: it kills, stops, freezes and
// restarts them, and says who leads. Nothing of callbus itself needs it.
package natstest
