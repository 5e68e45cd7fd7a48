package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/callbus/callbus/schemas"
)

const schemaLong = `Prints the JSON Schema (2020-12) of an event type's data, or of the envelope around it. Without TYPE it lists the names.
--asyncapi prints the AsyncAPI 3 document of all subjects.`

const schemaExamples = `  callbus schema
  callbus schema call.missed
  callbus schema --asyncapi > asyncapi.json`

func newSchemaCmd(w *world) *cobra.Command {
	var asyncapi bool
	cmd := &cobra.Command{
		Use:               "schema [TYPE]",
		Short:             "Print the JSON Schema of an event type",
		Long:              schemaLong,
		Example:           schemaExamples,
		Args:              atMostOne,
		ValidArgsFunction: completeSchema,
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := schemaText(args, asyncapi)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(w.stdout, strings.TrimSuffix(string(text), "\n"))
			return err
		},
	}
	cmd.Flags().BoolVar(&asyncapi, "asyncapi", false, "print the AsyncAPI document instead")
	return cmd
}

func schemaText(args []string, asyncapi bool) ([]byte, error) {
	switch {
	case asyncapi && len(args) > 0:
		return nil, &usageError{problem: "--asyncapi prints one document of all types, and takes none", try: "Try: callbus schema --asyncapi"}
	case asyncapi:
		return schemas.AsyncAPI(), nil
	case len(args) == 0:
		return []byte(strings.Join(schemas.List(), "\n")), nil
	}
	text, err := schemas.For(args[0])
	if err != nil {
		return nil, &usageError{problem: fmt.Sprintf("there is no schema of %q", args[0]), try: schemaHint(args[0])}
	}
	return text, nil
}

func schemaHint(name string) string {
	if near := nearest(name, schemas.List()); near != "" {
		return "Did you mean: callbus schema " + near + "?"
	}
	return "There are: " + strings.Join(schemas.List(), ", ")
}

func atMostOne(cmd *cobra.Command, args []string) error {
	if len(args) <= 1 {
		return nil
	}
	return &usageError{
		problem: fmt.Sprintf("%s takes one argument at most, and was given %d", cmd.CommandPath(), len(args)),
		try:     "Try: " + cmd.CommandPath() + " --help",
	}
}

func completeSchema(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return schemas.List(), cobra.ShellCompDirectiveNoFileComp
}
