// Manifests reads Kubernetes manifests from standard input and refuses a field that Kubernetes does not know, which
// helm lint lets pass and a cluster drops or refuses. For each Deployment and StatefulSet it writes NAME.env into a
// folder: the settings that its callbus gets, with a word in place of what comes from a Secret.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// kinds are what the chart makes, each with an empty one of it.
var kinds = map[string]func() any{
	"v1/ConfigMap":                  func() any { return new(corev1.ConfigMap) },
	"v1/Secret":                     func() any { return new(corev1.Secret) },
	"v1/Service":                    func() any { return new(corev1.Service) },
	"v1/ServiceAccount":             func() any { return new(corev1.ServiceAccount) },
	"apps/v1/Deployment":            func() any { return new(appsv1.Deployment) },
	"apps/v1/StatefulSet":           func() any { return new(appsv1.StatefulSet) },
	"policy/v1/PodDisruptionBudget": func() any { return new(policyv1.PodDisruptionBudget) },
}

// operators are of the Prometheus operator, whose types are not ours to carry: these are only counted.
var operators = map[string]bool{"monitoring.coreos.com/v1/ServiceMonitor": true, "monitoring.coreos.com/v1/PrometheusRule": true}

func main() {
	n, err := check(os.Stdin, os.Args[1])
	if err == nil && n == 0 {
		err = errors.New("nothing to check")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "manifests:", err)
		os.Exit(1)
	}
}

func check(from io.Reader, folder string) (int, error) {
	var n int
	var wrong []error
	documents := kyaml.NewYAMLReader(bufio.NewReader(from))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return n, errors.Join(wrong...)
		}
		if err != nil {
			return n, err
		}
		if len(bytes.TrimSpace(document)) == 0 {
			continue
		}
		n++
		wrong = append(wrong, one(document, folder))
	}
}

func one(document []byte, folder string) error {
	var what struct {
		metav1.TypeMeta `json:",inline"`
		Metadata        metav1.ObjectMeta `json:"metadata"`
	}
	if err := yaml.Unmarshal(document, &what); err != nil {
		return err
	}
	kind := what.APIVersion + "/" + what.Kind
	if operators[kind] {
		return nil
	}
	empty, ok := kinds[kind]
	if !ok {
		return fmt.Errorf("%s %s: a kind that is not checked: name it among kinds", kind, what.Metadata.Name)
	}
	made := empty()
	if err := yaml.UnmarshalStrict(document, made); err != nil {
		return fmt.Errorf("%s %s: %w", kind, what.Metadata.Name, err)
	}
	switch made := made.(type) {
	case *appsv1.Deployment:
		return writeSettings(folder, made.Name, made.Spec.Template.Spec)
	case *appsv1.StatefulSet:
		return writeSettings(folder, made.Name, made.Spec.Template.Spec)
	}
	return nil
}

func writeSettings(folder, name string, pod corev1.PodSpec) error {
	var text strings.Builder
	for _, v := range pod.Containers[0].Env {
		if v.ValueFrom != nil {
			v.Value = "not-a-secret"
		}
		fmt.Fprintf(&text, "%s=%s\n", v.Name, v.Value)
	}
	return os.WriteFile(filepath.Join(folder, name+".env"), []byte(text.String()), 0o600)
}
