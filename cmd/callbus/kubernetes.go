package main

import "regexp"

// Kubernetes sets variables for every Service of a namespace in every container there, named after the Service: with
// one called callbus, or callbus-nats, they look like settings of callbus. Nobody wrote them, so nobody can mend them.
var (
	serviceName = regexp.MustCompile(`^CALLBUS(_[A-Z0-9_]+)?_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)
	portName    = regexp.MustCompile(`^CALLBUS(_[A-Z0-9_]+)?_PORT$`)
	portValue   = regexp.MustCompile(`^(tcp|udp|sctp)://`)
)

// byKubernetes tells whether Kubernetes set the variable. CALLBUS_HTTP_PORT=8080 it did not: that is a slip to be told of.
func byKubernetes(variable, value string) bool {
	return serviceName.MatchString(variable) || portName.MatchString(variable) && portValue.MatchString(value)
}
